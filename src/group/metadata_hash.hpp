#pragma once
// What a consumer group remembers of the topics that it reads, to see that they changed: Kafka's
// hash of them (KIP-1101), to the bit, so that a group which changes between Kafka and Moldau does
// not rebalance.

#include <cstdint>
#include <span>
#include <string_view>

#include "moldau/metadata/image.hpp"

namespace moldau::group {

/// Of the topic's id, name, number of partitions, and the racks of their replicas.
[[nodiscard]] std::int64_t topic_hash(const metadata::TopicImage& topic,
                                      const metadata::MetadataImage& image);

/// `topics` ascending by name; 0 when there are none.
[[nodiscard]] std::int64_t group_hash(std::span<const metadata::TopicImage* const> topics,
                                      const metadata::MetadataImage& image);

}  // namespace moldau::group
