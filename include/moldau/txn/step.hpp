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

using coordinator::Now;

/// Markers that are to be written, now that the decision is in the log.  Every partition gets the same one.
struct MarkerOrder {
  std::string transactional_id;
  coordinator::Marker marker;
  std::vector<TopicPartition> partitions;  // at least one
};

/// A transaction that its producer left open for longer than its timeout, and that is aborted for it.
struct TimedOut {
  std::string transactional_id;
  coordinator::Producer producer;  // before it was left behind
  std::string client_id;           // who began it, as far as it is known: a restart forgets it
  std::string host;
  std::int64_t open_ms = 0;
};

struct Effects : coordinator::Effects<TransactionRecord> {
  /// To be written after `records`, in the same order of the lane.  Whoever drives the machine tells it what
  /// became of each by Machine::markers_written(), before any other step.
  std::vector<MarkerOrder> markers;
  /// For the log that people read.
  std::vector<TimedOut> timed_out;
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
