#include "moldau/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace moldau::base {

void check_failed(std::string_view expression, std::string_view message, std::string_view file,
                  int line) {
  // Plain stdio: the logger may be what is broken.
  std::fprintf(stderr, "moldau: invariant broken at %.*s:%d: %.*s (%.*s)\n",
               static_cast<int>(file.size()), file.data(), line, static_cast<int>(message.size()),
               message.data(), static_cast<int>(expression.size()), expression.data());
  std::abort();
}

}  // namespace moldau::base
