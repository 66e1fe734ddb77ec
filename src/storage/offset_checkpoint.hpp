#pragma once
// Kafka's files of one offset per partition: recovery-point-, replication-, log-start- and
// cleaner-offset-checkpoint.

#include <map>
#include <string>
#include <string_view>

#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::storage {

using OffsetCheckpoint = std::map<TopicPartition, Offset>;

std::string encode_offset_checkpoint(const OffsetCheckpoint& offsets);
base::Result<OffsetCheckpoint> decode_offset_checkpoint(std::string_view text);
/// Empty when the file is absent.
base::Result<OffsetCheckpoint> read_offset_checkpoint(FileSystem& fs, const std::string& path);

}  // namespace moldau::storage
