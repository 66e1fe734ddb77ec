#pragma once
// Producer state out of the newest usable snapshot and the batches above it.

#include <memory>
#include <string>
#include <vector>

#include "producer_state.hpp"
#include "segment.hpp"

namespace moldau::storage {

/// The state at `end`.  A snapshot that is damaged is passed over.  After an orderly stop, a log without a
/// snapshot has no producers, as in Kafka, and is not scanned.  (blocks)
base::Result<ProducerState> load_producers(FileSystem& fs, const std::string& directory,
                                           const std::vector<std::shared_ptr<Segment>>& segments,
                                           Offset end, bool clean = false);

}  // namespace moldau::storage
