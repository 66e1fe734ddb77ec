#include "moldau/partition/partition_manager.hpp"

#include <algorithm>
#include <utility>

#include "hanging_transactions.hpp"
#include "moldau/base/log.hpp"
#include "moldau/metadata/config_view.hpp"

namespace moldau::partition {

using base::Errc;
using base::fail;
using base::MutexLock;

namespace {

/// A transaction is ended by its coordinator so long after its time at the latest.
constexpr base::Milliseconds late_transaction{5 * 60'000};

LeaderState leader_state(const metadata::PartitionImage& partition) {
  return {partition.leader_epoch, partition.partition_epoch, partition.leader, partition.replicas,
          partition.isr};
}

}  // namespace

PartitionManager::PartitionManager(storage::LogDirectory& directory,
                                   const metadata::BrokerConfig& static_config, BrokerId self)
    : directory_(directory),
      static_config_(static_config),
      self_(self),
      hanging_(std::make_unique<HangingTransactions>(
          base::Milliseconds{static_config.integer("transaction.max.timeout.ms")} + late_transaction)),
      table_(std::make_shared<const Table>()) {}

PartitionManager::~PartitionManager() = default;

std::shared_ptr<const PartitionManager::Table> PartitionManager::table() const {
  MutexLock lock(mutex_);
  return table_;
}

void PartitionManager::note_offline(const TopicPartition& partition, const base::Error& reason) {
  log::error("partition.offline", "{}-{} is offline: {}", log::client(partition.topic),
             partition.partition.value(), base::to_string(reason));
  MutexLock lock(mutex_);
  offline_.push_back({partition, reason});
}

PartitionManager::ConfigPtr PartitionManager::config_of(const metadata::MetadataImage& image,
                                                        std::string_view topic) const {
  return metadata::TopicConfig::resolve(image, static_config_, self_, topic);
}

PartitionPtr PartitionManager::open_partition(const metadata::TopicImage& topic,
                                              PartitionIndex index, const ConfigPtr& config) {
  const TopicPartition name{topic.name, index};
  std::shared_ptr<storage::Log> log = directory_.find({topic.id, index});
  if (log == nullptr) {
    auto created = directory_.create_log(name, topic.id, storage::LogOptions{});
    if (!created) {
      note_offline(name, created.error());
      return nullptr;
    }
    log = std::move(created).value();
  }
  return std::make_shared<Partition>(std::move(log), self_, config);
}

void PartitionManager::apply_topic(const metadata::TopicImage& topic,
                                   const std::vector<PartitionIndex>& changed,
                                   const metadata::MetadataImage& image, Table& table) {
  auto next = std::make_shared<Topic>();
  next->id = topic.id;
  if (const auto old = table.by_id.find(topic.id); old != table.by_id.end())
    next->partitions = old->second->partitions;
  next->partitions.resize(topic.partitions.size());
  const ConfigPtr config = config_of(image, topic.name);
  for (const PartitionIndex index : changed) {
    const auto at = static_cast<std::size_t>(index.value());
    auto& partition = next->partitions[at];
    if (partition == nullptr) partition = open_partition(topic, index, config);
    if (partition == nullptr) continue;
    if (const auto status = partition->become_leader(leader_state(topic.partitions[at])); !status) {
      partition->take_offline(status.error());
      note_offline({topic.name, index}, status.error());
    }
  }
  table.by_name[topic.name] = topic.id;
  table.by_id[topic.id] = std::move(next);
}

void PartitionManager::apply_configs(const metadata::MetadataImage& image,
                                     const std::vector<metadata::ConfigResource>& changed,
                                     const Table& table) {
  const auto configure = [&](std::string_view name, const TopicId& id) {
    const ConfigPtr config = config_of(image, name);
    for (const auto& partition : table.by_id.at(id)->partitions)
      if (partition != nullptr) partition->set_config(config);
  };
  const bool of_broker = std::any_of(changed.begin(), changed.end(), [](const auto& resource) {
    return resource.type == metadata::ConfigResourceType::broker;
  });
  if (of_broker) {  // The defaults of every topic may have moved.
    for (const auto& [name, id] : table.by_name) configure(name, id);
    return;
  }
  for (const auto& resource : changed) {
    if (resource.type != metadata::ConfigResourceType::topic) continue;
    if (const auto place = table.by_name.find(resource.name); place != table.by_name.end())
      configure(place->first, place->second);
  }
}

void PartitionManager::remove_topic(const TopicId& id, Table& table) {
  const auto place = table.by_id.find(id);
  if (place == table.by_id.end()) return;
  const auto topic = place->second;
  table.by_id.erase(place);
  std::erase_if(table.by_name, [&](const auto& entry) { return entry.second == id; });
  for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
    const PartitionIndex index{static_cast<std::int32_t>(i)};
    if (const auto& partition = topic->partitions[i])
      partition->take_offline(fail(Errc::unknown_topic, "the topic was deleted"));
    if (const auto status = directory_.delete_log({id, index});
        !status && status.error().code != Errc::not_found)
      log::error("partition.delete_failed", "{}", base::to_string(status.error()));
  }
}

void PartitionManager::move_strays_aside(const metadata::MetadataImage& image) {
  for (const auto& log : directory_.logs()) {
    const auto* topic = image.find_topic(log->topic_id());
    const auto index = log->topic_partition().partition;
    if (topic != nullptr && static_cast<std::size_t>(index.value()) < topic->partitions.size()) continue;
    const auto moved = directory_.move_aside({log->topic_id(), index});
    if (moved && moved->empty())
      log::warn("partition.stray", "{}-{} belongs to no topic and has no files: its deletion, which a crash cut "
                "short, is complete now", log::client(log->topic_partition().topic), index.value());
    else if (moved)
      log::warn("partition.stray", "{}-{} belongs to no topic (a deletion that a crash cut short); its files "
                "are in {} now: remove them when you do not miss them",
                log::client(log->topic_partition().topic), index.value(), moved.value());
    else
      log::error("partition.stray", "{}-{} belongs to no topic and cannot be moved aside: {}",
                 log::client(log->topic_partition().topic), index.value(),
                 base::to_string(moved.error()));
  }
}

void PartitionManager::apply(const metadata::MetadataImage& image,
                             const metadata::MetadataDelta& delta) {
  if (!std::exchange(strays_looked_for_, true)) move_strays_aside(image);
  auto next = std::make_shared<Table>(*table());
  for (const auto& topic : delta.topics) {
    if (topic.is_deleted()) {
      remove_topic(topic.before->id, *next);
    } else {
      apply_topic(*topic.after, topic.changed, image, *next);
    }
  }
  apply_configs(image, delta.configs, *next);
  MutexLock lock(mutex_);
  table_ = std::move(next);
}

void PartitionManager::when_durable(Lsn lsn, base::Function<void(const base::Status&)> done) {
  std::optional<base::Error> failed = directory_.failed();
  {
    MutexLock lock(mutex_);
    if (!failed && directory_.durable_lsn() < lsn) {
      durable_waiters_.push_back({lsn, std::move(done)});
      return;
    }
  }
  if (failed) {
    done(*failed);
  } else {
    done({});
  }
}

void PartitionManager::committed(const base::Status& status) {
  std::vector<DurableWaiter> due;
  {
    MutexLock lock(mutex_);
    const Lsn durable = directory_.durable_lsn();
    const auto first_due =
        std::partition(durable_waiters_.begin(), durable_waiters_.end(),
                       [&](const DurableWaiter& w) { return status && w.lsn > durable; });
    std::move(first_due, durable_waiters_.end(), std::back_inserter(due));
    durable_waiters_.erase(first_due, durable_waiters_.end());
  }
  for (auto& waiter : due) waiter.done(status);
}

void PartitionManager::find_transaction_owners_by(FindTransactionOwners find_owners) {
  MutexLock lock(mutex_);
  find_owners_ = std::move(find_owners);
}

void PartitionManager::look_for_hanging_transactions(const base::Clock& clock) {
  FindTransactionOwners find_owners;
  {
    MutexLock lock(mutex_);
    find_owners = find_owners_;
  }
  hanging_->look(all(), clock, find_owners);
  hanging_count_.store(hanging_->count());
}

PartitionPtr PartitionManager::find(std::string_view topic, PartitionIndex partition) const {
  const auto snapshot = table();
  const auto id = snapshot->by_name.find(topic);
  if (id == snapshot->by_name.end()) return nullptr;
  const auto& partitions = snapshot->by_id.at(id->second)->partitions;
  const auto index = static_cast<std::size_t>(partition.value());
  return partition.value() >= 0 && index < partitions.size() ? partitions[index] : nullptr;
}

PartitionPtr PartitionManager::find(const TopicIdPartition& partition) const {
  const auto snapshot = table();
  const auto topic = snapshot->by_id.find(partition.topic_id);
  if (topic == snapshot->by_id.end()) return nullptr;
  const auto& partitions = topic->second->partitions;
  const auto index = static_cast<std::size_t>(partition.partition.value());
  return partition.partition.value() >= 0 && index < partitions.size() ? partitions[index]
                                                                       : nullptr;
}

std::vector<PartitionPtr> PartitionManager::all() const {
  std::vector<PartitionPtr> result;
  for (const auto& [id, topic] : table()->by_id)
    for (const auto& partition : topic->partitions)
      if (partition != nullptr) result.push_back(partition);
  return result;
}

std::size_t PartitionManager::count() const {
  std::size_t count = 0;
  for (const auto& [id, topic] : table()->by_id) count += topic->partitions.size();
  return count;
}

std::vector<PartitionManager::OfflinePartition> PartitionManager::offline() const {
  MutexLock lock(mutex_);
  return offline_;
}

}  // namespace moldau::partition
