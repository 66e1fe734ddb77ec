#include "moldau/coordinator/shard_set.hpp"

#include <fmt/format.h>

#include <utility>

#include "moldau/base/java_hash.hpp"
#include "moldau/base/log.hpp"
#include "shard.hpp"

namespace moldau::coordinator {

using base::MutexLock;
using protocol::ErrorCode;

namespace {

std::optional<PartitionIndex> place_of(std::string_view key, std::size_t shards) {
  if (shards == 0) return std::nullopt;
  return PartitionIndex{base::java_partition(key, static_cast<std::int32_t>(shards))};
}

}  // namespace

ShardSet::ShardSet(Environment environment, ShardKind kind)
    : environment_(std::move(environment)),
      kind_(std::move(kind)),
      pace_(std::make_shared<Pace>()),
      shards_(std::make_shared<const Shards>()) {}

ShardSet::~ShardSet() {
  for (const auto& shard : *shards())
    if (shard != nullptr) shard->close();
}

std::shared_ptr<const ShardSet::Shards> ShardSet::shards() const {
  MutexLock lock(mutex_);
  return shards_;
}

std::optional<PartitionIndex> ShardSet::partition_of(std::string_view key) const {
  return place_of(key, shards()->size());
}

std::shared_ptr<Shard> ShardSet::find(PartitionIndex partition) const {
  const auto all = shards();
  const auto place = static_cast<std::size_t>(partition.value());
  return partition.value() >= 0 && place < all->size() ? (*all)[place] : nullptr;
}

std::shared_ptr<Shard> ShardSet::find(std::string_view key) const {
  const auto all = shards();
  const auto place = place_of(key, all->size());
  return place ? (*all)[static_cast<std::size_t>(place->value())] : nullptr;
}

ErrorCode ShardSet::run(std::string_view key, base::Loop& loop, const StepFunction& step) {
  const auto shard = find(key);
  return shard == nullptr ? ErrorCode::not_coordinator : shard->run(loop, step);
}

ErrorCode ShardSet::run_ordered(std::string_view key, const StepFunction& step) {
  const auto shard = find(key);
  return shard == nullptr ? ErrorCode::not_coordinator : shard->run_ordered(step);
}

ErrorCode ShardSet::run_ordered(PartitionIndex partition, const StepFunction& step) {
  const auto shard = find(partition);
  return shard == nullptr ? ErrorCode::not_coordinator : shard->run_ordered(step);
}

ShardSet::AllShards ShardSet::run_on_all(base::Loop& loop, const StepFunction& step) {
  AllShards outcome;
  for (const auto& shard : *shards()) {
    const auto refused = shard == nullptr ? ErrorCode::not_coordinator : shard->run(loop, step);
    if (refused == ErrorCode::none) {
      ++outcome.count;
    } else if (outcome.refused == ErrorCode::none) {
      outcome.refused = refused;
    }
  }
  return outcome;
}

void ShardSet::run_now_on_all(const StepFunction& step) {
  for (const auto& shard : *shards())
    if (shard != nullptr) shard->run_now(step);
}

bool ShardSet::look(const std::function<void(StateMachine&)>& at) const {
  const auto all = shards();
  bool is_complete = !all->empty();
  for (const auto& shard : *all)
    if (shard == nullptr || !shard->look(at)) is_complete = false;
  return is_complete;
}

std::size_t ShardSet::loading() const {
  std::size_t count = 0;
  for (const auto& shard : *shards())
    if (shard != nullptr && shard->is_loading()) ++count;
  return count;
}

/// As many as the topic has when it is first seen.  Kafka's brokers too go on with that number when
/// partitions are added: keys would change their place.
void ShardSet::make_shards(const metadata::MetadataImage& image) {
  auto made = std::make_shared<Shards>();
  if (const auto* topic = image.find_topic(kind_.topic)) {
    for (const auto& partition : topic->partitions) {
      auto found = environment_.partitions.find(TopicIdPartition{topic->id, partition.index});
      auto& home = *environment_.loops[made->size() % environment_.loops.size()];
      made->push_back(found == nullptr ? nullptr
                                       : std::make_shared<Shard>(
                                             Shard::Services{environment_.clock, environment_.helpers,
                                                             kind_, home},
                                             found, pace_));
    }
  }
  std::shared_ptr<const Shards> before;
  {
    MutexLock lock(mutex_);
    before = std::exchange(shards_, made);
  }
  for (const auto& shard : *before)
    if (shard != nullptr) shard->close();
  for (const auto& shard : *made)
    if (shard != nullptr) shard->load();
}

bool ShardSet::follow(const metadata::MetadataImage& after, const metadata::MetadataDelta& delta) {
  bool is_new = false;
  for (const auto& topic : delta.topics) {
    const auto& either = topic.after != nullptr ? *topic.after : *topic.before;
    if (either.name != kind_.topic) continue;
    if (topic.is_created() || topic.is_deleted()) {
      is_new = true;
    } else if (topic.after->partitions.size() != topic.before->partitions.size()) {
      log::warn(fmt::format("{}.partitions_added", kind_.name),
                "{} has {} partitions now; {} stay in the first {} until the broker starts anew",
                kind_.topic, topic.after->partitions.size(), kind_.content,
                topic.before->partitions.size());
    }
  }
  if (is_new) make_shards(after);
  return is_new;
}

void ShardSet::every(base::Milliseconds interval, std::function<bool()> task) {
  call_at(environment_.clock.now() + interval, interval, std::move(task));
}

void ShardSet::call_at(base::SteadyTime when, base::Milliseconds interval,
                       std::function<bool()> task) {
  auto call = [this, interval, task = std::move(task), alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    const bool is_more = task();
    call_at(environment_.clock.now() + (is_more ? base::Milliseconds{0} : interval), interval, task);
  };
  auto& loop = *environment_.loops.front();
  loop.post([&loop, when, call = std::move(call)] { loop.call_at(when, call); });
}

}  // namespace moldau::coordinator
