#pragma once
// Reads the records of a coordinator's partition from its start to its end.

#include <cstddef>
#include <string_view>

#include "moldau/base/result.hpp"
#include "moldau/coordinator/state_machine.hpp"
#include "moldau/partition/partition.hpp"

namespace moldau::coordinator {

struct ReadSummary {
  std::size_t records = 0;
  std::size_t passed_over = 0;
};

/// Gives `machine` every record and every end of a transaction, in the order of the log.  `name`: of the
/// coordinator, for lines in the log.
/// Errors: those of Partition::read; corrupt_message when a batch cannot be read.  (blocks)
base::Result<ReadSummary> read_all(partition::Partition& partition, std::string_view name,
                                   StateMachine& machine);

}  // namespace moldau::coordinator
