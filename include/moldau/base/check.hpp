#pragma once
// Invariants, on in release builds too: wrong data acknowledged is worse than a crash.  Never for
// input from outside.

#include <string_view>

namespace moldau::base {
[[noreturn]] void check_failed(std::string_view expression, std::string_view message,
                               std::string_view file, int line);
}  // namespace moldau::base

#define MOLDAU_CHECK(condition, message)                                                \
  do {                                                                                  \
    if (!(condition)) [[unlikely]]                                                      \
      ::moldau::base::check_failed(#condition, message, __FILE__, __LINE__);            \
  } while (false)
