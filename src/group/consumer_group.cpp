#include "group/consumer_group.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "group/metadata_hash.hpp"

namespace moldau::group {
namespace {

using protocol::ErrorCode;
using Description = protocol::ConsumerGroupDescribeResponse;

/// Members that speak the consumer protocol name their epoch in OffsetCommit from this version on.
constexpr std::int16_t commit_version_with_epoch = 9;
/// TxnOffsetCommit has a code for a late epoch from this version on (KIP-1319).
constexpr std::int16_t txn_commit_version_with_epoch = 6;

Description::Assignment describe_partitions(const std::vector<TopicPartitions>& partitions,
                                            const metadata::MetadataImage& image) {
  Description::Assignment result;
  for (const auto& [topic_id, indexes] : partitions) {
    const auto* topic = image.find_topic(topic_id);
    if (topic == nullptr) continue;
    auto& described = result.topic_partitions.emplace_back();
    described.topic_id = topic_id;
    described.topic_name = topic->name;
    for (const auto index : indexes) described.partitions.emplace_back(index);
  }
  return result;
}

void count(std::map<std::string, std::uint32_t, std::less<>>& counts, std::string_view name,
           std::int32_t delta) {
  if (name.empty()) return;
  auto& value = counts[std::string{name}];
  value = static_cast<std::uint32_t>(static_cast<std::int32_t>(value) + delta);
  if (value == 0) counts.erase(counts.find(name));
}

}  // namespace

ConsumerGroup::ConsumerGroup(std::string id) : Group(std::move(id)) {}
ConsumerGroup::~ConsumerGroup() = default;

// The fold.

void ConsumerGroup::apply(const ConsumerGroupMetadataRecord& record) {
  has_group_record_ = record.value.has_value();
  const auto value = record.value.value_or(ConsumerGroupMetadataRecord::Value{.epoch = 1});
  epoch_ = value.epoch;
  metadata_hash_ = value.metadata_hash;
}

void ConsumerGroup::apply(const ConsumerGroupPartitionMetadataRecord& record) {
  has_partition_metadata_ = !record.is_tombstone;
}

void ConsumerGroup::apply(const ConsumerGroupMemberRecord& record) {
  const auto place = members_.find(record.member_id);
  if (place != members_.end()) unindex_member(place->first, place->second);
  if (record.value) {
    const auto changed =
        place != members_.end() ? place : members_.try_emplace(record.member_id).first;
    changed->second.subscription = *record.value;
    index_member(changed->first, changed->second);
  } else if (place != members_.end()) {
    drop_partitions(*place);
    members_.erase(place);
  }
}

void ConsumerGroup::apply(const TargetAssignmentMetadataRecord& record) {
  assignment_ = record.value.value_or(TargetAssignmentMetadataRecord::Value{.assignment_epoch = 1});
}

void ConsumerGroup::apply(const TargetAssignmentMemberRecord& record) {
  if (record.value) {
    targets_.insert_or_assign(record.member_id, sorted(*record.value));
  } else {
    targets_.erase(record.member_id);
  }
}

void ConsumerGroup::apply(const CurrentMemberAssignmentRecord& record) {
  auto place = members_.find(record.member_id);
  if (place == members_.end()) {
    if (!record.value) return;
    place = members_.try_emplace(record.member_id).first;
    index_member(place->first, place->second);
  }
  drop_partitions(*place);
  auto& current = place->second.current;
  current = record.value.value_or(CurrentMemberAssignmentRecord::Value{});
  if (!record.value) current.member_epoch = current.previous_member_epoch = leave_epoch;
  current.assigned = with_epochs(std::move(current.assigned), current.member_epoch);
  current.pending_revocation =
      with_epochs(std::move(current.pending_revocation), current.member_epoch);
  take_partitions(*place);
}

void ConsumerGroup::apply(const RegularExpressionRecord& record) {
  if (const auto place = regexes_.find(record.regex); place != regexes_.end()) {
    count_topics(place->second.topics, &Subscribers::by_regex, -1);
    regexes_.erase(place);
  }
  if (!record.value) return;
  const auto place = regexes_.emplace(record.regex, *record.value).first;
  place->second.topics = sorted_names(std::move(place->second.topics));
  count_topics(place->second.topics, &Subscribers::by_regex, 1);
}

void ConsumerGroup::finish_loading(Step& step) {
  // Records that compaction left can have come in another order than they were written in.
  owners_.clear();
  for (const auto& member : members_) take_partitions(member);
  for (const auto& [id, member] : members_) {
    set_deadline(step, DeadlineKind::session, id,
                 step.options.session_timeout_of(step.image, this->id()));
    if (member.current.state == member_state::unrevoked_partitions)
      set_deadline(step, DeadlineKind::rebalance, id,
                   base::Milliseconds{member.subscription.rebalance_timeout_ms});
  }
  metadata_changed_ = true;
  regexes_outdated_ = std::ranges::any_of(regexes_, [&](const auto& regex) {
    return regex.second.version < step.image.offset().value();
  });
}

// What follows from the members.

void ConsumerGroup::index_member(const std::string& member_id, const ConsumerMember& member) {
  count_topics(member.subscription.subscribed_topic_names, &Subscribers::by_name, 1);
  count(regex_members_, member.regex(), 1);
  if (const auto& instance = member.subscription.instance_id)
    static_members_.insert_or_assign(*instance, member_id);
}

void ConsumerGroup::unindex_member(const std::string& member_id, const ConsumerMember& member) {
  count_topics(member.subscription.subscribed_topic_names, &Subscribers::by_name, -1);
  count(regex_members_, member.regex(), -1);
  if (const auto& instance = member.subscription.instance_id) {
    const auto place = static_members_.find(*instance);
    if (place != static_members_.end() && place->second == member_id) static_members_.erase(place);
  }
}

void ConsumerGroup::count_topics(std::span<const std::string> topics,
                                 std::uint32_t Subscribers::* kind, std::int32_t delta) {
  for (const auto& topic : topics) {
    const auto place = topics_.try_emplace(topic).first;
    auto& value = place->second.*kind;
    value = static_cast<std::uint32_t>(static_cast<std::int32_t>(value) + delta);
    if (place->second == Subscribers{}) topics_.erase(place);
  }
}

void ConsumerGroup::take_partitions(const Members::value_type& member) {
  for (const auto* set :
       {&member.second.current.assigned, &member.second.current.pending_revocation})
    for (const auto& topic : *set)
      for (const auto partition : topic.partitions)
        owners_[{topic.topic_id, PartitionIndex{partition}}] = &member.first;
}

void ConsumerGroup::drop_partitions(const Members::value_type& member) {
  for (const auto* set :
       {&member.second.current.assigned, &member.second.current.pending_revocation})
    for (const auto& topic : *set)
      for (const auto partition : topic.partitions) {
        const auto place = owners_.find({topic.topic_id, PartitionIndex{partition}});
        if (place != owners_.end() && place->second == &member.first) owners_.erase(place);
      }
}

bool ConsumerGroup::is_free_for(std::string_view member_id, const TopicId& topic_id,
                                std::int32_t partition) const {
  const auto place = owners_.find({topic_id, PartitionIndex{partition}});
  return place == owners_.end() || *place->second == member_id;
}

const ConsumerMember* ConsumerGroup::find_member(std::string_view member_id) const {
  const auto place = members_.find(member_id);
  return place == members_.end() ? nullptr : &place->second;
}

const Members::value_type* ConsumerGroup::find_static(std::string_view instance_id) const {
  const auto place = static_members_.find(instance_id);
  if (place == static_members_.end()) return nullptr;
  return &*members_.find(place->second);
}

std::string ConsumerGroup::preferred_assignor(const GroupOptions& options) const {
  // The one that most members ask for; of several the one that the broker names first.
  const auto& known = options.consumer_assignors;
  std::string best = known.empty() ? "uniform" : known.front();
  std::size_t best_votes = 0;
  for (const auto& name : known) {
    const auto votes = static_cast<std::size_t>(std::ranges::count_if(
        members_, [&](const auto& m) { return m.second.subscription.server_assignor == name; }));
    if (votes > best_votes) {
      best = name;
      best_votes = votes;
    }
  }
  return best;
}

std::int64_t ConsumerGroup::compute_metadata_hash(const metadata::MetadataImage& image) const {
  std::vector<const metadata::TopicImage*> topics;
  for (const auto& [name, subscribers] : topics_)
    if (const auto* topic = image.find_topic(name)) topics.push_back(topic);
  return group_hash(topics, image);
}

// Records.

void ConsumerGroup::emit_member(Step& step, const std::string& member_id,
                                ConsumerGroupMemberRecord::Value value) {
  emit(step, ConsumerGroupMemberRecord{id(), member_id, std::move(value)});
}

void ConsumerGroup::emit_target(Step& step, const std::string& member_id,
                                std::vector<TopicPartitions> value) {
  emit(step, TargetAssignmentMemberRecord{id(), member_id, std::move(value)});
}

void ConsumerGroup::emit_current(Step& step, const std::string& member_id,
                                 CurrentMemberAssignmentRecord::Value value) {
  emit(step, CurrentMemberAssignmentRecord{id(), member_id, std::move(value)});
}

void ConsumerGroup::emit_member_tombstones(Step& step, const std::string& member_id) {
  // `member_id` may be that of the member which the last of these removes.
  const std::string member = member_id;
  emit(step, CurrentMemberAssignmentRecord{id(), member, std::nullopt});
  emit(step, TargetAssignmentMemberRecord{id(), member, std::nullopt});
  emit(step, ConsumerGroupMemberRecord{id(), member, std::nullopt});
}

void ConsumerGroup::emit_epoch(Step& step, std::int32_t epoch) {
  const auto hash = compute_metadata_hash(step.image);
  emit(step, ConsumerGroupMetadataRecord{id(), ConsumerGroupMetadataRecord::Value{epoch, hash}});
}

void ConsumerGroup::write_tombstones(Effects& effects) const {
  auto& records = effects.records;
  for (const auto& [member, unused] : members_)
    records.emplace_back(CurrentMemberAssignmentRecord{id(), member, std::nullopt});
  for (const auto& [member, unused] : members_)
    records.emplace_back(TargetAssignmentMemberRecord{id(), member, std::nullopt});
  records.emplace_back(TargetAssignmentMetadataRecord{id(), std::nullopt});
  for (const auto& [member, unused] : members_)
    records.emplace_back(ConsumerGroupMemberRecord{id(), member, std::nullopt});
  for (const auto& [regex, unused] : regexes_)
    records.emplace_back(RegularExpressionRecord{id(), regex, std::nullopt});
  records.emplace_back(ConsumerGroupPartitionMetadataRecord{id(), true});
  records.emplace_back(ConsumerGroupMetadataRecord{id(), std::nullopt});
}

// Questions.

std::string_view ConsumerGroup::state_name() const {
  if (members_.empty()) return "Empty";
  if (epoch_ > assignment_epoch()) return "Assigning";
  const bool is_stable = std::ranges::all_of(members_, [&](const auto& member) {
    return member.second.is_reconciled_to(assignment_epoch());
  });
  return is_stable ? "Stable" : "Reconciling";
}

bool ConsumerGroup::subscribes_to(std::string_view topic) const {
  return topics_.contains(topic);
}

std::span<const TopicPartitions> ConsumerGroup::target_of(std::string_view member_id) const {
  const auto place = targets_.find(member_id);
  if (place == targets_.end()) return {};
  return place->second;
}

bool ConsumerGroup::is_in_log() const {
  return has_group_record_ || has_partition_metadata_ || !members_.empty() || !targets_.empty() ||
         !regexes_.empty();
}

bool ConsumerGroup::same_as(const ConsumerGroup& other) const {
  return epoch_ == other.epoch_ && metadata_hash_ == other.metadata_hash_ &&
         assignment_ == other.assignment_ && has_group_record_ == other.has_group_record_ &&
         has_partition_metadata_ == other.has_partition_metadata_ && members_ == other.members_ &&
         targets_ == other.targets_ && regexes_ == other.regexes_ && topics_ == other.topics_ &&
         static_members_ == other.static_members_ && regex_members_ == other.regex_members_;
}

Description::Group ConsumerGroup::describe(const Step& step, const Caller&) const {
  Description::Group group;
  group.group_id = id();
  group.group_state = state_name();
  group.group_epoch = epoch_;
  group.assignment_epoch = assignment_epoch();
  group.assignor_name = preferred_assignor(step.options);
  for (const auto& [member_id, member] : members_) {
    auto& described = group.members.emplace_back();
    described.member_id = member_id;
    described.instance_id = member.subscription.instance_id;
    described.rack_id = member.subscription.rack_id;
    described.member_epoch = member.current.member_epoch;
    described.client_id = member.subscription.client_id;
    described.client_host = member.subscription.client_host;
    described.subscribed_topic_names = member.subscription.subscribed_topic_names;
    described.subscribed_topic_regex = member.subscription.subscribed_topic_regex;
    described.assignment = describe_partitions(member.held(), step.image);
    const auto target = target_of(member_id);
    described.target_assignment = describe_partitions({target.begin(), target.end()}, step.image);
    described.member_type = member.uses_classic_protocol() ? 0 : 1;
  }
  return group;
}

ErrorCode ConsumerGroup::check_commit(Step&, const OffsetClient& client) {
  const auto epoch = client.generation_or_epoch;
  // An administrator, or a consumer that does without the group's management.
  if (epoch < 0 && members_.empty()) return ErrorCode::none;
  // In a transaction the member need not be named.
  if (client.is_transactional && epoch == -1 && client.member_id.empty() &&
      !client.group_instance_id)
    return ErrorCode::none;
  const auto* member = find_member(client.member_id);
  if (member == nullptr) return ErrorCode::unknown_member_id;
  const bool is_classic = member->uses_classic_protocol();
  if (!client.is_transactional && !is_classic && client.version < commit_version_with_epoch)
    return ErrorCode::unsupported_version;
  const auto& current = member->current;
  if (epoch == current.member_epoch) return ErrorCode::none;
  // KIP-1251: an older epoch does for what the member has owned since then.
  const auto has_owned_since = [&](const TopicIdPartition& partition) {
    const auto index = partition.partition.value();
    auto given = epoch_of(current.assigned, partition.topic_id, index);
    if (given < 0) given = epoch_of(current.pending_revocation, partition.topic_id, index);
    return given >= 0 && epoch >= given;
  };
  if (epoch < current.member_epoch && !client.partitions.empty() &&
      std::ranges::all_of(client.partitions, has_owned_since))
    return ErrorCode::none;
  const bool knows_epochs =
      !client.is_transactional || client.version >= txn_commit_version_with_epoch;
  return is_classic || !knows_epochs ? ErrorCode::illegal_generation : ErrorCode::stale_member_epoch;
}

ErrorCode ConsumerGroup::check_fetch(const OffsetClient& client) const {
  const auto epoch = client.generation_or_epoch;
  if (client.member_id.empty() && epoch < 0) return ErrorCode::none;
  const auto* member = find_member(client.member_id);
  if (member == nullptr) return ErrorCode::unknown_member_id;
  if (epoch == member->current.member_epoch) return ErrorCode::none;
  return member->uses_classic_protocol() ? ErrorCode::illegal_generation
                                         : ErrorCode::stale_member_epoch;
}

ErrorCode ConsumerGroup::check_delete() const {
  return members_.empty() ? ErrorCode::none : ErrorCode::non_empty_group;
}

}  // namespace moldau::group
