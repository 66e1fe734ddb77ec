#pragma once
// Reads the records of a partition of __consumer_offsets from its start to its end, in the order in which
// they count.

#include <functional>

#include "moldau/base/result.hpp"
#include "moldau/group/records.hpp"
#include "moldau/partition/partition.hpp"

namespace moldau::group {

/// Calls `apply` for every record that counts: those of transactions when their COMMIT marker comes, those of
/// aborted ones never.  Records that are not known here are passed over (and counted), as Kafka does; so are
/// records whose bytes do not fit, with a line in the log: one bad record must not take the groups away.
/// Errors: those of Partition::read; corrupt_message when a batch cannot be read.  (blocks)
struct ReadSummary {
  std::size_t records = 0;
  std::size_t passed_over = 0;
};
base::Result<ReadSummary> read_all(partition::Partition& partition,
                                   const std::function<void(const Record&)>& apply);

}  // namespace moldau::group
