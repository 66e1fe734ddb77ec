#pragma once
// The error codes in an answer, wherever in it they stand: what metrics count by.

#include <concepts>
#include <optional>
#include <vector>

#include "moldau/codec/fields.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::api {

template <class T>
struct HoldsErrorCode;

/// Whether an error code may stand in a T.  Known by the type alone, so that the arrays without one
/// (the configurations of a resource, the replicas of a partition) are not gone through.
template <class T>
inline constexpr bool holds_error_code = HoldsErrorCode<T>::value();

template <class T>
struct HoldsErrorCode {
  static consteval bool value() {
    if constexpr (codec::FieldList<T>) {
      HoldsErrorCode finder;
      T::fields(finder, codec::detail::prototype<T>);
      return finder.found_;
    } else {
      return std::same_as<T, protocol::ErrorCode>;
    }
  }
  template <class Field>
  constexpr void operator()(const char*, const Field&, codec::FieldSpec) {
    found_ = found_ || holds_error_code<Field>;
  }

 private:
  bool found_ = false;
};
template <class T>
struct HoldsErrorCode<std::optional<T>> : HoldsErrorCode<T> {};
template <class T>
struct HoldsErrorCode<std::vector<T>> : HoldsErrorCode<T> {};

template <class Visit>
class ErrorFinder {
 public:
  explicit ErrorFinder(Visit& visit) : visit_(visit) {}
  template <class T>
  void operator()(const char*, const T& value, codec::FieldSpec) {
    if constexpr (holds_error_code<T>) look(value);
  }

 private:
  void look(const protocol::ErrorCode& code) {
    if (code != protocol::ErrorCode::none) visit_(code);
  }
  template <codec::FieldList T>
  void look(const T& value) {
    T::fields(*this, value);
  }
  template <class T>
  void look(const std::optional<T>& value) {
    if (value) look(*value);
  }
  template <class T>
  void look(const std::vector<T>& values) {
    for (const T& value : values) look(value);
  }

  Visit& visit_;
};

/// Calls `visit(code)` for every code but none.
template <class Response, class Visit>
void for_each_error(const Response& response, Visit visit) {
  ErrorFinder<Visit> finder(visit);
  Response::fields(finder, response);
}

}  // namespace moldau::api
