#pragma once
// What goes into a step of the transaction machine and what comes out: requests, time and new producer ids
// in; records, answers, markers and deadlines out.  Nothing of the machine asks for the time, waits, or writes.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/coordinator/deadlines.hpp"
#include "moldau/coordinator/effects.hpp"
#include "moldau/txn/options.hpp"
#include "moldau/txn/records.hpp"

namespace moldau::txn {

struct Now {
  base::SteadyTime steady{};  // deadlines
  std::int64_t wall_ms = 0;   // what records say
};

/// Markers that are to be written, now that the decision is in the log.  Every partition gets the same one.
struct MarkerOrder {
  std::string transactional_id;
  coordinator::Marker marker;
  std::vector<TopicPartition> partitions;
};

struct Effects : coordinator::Effects<TransactionRecord> {
  /// To be written after `records`, in the same order of the lane.  Whoever drives the machine tells it what
  /// became of them by Machine::markers_written().
  std::vector<MarkerOrder> markers;
};

/// One deadline for a transactional id: its transaction's timeout, or when to write markers again.
using Deadlines = coordinator::Deadlines<std::string>;

/// All that one step may look at and touch, besides the machine itself.
struct Step {
  Now now;
  const TransactionOptions& options;
  std::int16_t transaction_version = 2;      // the finalized level: 0, 1 or 2
  std::int32_t coordinator_epoch = 0;        // the leader epoch of the machine's partition
  /// A producer id that nobody ever had; nullopt when the next block is still on its way, and then the step
  /// changes nothing and answers coordinator_load_in_progress.
  const std::function<std::optional<ProducerId>()>& new_producer_id;
  Deadlines& deadlines;
  Effects& effects;
};

/// A request's own facts.
struct Caller {
  std::int16_t version = 0;         // of its API
  std::uint64_t connection_id = 0;  // rises with time: a connection made later has a larger one
  std::string client_id;
  std::string host;                 // "/192.0.2.7"
};

}  // namespace moldau::txn
