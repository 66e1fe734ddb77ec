#pragma once
// The small text files that say whose a directory is: meta.properties of a log directory,
// partition.metadata of a partition, and the clean-shutdown marker.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moldau/base/result.hpp"
#include "moldau/storage/log_directory.hpp"

namespace moldau::storage {

std::string encode_meta_properties(const DirectoryIdentity& identity);
/// Errors: foreign_directory for another version than 1 (KRaft's) or missing keys.
base::Result<DirectoryIdentity> decode_meta_properties(std::string_view text);

std::string encode_partition_metadata(const TopicId& topic_id);
base::Result<TopicId> decode_partition_metadata(std::string_view text);

std::string encode_clean_shutdown(std::int64_t broker_epoch);
/// -1 when the file says nothing of it (older Kafka wrote an empty one).
std::int64_t decode_clean_shutdown(std::string_view text);

}  // namespace moldau::storage
