#pragma once
// Producer state out of the newest usable snapshot and the batches above it.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "producer_state.hpp"
#include "segment.hpp"

namespace moldau::storage {

/// Applies the batches of `segment` in [from, end) to `state`, and tells of every transaction that is ended
/// among them.  Errors: damaged.  (blocks)
base::Status apply_batches(Segment& segment, Offset from, Offset end, ProducerState& state,
                           const std::function<void(const CompletedTransaction&)>& completed = {});

/// The state at `end`.  A snapshot that is damaged is passed over.  After an orderly stop, a log without a
/// snapshot has no producers, as in Kafka, and is not scanned.  (blocks)
base::Result<ProducerState> load_producers(FileSystem& fs, const std::string& directory,
                                           const std::vector<std::shared_ptr<Segment>>& segments,
                                           Offset end, bool clean = false);

}  // namespace moldau::storage
