#pragma once
// Transactions that are open in a log for longer than any coordinator lets one be: whoever should end them
// does not know of them, and readers of committed records wait for ever (KIP-664; reliability.md T4).

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/partition/partition.hpp"
#include "moldau/partition/transaction_owner.hpp"

namespace moldau::partition {

/// Looks at the oldest transaction of each log, which is the one that readers wait for.
///
/// Its age is the time since the look that first saw it, or since its newest record by that record's own
/// timestamp, which a restart does not forget.  The latter is the client's word and a wall clock's, so it
/// counts only where the coordinator says that it will not end the transaction, and at the second look that sees
/// it: copies of old records, or a clock that jumps, make nobody's healthy transaction a hanging one.
/// Thread rule: one thread.
class HangingTransactions {
 public:
  /// A transaction older than `age_max` is named in the log, once.
  explicit HangingTransactions(base::Milliseconds age_max) : age_max_(age_max) {}
  void look(const std::vector<std::shared_ptr<Partition>>& partitions, const base::Clock& clock,
            const FindTransactionOwners& find_owners);
  /// How many the last look found.
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  struct Seen {
    ProducerId producer_id{};
    Offset first_offset{};
    base::SteadyTime since{};
    bool is_reported = false;
  };
  struct Suspect {
    Partition& partition;
    storage::OpenTransaction transaction;
    base::Milliseconds seen_for;
    base::Milliseconds written_ago;  // zero: not to be gone by
    Seen& seen;
  };

  [[nodiscard]] std::vector<Suspect> suspects(
      const std::vector<std::shared_ptr<Partition>>& partitions, const base::Clock& clock);
  void judge(const Suspect& suspect, const TransactionOwners& owners);

  const base::Milliseconds age_max_;
  std::unordered_map<TopicIdPartition, Seen> seen_;
  std::size_t count_ = 0;
};

}  // namespace moldau::partition
