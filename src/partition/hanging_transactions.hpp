#pragma once
// Transactions that are open in a log for longer than any coordinator lets one be: whoever should end them
// does not know of them, and readers of committed records wait for ever (KIP-664; reliability.md T4).

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/partition/partition.hpp"

namespace moldau::partition {

/// Looks at the oldest transaction of each log, which is the one that readers wait for.  Age is counted from
/// the look that first saw it: what records say of time is the producers' word.
/// Thread rule: one thread.
class HangingTransactions {
 public:
  /// A transaction older than `age_max` is named in the log, once.
  explicit HangingTransactions(base::Milliseconds age_max) : age_max_(age_max) {}
  void look(const std::vector<std::shared_ptr<Partition>>& partitions, base::SteadyTime now);
  /// How many the last look found.
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  struct Seen {
    storage::OpenTransaction transaction;
    base::SteadyTime since{};
    bool is_reported = false;
  };

  const base::Milliseconds age_max_;
  std::unordered_map<TopicIdPartition, Seen> seen_;
  std::size_t count_ = 0;
};

}  // namespace moldau::partition
