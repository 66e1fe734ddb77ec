#pragma once
// A regular expression of a client, in RE2's syntax, which Kafka's own library shares.  Linear in the
// length of what it is matched against, whatever the expression.

#include <cstddef>
#include <memory>
#include <string_view>

#include "moldau/base/result.hpp"

namespace re2 {
class RE2;
}

namespace moldau::base {

class Pattern {
 public:
  /// Bytes of an expression.
  static constexpr std::size_t length_max = 16 * 1024;

  /// Errors: invalid_argument, with what is wrong in Kafka's words.
  static Result<Pattern> compile(std::string_view expression);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  /// The whole text.
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  explicit Pattern(std::unique_ptr<re2::RE2> regex);
  std::unique_ptr<re2::RE2> regex_;
};

}  // namespace moldau::base
