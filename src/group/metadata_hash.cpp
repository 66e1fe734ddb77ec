#include "group/metadata_hash.hpp"

#define XXH_INLINE_ALL  // header-only
#include <xxhash.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "moldau/base/java_hash.hpp"

namespace moldau::group {
namespace {

/// The bytes that Kafka feeds to XXH3: numbers little-endian, texts as UTF-16 with their length
/// after.
class Input {
 public:
  template <class Int>
    requires std::is_integral_v<Int>
  void number(Int value) {
    auto rest = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(Int); ++i, rest >>= 8)
      bytes_.push_back(static_cast<unsigned char>(rest));
  }
  void text(const std::u16string& chars) {
    for (const char16_t c : chars) number(static_cast<std::uint16_t>(c));
    number(static_cast<std::int32_t>(chars.size()));
  }
  /// A UUID's halves are numbers, high before low.
  void id(const base::Uuid& id) {
    for (std::size_t half = 0; half < 2; ++half)
      for (std::size_t i = 8; i > 0; --i) bytes_.push_back(id.bytes[half * 8 + i - 1]);
  }
  [[nodiscard]] std::int64_t hash() const {
    return static_cast<std::int64_t>(XXH3_64bits(bytes_.data(), bytes_.size()));
  }

 private:
  std::vector<unsigned char> bytes_;
};

std::vector<std::u16string> racks_of(const metadata::PartitionImage& partition,
                                     const metadata::MetadataImage& image) {
  std::vector<std::u16string> racks;
  for (const auto replica : partition.replicas) {
    const auto* broker = image.find_broker(replica);
    if (broker != nullptr && broker->rack) racks.push_back(base::java_chars(*broker->rack));
  }
  std::ranges::sort(racks);
  return racks;
}

}  // namespace

std::int64_t topic_hash(const metadata::TopicImage& topic, const metadata::MetadataImage& image) {
  Input input;
  input.number(std::uint8_t{0});  // the version of this very layout
  input.id(topic.id);
  input.text(base::java_chars(topic.name));
  input.number(static_cast<std::int32_t>(topic.partitions.size()));
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    input.number(static_cast<std::int32_t>(i));
    for (const auto& rack : racks_of(topic.partitions[i], image)) {
      // The length stands before as well, so that no two lists of racks look alike.
      input.number(static_cast<std::int32_t>(rack.size()));
      input.text(rack);
    }
  }
  return input.hash();
}

std::int64_t group_hash(std::span<const metadata::TopicImage* const> topics,
                        const metadata::MetadataImage& image) {
  if (topics.empty()) return 0;
  Input input;
  for (const auto* topic : topics) input.number(topic_hash(*topic, image));
  return input.hash();
}

}  // namespace moldau::group
