#include "hanging_transactions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "moldau/base/log.hpp"

namespace moldau::partition {
namespace {

/// For the line that people read.
std::string describe(const TransactionOwner* owner, bool is_complete) {
  if (owner == nullptr)
    return is_complete ? "which no transactional id has any more"
                       : "whose transactional id is not known now, as the coordinator does not serve all of them";
  if (owner->client_id.empty() && owner->client_host.empty())
    return fmt::format("transactional id {}, client not known: it has begun no transaction since the broker's start",
                       log::client(owner->transactional_id));
  return fmt::format("transactional id {}, client {} at {}", log::client(owner->transactional_id),
                     owner->client_id.empty() ? "without a name" : log::client(owner->client_id),
                     owner->client_host.empty() ? "an address not known" : owner->client_host);
}

}  // namespace

void HangingTransactions::look(const std::vector<std::shared_ptr<Partition>>& partitions,
                               const base::Clock& clock, const FindTransactionOwners& find_owners) {
  count_ = 0;
  const auto found = suspects(partitions, clock);
  if (found.empty()) return;
  std::vector<ProducerId> producers;
  for (const auto& suspect : found) producers.push_back(suspect.transaction.producer_id);
  const auto owners = find_owners ? find_owners(producers) : TransactionOwners{};
  for (const auto& suspect : found) judge(suspect, owners);
}

/// Those that may hang, and about which nothing was said yet.
std::vector<HangingTransactions::Suspect> HangingTransactions::suspects(
    const std::vector<std::shared_ptr<Partition>>& partitions, const base::Clock& clock) {
  std::vector<Suspect> found;
  const auto now = clock.now();
  const auto wall_ms = clock.wall_ms();
  const auto before = std::exchange(seen_, {});
  for (const auto& partition : partitions) {
    const auto open = partition->log().oldest_open_transaction();
    if (!open) continue;
    const TopicIdPartition id{partition->log().topic_id(), partition->topic_partition().partition};
    auto& seen = seen_.emplace(id, Seen{open->producer_id, open->first_offset, now}).first->second;
    const auto earlier = before.find(id);
    const bool is_known = earlier != before.end() &&
                          earlier->second.producer_id == open->producer_id &&
                          earlier->second.first_offset == open->first_offset;
    if (is_known) seen = earlier->second;
    if (seen.is_reported) {
      ++count_;
      continue;
    }
    const auto seen_for = std::chrono::duration_cast<base::Milliseconds>(now - seen.since);
    // Wall clocks say nothing below zero, nor of what has no timestamp.
    const base::Milliseconds written_ago{
        is_known && open->last_timestamp_ms >= 0
            ? std::max<std::int64_t>(wall_ms - open->last_timestamp_ms, 0)
            : 0};
    if (now - seen.since > age_max_ || written_ago > age_max_)
      found.push_back({*partition, *open, seen_for, written_ago, seen});
  }
  return found;
}

void HangingTransactions::judge(const Suspect& suspect, const TransactionOwners& owners) {
  const auto& [partition, transaction, seen_for, written_ago, seen] = suspect;
  const auto& name = partition.topic_partition();
  const auto place = owners.by_producer.find(transaction.producer_id);
  const auto* owner = place == owners.by_producer.end() ? nullptr : &place->second;
  const bool is_forgotten =
      owner != nullptr ? std::ranges::find(owner->partitions, name) == owner->partitions.end()
                       : owners.is_complete;
  const auto age = is_forgotten ? std::max(seen_for, written_ago) : seen_for;
  if (age <= age_max_) return;
  // It may have ended while its coordinator was asked.
  const auto still = partition.log().oldest_open_transaction();
  if (!still || still->producer_id != transaction.producer_id ||
      still->first_offset != transaction.first_offset)
    return;
  ++count_;
  seen.is_reported = true;
  const auto topic = log::client(name.topic);
  log::warn("transaction.hanging",
            "{}-{}: the transaction of producer {} ({}) that begins at offset {} has been open for {} minutes{}, "
            "longer than transaction.max.timeout.ms allows any to be, and readers of committed records wait "
            "for it; kafka-transactions.sh abort --topic {} --partition {} --start-offset {} ends it",
            topic, name.partition.value(), transaction.producer_id.value(),
            describe(owner, owners.is_complete), transaction.first_offset.value(),
            std::chrono::duration_cast<std::chrono::minutes>(age).count(),
            age > seen_for ? " by the timestamp of its newest record" : "", topic,
            name.partition.value(), transaction.first_offset.value());
}

}  // namespace moldau::partition
