#pragma once
// The ids and positions of the domain, each a type of its own (names as in Kafka's protocol).

#include <cstdint>
#include <string>

#include "moldau/base/strong_type.hpp"
#include "moldau/base/uuid.hpp"

namespace moldau {

/// A record's position in its partition.  Offset + n is the offset n records later.
using Offset = base::StrongType<std::int64_t, struct OffsetTag>;
constexpr Offset operator+(Offset o, std::int64_t n) { return Offset{o.value() + n}; }
constexpr Offset operator-(Offset o, std::int64_t n) { return Offset{o.value() - n}; }
constexpr std::int64_t operator-(Offset a, Offset b) { return a.value() - b.value(); }

using LeaderEpoch = base::StrongType<std::int32_t, struct LeaderEpochTag>;
using PartitionEpoch = base::StrongType<std::int32_t, struct PartitionEpochTag>;
using PartitionIndex = base::StrongType<std::int32_t, struct PartitionIndexTag>;
using BrokerId = base::StrongType<std::int32_t, struct BrokerIdTag>;
using BrokerEpoch = base::StrongType<std::int64_t, struct BrokerEpochTag>;
using ProducerId = base::StrongType<std::int64_t, struct ProducerIdTag>;
using ProducerEpoch = base::StrongType<std::int16_t, struct ProducerEpochTag>;
/// Position of an entry in the write-ahead lane; rises by one per entry over the life of a process.
using Lsn = base::StrongType<std::uint64_t, struct LsnTag>;

constexpr Offset no_offset{-1};
constexpr LeaderEpoch no_leader_epoch{-1};
constexpr ProducerId no_producer_id{-1};
constexpr ProducerEpoch no_producer_epoch{-1};

using TopicId = base::Uuid;

/// A partition by its topic's name: what directories and checkpoint files are named by.
struct TopicPartition {
  std::string topic;
  PartitionIndex partition{};
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

/// A partition by its topic's id: never reused, so it survives deletion and re-creation of a name.
struct TopicIdPartition {
  TopicId topic_id{};
  PartitionIndex partition{};
  friend auto operator<=>(const TopicIdPartition&, const TopicIdPartition&) = default;
};

}  // namespace moldau

template <>
struct std::hash<moldau::TopicIdPartition> {
  std::size_t operator()(const moldau::TopicIdPartition& p) const noexcept {
    return std::hash<moldau::TopicId>{}(p.topic_id) +
           static_cast<std::size_t>(p.partition.value()) * 0x9E3779B97F4A7C15ULL;
  }
};
template <>
struct std::hash<moldau::TopicPartition> {
  std::size_t operator()(const moldau::TopicPartition& p) const noexcept {
    return std::hash<std::string>{}(p.topic) +
           static_cast<std::size_t>(p.partition.value()) * 0x9E3779B97F4A7C15ULL;
  }
};
