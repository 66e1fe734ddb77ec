#pragma once
// A subscription by regular expression (KIP-848): resolved by the broker, in RE2's syntax, which
// Kafka's own library shares.  Linear in the length of what it is matched against, whatever the
// expression.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/result.hpp"
#include "moldau/metadata/image.hpp"

namespace re2 {
class RE2;
}

namespace moldau::group {

class TopicRegex {
 public:
  /// Bytes of an expression.
  static constexpr std::size_t length_max = 16 * 1024;

  /// Errors: invalid_argument, with what is wrong in Kafka's words.
  static base::Result<TopicRegex> compile(std::string_view expression);
  ~TopicRegex();
  TopicRegex(TopicRegex&&) noexcept;
  TopicRegex& operator=(TopicRegex&&) noexcept;

  /// The whole name.
  [[nodiscard]] bool matches(std::string_view topic) const;
  /// Names, ascending.
  [[nodiscard]] std::vector<std::string> matching_topics(
      const metadata::MetadataImage& image) const;

 private:
  explicit TopicRegex(std::unique_ptr<re2::RE2> regex);
  std::unique_ptr<re2::RE2> regex_;
};

}  // namespace moldau::group
