#include "moldau/group/coordinator.hpp"

#include <utility>

#include "moldau/base/java_hash.hpp"
#include "moldau/base/log.hpp"
#include "shard.hpp"

namespace moldau::group {

using base::MutexLock;
using protocol::ErrorCode;

Coordinator::Coordinator(Environment environment)
    : environment_(std::move(environment)),
      pace_(std::make_shared<Pace>()),
      shards_(std::make_shared<const Shards>()) {
  environment_.loops.front()->post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) schedule_sweep();
  });
}

Coordinator::~Coordinator() {
  for (const auto& shard : *shards())
    if (shard != nullptr) shard->close();
}

std::shared_ptr<const Coordinator::Shards> Coordinator::shards() const {
  MutexLock lock(mutex_);
  return shards_;
}

ErrorCode Coordinator::run(std::string_view group_id, base::Loop& loop, const StepFunction& step) {
  const auto all = shards();
  if (all->empty()) return ErrorCode::not_coordinator;
  const auto index = static_cast<std::size_t>(
      base::java_partition(group_id, static_cast<std::int32_t>(all->size())));
  const auto& shard = (*all)[index];
  return shard == nullptr ? ErrorCode::not_coordinator : shard->run(loop, step);
}

Coordinator::AllShards Coordinator::run_on_all(base::Loop& loop, const StepFunction& step) {
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

Coordinator::Totals Coordinator::totals() const {
  Totals totals;
  for (const auto& shard : *shards())
    if (shard != nullptr) shard->add_to(totals);
  return totals;
}

/// As many as the topic has when it is first seen.  Kafka's brokers too go on with that number when
/// partitions are added: groups would change their place.
void Coordinator::make_shards(const metadata::MetadataImage& image) {
  const auto* topic = image.find_topic(offsets_topic);
  auto made = std::make_shared<Shards>();
  if (topic != nullptr) {
    for (const auto& partition : topic->partitions) {
      auto found = environment_.partitions.find(TopicIdPartition{topic->id, partition.index});
      auto& home = *environment_.loops[made->size() % environment_.loops.size()];
      made->push_back(found == nullptr ? nullptr
                                       : std::make_shared<Shard>(environment_, found, home, pace_));
    }
  }
  std::shared_ptr<const Shards> before;
  {
    MutexLock lock(mutex_);
    before = std::exchange(shards_, made);
  }
  for (const auto& shard : *before)
    if (shard != nullptr) shard->close();
}

void Coordinator::on_metadata(const std::shared_ptr<const metadata::MetadataImage>&,
                              const std::shared_ptr<const metadata::MetadataImage>& after,
                              const metadata::MetadataDelta& delta) {
  bool is_new = false;
  for (const auto& topic : delta.topics) {
    const auto& either = topic.after != nullptr ? *topic.after : *topic.before;
    if (either.name != offsets_topic) continue;
    if (topic.is_created() || topic.is_deleted()) is_new = true;
    if (!topic.is_created() && !topic.is_deleted() &&
        topic.after->partitions.size() != topic.before->partitions.size())
      log::warn("group.partitions_added",
                "{} has {} partitions now; groups stay in the first {} until the broker starts anew",
                offsets_topic, topic.after->partitions.size(), topic.before->partitions.size());
  }
  if (is_new) make_shards(*after);
  const auto all = shards();
  if (is_new || !delta.configs.empty()) {
    const auto options = std::make_shared<const GroupOptions>(
        GroupOptions::from(environment_.static_config.with_dynamic(*after, environment_.self),
                           environment_.retention_policy));
    for (const auto& shard : *all)
      if (shard != nullptr) shard->set_options(options);
  }
  for (const auto& shard : *all) {
    if (shard == nullptr) continue;
    if (is_new) {
      shard->load();
    } else if (!delta.topics.empty()) {
      shard->run_now([&](Machine& machine, Step& step) { machine.on_metadata(step, delta); });
    }
  }
}

void Coordinator::schedule_sweep() {
  auto& loop = *environment_.loops.front();
  const base::Milliseconds interval{
      environment_.static_config.integer("offsets.retention.check.interval.ms")};
  loop.call_at(environment_.clock.now() + interval, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    sweep();
    schedule_sweep();
  });
}

void Coordinator::sweep() {
  const EndOffset end_offset = [this](std::string_view topic,
                                      PartitionIndex partition) -> std::optional<Offset> {
    const auto found = environment_.partitions.find(topic, partition);
    if (found == nullptr) return std::nullopt;
    return found->high_watermark();
  };
  for (const auto& shard : *shards()) {
    if (shard == nullptr) continue;
    shard->run_now(
        [&](Machine& machine, Step& step) { machine.expire_offsets(step, end_offset); });
  }
}

}  // namespace moldau::group
