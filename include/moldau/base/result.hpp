#pragma once
// Result<T>: a value or an Error.  For everything that the world can do to us; invariants use
// MOLDAU_CHECK.  value() on an error is a bug and ends the process.

#include <boost/system/result.hpp>
#include <string>
#include <utility>

#include "moldau/base/error.hpp"

namespace moldau::base {

template <class T>
using Result = boost::system::result<T, Error>;
using Status = Result<void>;

/// return fail(Errc::io, "what, where, how to put it right");
[[nodiscard]] inline Error fail(Errc code, std::string message) {
  return Error{code, std::move(message)};
}

[[noreturn]] void value_of_error(const Error& error);
/// Found by boost::system::result for value() on an error.
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
  value_of_error(error);
}

}  // namespace moldau::base

/// Returns the error of `expression` from the calling function, if it has one.
#define MOLDAU_TRY(expression)                               \
  do {                                                       \
    auto&& moldau_try_result = (expression);                 \
    if (!moldau_try_result.has_value()) {                    \
      return std::move(moldau_try_result).error();           \
    }                                                        \
  } while (false)

/// MOLDAU_ASSIGN(auto x, expression): x = the value, or returns the error.
#define MOLDAU_ASSIGN(target, expression) \
  MOLDAU_ASSIGN_IMPL(MOLDAU_CONCAT(moldau_result_, __LINE__), target, expression)
#define MOLDAU_ASSIGN_IMPL(temporary, target, expression)                   \
  auto temporary = (expression);                                            \
  if (!temporary.has_value()) return std::move(temporary).error();          \
  target = std::move(temporary).value()
#define MOLDAU_CONCAT(a, b) MOLDAU_CONCAT_IMPL(a, b)
#define MOLDAU_CONCAT_IMPL(a, b) a##b
