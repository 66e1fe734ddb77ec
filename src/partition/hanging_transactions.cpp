#include "hanging_transactions.hpp"

#include <utility>

#include "moldau/base/log.hpp"

namespace moldau::partition {

void HangingTransactions::look(const std::vector<std::shared_ptr<Partition>>& partitions,
                               base::SteadyTime now) {
  const auto before = std::exchange(seen_, {});
  count_ = 0;
  for (const auto& partition : partitions) {
    const auto open = partition->log().oldest_open_transaction();
    if (!open) continue;
    const auto& name = partition->topic_partition();
    const TopicIdPartition id{partition->log().topic_id(), name.partition};
    auto& seen = seen_.emplace(id, Seen{*open, now}).first->second;
    if (const auto earlier = before.find(id);
        earlier != before.end() && earlier->second.transaction == *open)
      seen = earlier->second;
    if (now - seen.since <= age_max_) continue;
    ++count_;
    if (std::exchange(seen.is_reported, true)) continue;
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(now - seen.since).count();
    log::warn("transaction.hanging",
              "{}-{}: the transaction of producer {} that begins at offset {} has been open for {} minutes, "
              "longer than transaction.max.timeout.ms allows any to be, and readers of committed records wait "
              "for it; kafka-transactions.sh abort --topic {} --partition {} --start-offset {} ends it",
              log::client(name.topic), name.partition.value(), open->producer_id.value(),
              open->first_offset.value(), minutes, log::client(name.topic), name.partition.value(),
              open->first_offset.value());
  }
}

}  // namespace moldau::partition
