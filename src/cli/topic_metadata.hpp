#pragma once
// What a broker says of topics, as the verbs need it.

#include <cstdint>
#include <string>
#include <vector>

#include "client.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/protocol/metadata.hpp"

namespace moldau::cli {

using TopicMetadata = protocol::MetadataResponse::Topic;

/// ListOffsets' special timestamps.
constexpr std::int64_t latest_timestamp = -1;
constexpr std::int64_t earliest_timestamp = -2;

/// All topics, by name.
base::Result<std::vector<TopicMetadata>> all_topics(Client& client);

/// One topic, its partitions by index.  `create`: the broker may make it
/// (auto.create.topics.enable); waits up to 10 s until it has a leader.  A topic that does not
/// exist is an error that says so.
base::Result<TopicMetadata> find_topic(Client& client, const std::string& name, bool create);

/// The offsets of `partitions` at `timestamp`, in the same order.
base::Result<std::vector<Offset>> list_offsets(Client& client, const std::string& topic,
                                               const std::vector<PartitionIndex>& partitions,
                                               std::int64_t timestamp);

}  // namespace moldau::cli
