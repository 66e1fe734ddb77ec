#include "offset_store.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "moldau/base/java_hash.hpp"

namespace moldau::group {
namespace {

using metadata::MetadataImage;
using metadata::TopicImage;
using protocol::ErrorCode;
using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::OffsetDeleteRequest;
using protocol::OffsetDeleteResponse;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using protocol::TxnOffsetCommitRequest;
using protocol::TxnOffsetCommitResponse;
using Value = OffsetCommitRecord::Value;

/// From these versions on a request names its topics by their ids.
constexpr std::int16_t commit_version_with_topic_ids = 10;
constexpr std::int16_t txn_commit_version_with_topic_ids = 6;
constexpr std::int16_t fetch_version_with_topic_ids = 10;
/// OffsetCommit: "as long as the broker thinks right".
constexpr std::int64_t default_retention = -1;
constexpr std::int64_t no_timestamp = -1;

/// Kafka's limit is one of Java's characters, of which there are never more than bytes.
bool is_too_long(const std::optional<std::string>& metadata, std::size_t chars_max) {
  return metadata && metadata->size() > chars_max && base::java_chars(*metadata).size() > chars_max;
}

std::int64_t saturating_sum(std::int64_t time_ms, std::int64_t duration_ms) {
  constexpr auto top = std::numeric_limits<std::int64_t>::max();
  return duration_ms > 0 && time_ms > top - duration_ms ? top : time_ms + duration_ms;
}

/// What one partition of a commit becomes, in a transaction or not.
OffsetCommitRecord record_of(const std::string& group_id, const TopicImage& topic,
                             const auto& partition, std::int64_t now_ms) {
  OffsetCommitRecord record;
  record.group_id = group_id;
  record.topic = topic.name;
  record.partition = partition.partition_index;
  OffsetCommitRecord::Value value;
  value.offset = partition.committed_offset;
  value.leader_epoch = partition.committed_leader_epoch;
  value.metadata = partition.committed_metadata.value_or(std::string{});
  value.commit_timestamp_ms = now_ms;
  value.topic_id = topic.id;
  record.value = std::move(value);
  return record;
}

/// The topic that a request means, or nullptr.
template <class Topic>
const TopicImage* resolve(const MetadataImage& image, const Topic& topic, bool by_id) {
  return by_id ? image.find_topic(topic.topic_id) : image.find_topic(topic.name);
}

/// none, or why Kafka does not even ask the group about this partition.
ErrorCode check_partition(const TopicImage* topic, PartitionIndex index, bool by_id) {
  if (topic == nullptr)
    return by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
  return topic->find(index) != nullptr ? ErrorCode::none : ErrorCode::unknown_topic_or_partition;
}

/// Goes through a commit of either kind: `judge(topic, partition)` is asked about the partitions that
/// there are, and its code is the partition's.
template <class Response, class Request, class Judge>
Response answer_each(const Request& request, const MetadataImage& image, bool by_id, Judge judge) {
  Response response;
  response.topics.reserve(request.topics.size());
  for (const auto& topic : request.topics) {
    const auto* known = resolve(image, topic, by_id);
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    answer.topic_id = topic.topic_id;
    answer.partitions.reserve(topic.partitions.size());
    for (const auto& partition : topic.partitions) {
      auto code = check_partition(known, partition.partition_index, by_id);
      if (code == ErrorCode::none) code = judge(*known, partition);
      answer.partitions.push_back({partition.partition_index, code});
    }
  }
  return response;
}

/// Whether an offset was committed for this very topic, as far as one can know.
bool is_of(const Value& value, const TopicImage* topic) {
  return topic == nullptr || value.topic_id.is_zero() || topic->id.is_zero() ||
         value.topic_id == topic->id;
}

using FetchedPartition = OffsetFetchResponse::Group::Topic::Partition;

FetchedPartition no_answer(PartitionIndex index, ErrorCode code) {
  FetchedPartition answer;
  answer.partition_index = index;
  answer.committed_offset = no_offset;
  answer.error_code = code;
  return answer;
}

FetchedPartition answer_of(PartitionIndex index, const Value& value) {
  FetchedPartition answer;
  answer.partition_index = index;
  answer.committed_offset = value.offset;
  answer.committed_leader_epoch = value.leader_epoch;
  answer.metadata = value.metadata;
  return answer;
}

bool had_members(const Group* group) {
  return group != nullptr &&
         (group->type() == Group::Type::consumer || !group->protocol_type().empty());
}

/// Members of another kind than consumers: whether they still need an offset cannot be known.
bool has_foreign_members(const Group* group) {
  return group != nullptr && group->type() == Group::Type::classic && !group->is_empty() &&
         group->protocol_type() != "consumer";
}

/// From when on an offset's retention runs.
enum class RetentionStart { commit, group_empty, never };

RetentionStart retention_start(const Group* group) {
  if (!had_members(group) || group->type() == Group::Type::consumer) return RetentionStart::commit;
  if (group->is_empty()) return RetentionStart::group_empty;
  const bool is_readable = group->protocol_type() == "consumer" && group->state_name() == "Stable";
  return is_readable ? RetentionStart::commit : RetentionStart::never;
}

bool is_expired(const Value& value, const Group* group, const Step& step) {
  const auto start = retention_start(group);
  if (start == RetentionStart::never) return false;
  if (value.expire_timestamp_ms) return step.now.wall_ms >= *value.expire_timestamp_ms;
  auto since_ms = value.commit_timestamp_ms;
  if (start == RetentionStart::group_empty) since_ms = group->state_since_ms().value_or(since_ms);
  return step.now.wall_ms >= saturating_sum(since_ms, step.options.offsets_retention.count());
}

/// Order of topics and of partitions.
struct ByTopicName {
  bool operator()(const auto& topic, std::string_view name) const { return *topic.name < name; }
};
struct ByIndex {
  bool operator()(const auto& partition, PartitionIndex index) const {
    return partition.index < index;
  }
};

}  // namespace

// --- The fold.

void OffsetStore::apply(const OffsetCommitRecord& record) {
  edit({record.group_id, record.topic, record.partition}, [&](PartitionOffset& partition) {
    partition.value = record.value;
    if (!partition.pending) return;
    if (record.value) {
      for (auto& pending : *partition.pending) pending.value.reset();
    } else {
      partition.pending.reset();
    }
  });
}

void OffsetStore::apply_pending(ProducerId producer, const OffsetCommitRecord& record) {
  if (!record.value) return apply(record);
  edit({record.group_id, record.topic, record.partition},
       [&](PartitionOffset& partition) { partition.add({producer, record.value}); });
  transactions_[producer].push_back({record.group_id, record.topic, record.partition});
}

void OffsetStore::end_transaction(ProducerId producer, bool commit) {
  const auto ended = transactions_.extract(producer);
  if (ended.empty()) return;
  for (const auto& key : ended.mapped())
    edit({key.group_id, key.topic, key.partition},
         [&](PartitionOffset& partition) { partition.decide(producer, commit); });
}

void OffsetStore::PartitionOffset::add(Pending offset) {
  if (!pending) pending = std::make_unique<std::vector<Pending>>();
  std::erase_if(*pending, [&](const Pending& one) { return one.producer == offset.producer; });
  pending->push_back(std::move(offset));
}

void OffsetStore::PartitionOffset::decide(ProducerId producer, bool commit) {
  if (!pending) return;
  const auto mine = std::ranges::find(*pending, producer, &Pending::producer);
  if (mine == pending->end()) return;
  if (commit && mine->value) {
    value = std::move(mine->value);
    for (auto earlier = pending->begin(); earlier != mine; ++earlier) earlier->value.reset();
  }
  pending->erase(mine);
  if (pending->empty()) pending.reset();
}

void OffsetStore::apply(const OffsetTrailRecord& record) {
  const bool is_empty = !record.value || record.value->empty();
  edit({record.group_id, record.topic, record.partition}, [&](PartitionOffset& partition) {
    partition.trail = is_empty ? nullptr : std::make_unique<const Trail>(*record.value);
  });
}

template <class Change>
void OffsetStore::edit(const Key& key, Change change) {
  auto group = groups_.find(key.group_id);
  if (group == groups_.end()) group = groups_.try_emplace(std::string(key.group_id)).first;
  auto& topics = group->second.topics;
  auto topic = std::lower_bound(topics.begin(), topics.end(), key.topic, ByTopicName{});
  if (topic == topics.end() || *topic->name != key.topic)
    topic = topics.insert(topic, TopicOffsets{use_name(key.topic), {}});
  auto& partitions = topic->partitions;
  auto partition = std::lower_bound(partitions.begin(), partitions.end(), key.partition, ByIndex{});
  if (partition == partitions.end() || partition->index != key.partition)
    partition = partitions.insert(partition, PartitionOffset{.index = key.partition});

  const std::size_t before = partition->value ? 1 : 0;
  const std::size_t pending_before = partition->pending ? 1 : 0;
  change(*partition);
  const std::size_t more = (partition->value ? 1 : 0) - before;  // wraps and comes right
  const std::size_t more_pending = (partition->pending ? 1 : 0) - pending_before;
  group->second.count += more;
  count_ += more;
  group->second.pending_count += more_pending;
  pending_count_ += more_pending;

  if (!partition->is_empty()) return;
  partitions.erase(partition);
  if (!partitions.empty()) return;
  release_name(topic->name);
  topics.erase(topic);
  if (topics.empty()) groups_.erase(group);
}

const std::string* OffsetStore::use_name(std::string_view name) {
  auto place = names_.find(name);
  if (place == names_.end()) place = names_.try_emplace(std::string(name)).first;
  ++place->second;
  return &place->first;
}

void OffsetStore::release_name(const std::string* name) {
  const auto place = names_.find(*name);
  if (--place->second == 0) names_.erase(place);
}

template <class R>
void OffsetStore::emit(Effects& effects, R record) {
  apply(record);
  effects.records.emplace_back(std::move(record));
}

// --- Looking.

const OffsetStore::PartitionOffset* OffsetStore::TopicOffsets::find(PartitionIndex index) const {
  const auto place = std::lower_bound(partitions.begin(), partitions.end(), index, ByIndex{});
  return place == partitions.end() || place->index != index ? nullptr : &*place;
}

const OffsetStore::TopicOffsets* OffsetStore::GroupOffsets::find(std::string_view topic) const {
  const auto place = std::lower_bound(topics.begin(), topics.end(), topic, ByTopicName{});
  return place == topics.end() || *place->name != topic ? nullptr : &*place;
}

const OffsetStore::GroupOffsets* OffsetStore::find(std::string_view group_id) const {
  const auto place = groups_.find(group_id);
  return place == groups_.end() ? nullptr : &place->second;
}

const OffsetStore::PartitionOffset* OffsetStore::find(const Key& key) const {
  const auto* group = find(key.group_id);
  const auto* topic = group == nullptr ? nullptr : group->find(key.topic);
  return topic == nullptr ? nullptr : topic->find(key.partition);
}

bool OffsetStore::has_offsets(std::string_view group_id) const {
  const auto* group = find(group_id);
  return group != nullptr && (group->count > 0 || group->pending_count > 0);
}

std::vector<std::string> OffsetStore::group_ids() const {
  std::vector<std::string> ids;
  ids.reserve(groups_.size());
  for (const auto& [id, offsets] : groups_) ids.push_back(id);
  return ids;
}

bool OffsetStore::PartitionOffset::is_of_another_topic_than(const TopicId& id) const {
  const auto is_other = [&](const std::optional<Value>& offset) {
    return !offset || (!offset->topic_id.is_zero() && offset->topic_id != id);
  };
  if (!value && !pending) return false;
  return is_other(value) &&
         (!pending || std::ranges::all_of(*pending, is_other, &Pending::value));
}

// --- Commit.

OffsetCommitResponse OffsetStore::commit(Step& step, const Group* group, bool by_admin,
                                         const OffsetCommitRequest& request, std::int16_t version) {
  const bool by_id = version >= commit_version_with_topic_ids;
  const bool may_be_consumer = !had_members(group);
  const auto now_ms = step.now.wall_ms;
  return answer_each<OffsetCommitResponse>(
      request, step.image, by_id, [&](const TopicImage& topic, const auto& partition) {
        if (is_too_long(partition.committed_metadata, step.options.offset_metadata_bytes_max))
          return ErrorCode::offset_metadata_too_large;
        auto record = record_of(request.group_id, topic, partition, now_ms);
        if (partition.commit_timestamp != no_timestamp)
          record.value->commit_timestamp_ms = partition.commit_timestamp;
        if (request.retention_time_ms != default_retention)
          record.value->expire_timestamp_ms = saturating_sum(now_ms, request.retention_time_ms);
        if (by_admin) keep_replaced(step, record, may_be_consumer);
        emit(step.effects, std::move(record));
        return ErrorCode::none;
      });
}

TxnOffsetCommitResponse OffsetStore::commit_pending(Step& step,
                                                    const TxnOffsetCommitRequest& request,
                                                    std::int16_t version) {
  const bool by_id = version >= txn_commit_version_with_topic_ids;
  return answer_each<TxnOffsetCommitResponse>(
      request, step.image, by_id, [&](const TopicImage& topic, const auto& partition) {
        if (is_too_long(partition.committed_metadata, step.options.offset_metadata_bytes_max))
          return ErrorCode::offset_metadata_too_large;
        auto record = record_of(request.group_id, topic, partition, step.now.wall_ms);
        apply_pending(request.producer_id, record);
        step.effects.records.emplace_back(std::move(record));
        step.effects.producer = {request.producer_id, request.producer_epoch};
        return ErrorCode::none;
      });
}

void OffsetStore::keep_replaced(Step& step, const OffsetCommitRecord& commit,
                                bool may_be_consumer) {
  const auto* partition = find({commit.group_id, commit.topic, commit.partition});
  if (partition == nullptr || !partition->value) return;
  const auto& before = *partition->value;
  const auto& after = *commit.value;
  if (before.offset == after.offset && before.metadata == after.metadata) return;
  if (may_be_consumer) {
    const bool steps_back = after.offset < before.offset;
    const bool loses_epoch =
        after.leader_epoch == no_leader_epoch && before.leader_epoch != no_leader_epoch;
    if (!steps_back && !loses_epoch) return;
  }
  OffsetTrailRecord record;
  record.group_id = commit.group_id;
  record.topic = commit.topic;
  record.partition = commit.partition;
  auto& trail = record.value.emplace();
  trail.push_back({before.offset, before.leader_epoch, before.metadata, before.commit_timestamp_ms,
                   step.now.wall_ms});
  if (partition->trail)
    trail.insert(trail.end(), partition->trail->begin(), partition->trail->end());
  if (trail.size() > trail_length_max) trail.resize(trail_length_max);
  emit(step.effects, std::move(record));
}

OffsetCommitResponse OffsetStore::refuse(const OffsetCommitRequest& request, ErrorCode code,
                                         const MetadataImage& image, std::int16_t version) {
  return answer_each<OffsetCommitResponse>(request, image,
                                           version >= commit_version_with_topic_ids,
                                           [code](const auto&, const auto&) { return code; });
}

TxnOffsetCommitResponse OffsetStore::refuse(const TxnOffsetCommitRequest& request, ErrorCode code,
                                            const MetadataImage& image, std::int16_t version) {
  return answer_each<TxnOffsetCommitResponse>(request, image,
                                              version >= txn_commit_version_with_topic_ids,
                                              [code](const auto&, const auto&) { return code; });
}

// --- Fetch.

OffsetFetchResponse::Group OffsetStore::fetch(const MetadataImage& image,
                                              const OffsetFetchRequest::Group& request,
                                              std::int16_t version, bool require_stable) const {
  const bool by_id = version >= fetch_version_with_topic_ids;
  const auto* offsets = find(request.group_id);
  OffsetFetchResponse::Group response;
  response.group_id = request.group_id;
  if (!request.topics) {
    if (offsets == nullptr) return response;
    for (const auto& topic : offsets->topics)
      if (auto answer = fetch_all(image, topic, by_id, require_stable); !answer.partitions.empty())
        response.topics.push_back(std::move(answer));
    return response;
  }
  response.topics.reserve(request.topics->size());
  for (const auto& topic : *request.topics)
    response.topics.push_back(
        fetch_some(offsets, resolve(image, topic, by_id), topic, by_id, require_stable));
  return response;
}

OffsetFetchResponse::Group::Topic OffsetStore::fetch_all(const MetadataImage& image,
                                                         const TopicOffsets& offsets, bool by_id,
                                                         bool require_stable) {
  const auto* known = image.find_topic(*offsets.name);
  OffsetFetchResponse::Group::Topic answer;
  answer.name = *offsets.name;
  if (known != nullptr) answer.topic_id = known->id;
  if (known == nullptr && by_id) return answer;  // there is no id to name it by
  for (const auto& partition : offsets.partitions) {
    if (!partition.value || !is_of(*partition.value, known)) continue;
    answer.partitions.push_back(require_stable && partition.pending
                                    ? no_answer(partition.index, ErrorCode::unstable_offset_commit)
                                    : answer_of(partition.index, *partition.value));
  }
  return answer;
}

OffsetFetchResponse::Group::Topic OffsetStore::fetch_some(
    const GroupOffsets* group, const TopicImage* known,
    const OffsetFetchRequest::Group::Topic& topic, bool by_id, bool require_stable) {
  OffsetFetchResponse::Group::Topic answer;
  answer.name = by_id && known != nullptr ? known->name : topic.name;
  answer.topic_id = topic.topic_id;
  answer.partitions.reserve(topic.partition_indexes.size());
  const bool is_unknown = by_id && known == nullptr;
  const auto* offsets = group == nullptr || is_unknown ? nullptr : group->find(answer.name);
  for (const auto index : topic.partition_indexes) {
    const auto* partition = offsets == nullptr ? nullptr : offsets->find(index);
    if (is_unknown)
      answer.partitions.push_back(no_answer(index, ErrorCode::unknown_topic_id));
    else if (partition != nullptr && require_stable && partition->pending)
      answer.partitions.push_back(no_answer(index, ErrorCode::unstable_offset_commit));
    else if (partition == nullptr || !partition->value || !is_of(*partition->value, known))
      answer.partitions.push_back(no_answer(index, ErrorCode::none));
    else
      answer.partitions.push_back(answer_of(index, *partition->value));
  }
  return answer;
}

// --- Removal.

OffsetDeleteResponse OffsetStore::remove(Step& step, const Group* group,
                                         const OffsetDeleteRequest& request) {
  OffsetDeleteResponse response;
  if (group == nullptr && find(request.group_id) == nullptr)
    response.error_code = ErrorCode::group_id_not_found;
  else if (has_foreign_members(group))
    response.error_code = ErrorCode::non_empty_group;
  std::vector<TopicPartition> removed;
  bool is_group_asked = false;
  for (const auto& topic : request.topics) {
    const auto* known = step.image.find_topic(topic.name);
    const bool is_read = group != nullptr && group->subscribes_to(topic.name);
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (const auto& partition : topic.partitions) {
      const auto index = partition.partition_index;
      auto code = check_partition(known, index, false);
      is_group_asked = is_group_asked || code == ErrorCode::none;
      if (code == ErrorCode::none && is_read) code = ErrorCode::group_subscribed_to_topic;
      answer.partitions.push_back({index, code});
      if (code == ErrorCode::none) removed.push_back({topic.name, index});
    }
  }
  // Kafka asks the group only about partitions that there are.
  if (!is_group_asked) response.error_code = ErrorCode::none;
  if (response.error_code == ErrorCode::none)
    write_tombstones(step.effects, request.group_id, removed);
  else
    response.topics.clear();
  return response;
}

void OffsetStore::write_tombstones(Effects& effects, std::string_view group_id,
                                   const std::vector<TopicPartition>& partitions) {
  for (const auto& [topic, index] : partitions) {
    const auto* partition = find({group_id, topic, index});
    if (partition == nullptr) continue;
    const bool has_trail = partition->trail != nullptr;
    if (partition->value || partition->pending)
      emit(effects, OffsetCommitRecord{std::string(group_id), topic, index, std::nullopt});
    if (has_trail)
      emit(effects, OffsetTrailRecord{std::string(group_id), topic, index, std::nullopt});
  }
}

void OffsetStore::write_tombstones(Effects& effects, std::string_view group_id) {
  const auto* offsets = find(group_id);
  if (offsets == nullptr) return;
  std::vector<TopicPartition> all;
  for (const auto& topic : offsets->topics)
    for (const auto& partition : topic.partitions) all.push_back({*topic.name, partition.index});
  write_tombstones(effects, group_id, all);
}

void OffsetStore::on_topic_deleted(Step& step, std::string_view name, const TopicId& id) {
  if (!names_.contains(name)) return;
  std::vector<std::pair<std::string, std::vector<TopicPartition>>> gone;
  for (const auto& [group_id, offsets] : groups_) {
    const auto* topic = offsets.find(name);
    if (topic == nullptr) continue;
    std::vector<TopicPartition> partitions;
    for (const auto& partition : topic->partitions)
      if (!partition.is_of_another_topic_than(id))
        partitions.push_back({std::string(name), partition.index});
    if (!partitions.empty()) gone.emplace_back(group_id, std::move(partitions));
  }
  for (const auto& [group_id, partitions] : gone)
    write_tombstones(step.effects, group_id, partitions);
}

// --- Expiry.

bool OffsetStore::expire(Step& step, const std::string& group_id, const Group* group,
                         const EndOffset& end_offset) {
  const auto* offsets = find(group_id);
  if (offsets == nullptr) return true;
  std::vector<TopicPartition> expired;
  for (const auto& topic : offsets->topics) {
    const bool is_read = group != nullptr && group->subscribes_to(*topic.name);
    for (const auto& partition : topic.partitions) {
      // A trail without an offset leads nowhere.
      const bool is_over =
          !partition.value || (!is_read && is_expired(*partition.value, group, step));
      if (is_over && !partition.pending) expired.push_back({*topic.name, partition.index});
    }
  }
  const bool is_kept = !expired.empty() && step.options.retention_policy == OffsetRetention::keep &&
                       has_unread(step.image, *offsets, end_offset);
  if (!is_kept) write_tombstones(step.effects, group_id, expired);
  return !has_offsets(group_id);
}

bool OffsetStore::has_unread(const MetadataImage& image, const GroupOffsets& offsets,
                             const EndOffset& end_offset) {
  for (const auto& topic : offsets.topics) {
    const auto* known = image.find_topic(*topic.name);
    for (const auto& partition : topic.partitions) {
      if (!partition.value || !is_of(*partition.value, known)) continue;
      const auto end = end_offset(*topic.name, partition.index);
      if (end && partition.value->offset < *end) return true;
    }
  }
  return false;
}

}  // namespace moldau::group
