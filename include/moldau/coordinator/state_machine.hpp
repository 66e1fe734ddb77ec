#pragma once
// The machine of a shard as the shard drives it: a fold over the records of one partition.

#include <optional>

#include "moldau/base/clock.hpp"
#include "moldau/base/result.hpp"
#include "moldau/coordinator/effects.hpp"
#include "moldau/coordinator/turn.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::coordinator {

/// Made anew for every load.  Steps are run on what a layer derives from it (ShardSet::run).
/// Thread rule: one thread at a time: the one that reads the log, then whoever has the shard's lock.
class StateMachine {
 public:
  virtual ~StateMachine() = default;

  /// The next record of the log.  One of a transaction comes with its producer when it is read, and counts
  /// from end_transaction(commit) on.  Errors: unsupported (passed over, as Kafka does), and others for bytes
  /// that do not fit (passed over with a line in the log: one bad record must not take the others away).
  virtual base::Status apply(const record::Record& record,
                             const std::optional<Producer>& producer) = 0;
  /// The marker of a transaction, which need not have records here.
  virtual void end_transaction(ProducerId producer, bool commit) = 0;
  /// All records were applied, and steps may come.  A log that has no record at all is not told of.
  virtual void finish_loading(Turn& turn) = 0;

  /// Time has passed: everything that is due is done.
  virtual void expire(Turn& turn) = 0;
  /// When to call expire() next at the latest; nullopt: never.
  [[nodiscard]] virtual std::optional<base::SteadyTime> next_deadline() = 0;
  /// Every deadline is that much later: time in which nobody could have been heard.
  virtual void postpone(base::SteadyTime::duration by) = 0;
};

}  // namespace moldau::coordinator
