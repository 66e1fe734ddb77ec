#include "moldau/group/machine.hpp"

#include <algorithm>
#include <utility>

#include "classic_group.hpp"
#include "consumer_group.hpp"
#include "leave_group.hpp"
#include "offset_store.hpp"

namespace moldau::group {

using protocol::ErrorCode;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view type_name(Group::Type type) {
  return type == Group::Type::consumer ? "consumer" : "classic";
}

/// Whether a filter of ListGroups leaves it; they take any case, and an empty one leaves all.
bool passes(const std::vector<std::string>& filter, std::string_view value) {
  if (filter.empty()) return true;
  return std::any_of(filter.begin(), filter.end(), [wanted = lower(value)](const std::string& allowed) {
    return lower(allowed) == wanted;
  });
}

/// What a commit is for, of the topics that there are.
template <class Request>
std::vector<TopicIdPartition> partitions_of(const Request& request, const metadata::MetadataImage& image) {
  std::vector<TopicIdPartition> partitions;
  for (const auto& topic : request.topics) {
    const auto* known =
        topic.topic_id.is_zero() ? image.find_topic(topic.name) : image.find_topic(topic.topic_id);
    if (known == nullptr) continue;
    for (const auto& partition : topic.partitions)
      partitions.push_back({known->id, partition.partition_index});
  }
  return partitions;
}

}  // namespace

Machine::Machine() : offsets_(std::make_unique<OffsetStore>()) {}
Machine::~Machine() = default;

std::size_t Machine::offset_count() const { return offsets_->count(); }
std::size_t Machine::pending_offset_count() const { return offsets_->pending_count(); }

Group* Machine::find(std::string_view group_id) const {
  const auto place = groups_.find(group_id);
  return place == groups_.end() ? nullptr : place->second.get();
}

ClassicGroup* Machine::find_classic(std::string_view group_id) const {
  auto* group = find(group_id);
  return group != nullptr && group->type() == Group::Type::classic
             ? static_cast<ClassicGroup*>(group)
             : nullptr;
}

ConsumerGroup* Machine::find_consumer(std::string_view group_id) const {
  auto* group = find(group_id);
  return group != nullptr && group->type() == Group::Type::consumer
             ? static_cast<ConsumerGroup*>(group)
             : nullptr;
}

template <class T>
T& Machine::put(std::unique_ptr<T> group) {
  T& placed = *group;
  groups_.insert_or_assign(placed.id(), std::move(group));
  return placed;
}

void Machine::remove(const std::string& group_id) { groups_.erase(group_id); }

// The fold.

void Machine::apply(const Record& record) {
  std::visit([this](const auto& typed) { apply_typed(typed); }, record);
}

void Machine::apply_pending(const coordinator::Producer& producer, const Record& record) {
  const auto* commit = std::get_if<OffsetCommitRecord>(&record);
  if (commit == nullptr) return apply(record);
  offsets_->apply_pending(producer.id, *commit);
  make_place_for_offset(*commit);
}

void Machine::end_transaction(ProducerId producer, bool commit) {
  offsets_->end_transaction(producer, commit);
}

void Machine::apply_typed(const OffsetCommitRecord& record) {
  offsets_->apply(record);
  make_place_for_offset(record);
}

void Machine::make_place_for_offset(const OffsetCommitRecord& record) {
  if (record.value && find(record.group_id) == nullptr)
    put(std::make_unique<ClassicGroup>(record.group_id));
}

void Machine::apply_typed(const OffsetTrailRecord& record) { offsets_->apply(record); }

void Machine::apply_typed(const GroupMetadataRecord& record) {
  if (record.value) {
    put(ClassicGroup::from_record(record.group_id, *record.value));
  } else if (find_classic(record.group_id) != nullptr) {
    remove(record.group_id);
  }
}

void Machine::apply_typed(const ConsumerGroupMetadataRecord& record) {
  apply_to_consumer(record, record.value.has_value());
  if (!record.value && find_consumer(record.group_id) != nullptr) remove(record.group_id);
}
void Machine::apply_typed(const ConsumerGroupPartitionMetadataRecord& record) {
  apply_to_consumer(record, !record.is_tombstone);
}
void Machine::apply_typed(const ConsumerGroupMemberRecord& record) {
  apply_to_consumer(record, record.value.has_value());
}
void Machine::apply_typed(const TargetAssignmentMetadataRecord& record) {
  apply_to_consumer(record, record.value.has_value());
}
void Machine::apply_typed(const TargetAssignmentMemberRecord& record) {
  apply_to_consumer(record, record.value.has_value());
}
void Machine::apply_typed(const CurrentMemberAssignmentRecord& record) {
  apply_to_consumer(record, record.value.has_value());
}
void Machine::apply_typed(const RegularExpressionRecord& record) {
  apply_to_consumer(record, record.value.has_value());
}

/// A group may begin with any of its records: compaction keeps the newest of each.
template <class T>
void Machine::apply_to_consumer(const T& record, bool makes_group) {
  auto* group = find_consumer(record.group_id);
  if (group == nullptr) {
    if (!makes_group) return;
    group = &put(std::make_unique<ConsumerGroup>(record.group_id));
  }
  group->apply(record);
}

void Machine::finish_loading(Step& step) {
  // A group whose last record was a tombstone may still have offsets.
  for (const auto& group_id : offsets_->group_ids())
    if (find(group_id) == nullptr) put(std::make_unique<ClassicGroup>(group_id));
  for (const auto& [id, group] : groups_) {
    if (group->type() == Group::Type::classic) {
      static_cast<ClassicGroup&>(*group).finish_loading(step);
    } else {
      static_cast<ConsumerGroup&>(*group).finish_loading(step);
    }
  }
}

// The classic protocol.

void Machine::join_group(Step& step, const Caller& caller, protocol::JoinGroupRequest request,
                         Answer<protocol::JoinGroupResponse> answer) {
  const auto refuse = [&](ErrorCode code) {
    protocol::JoinGroupResponse response;
    response.error_code = code;
    response.member_id = request.member_id;
    step.effects.answer(answer, std::move(response));
  };
  if (const auto code = ClassicGroup::check_join(step.options, request)) return refuse(*code);
  if (auto* consumer = find_consumer(request.group_id)) {
    if (!consumer->is_empty()) {
      consumer->classic_join(step, caller, request, std::move(answer));
      downgrade_if_due(step, *consumer);
      return;
    }
    // Nobody is left who speaks the other protocol: the group becomes a classic one.
    consumer->write_tombstones(step.effects);
    put(std::make_unique<ClassicGroup>(request.group_id));
  }
  auto* group = find_classic(request.group_id);
  if (group == nullptr) {
    if (!request.member_id.empty()) return refuse(ErrorCode::unknown_member_id);
    group = &put(std::make_unique<ClassicGroup>(request.group_id));
  }
  group->join(step, caller, std::move(request), std::move(answer));
}

void Machine::sync_group(Step& step, const Caller& caller, protocol::SyncGroupRequest request,
                         Answer<protocol::SyncGroupResponse> answer) {
  const auto refuse = [&](ErrorCode code) {
    protocol::SyncGroupResponse response;
    response.error_code = code;
    step.effects.answer(answer, std::move(response));
  };
  if (const auto code = ClassicGroup::check_sync(caller, request)) return refuse(*code);
  if (auto* consumer = find_consumer(request.group_id)) {
    if (!consumer->is_empty()) return consumer->classic_sync(step, caller, request, std::move(answer));
  } else if (auto* group = find_classic(request.group_id); group != nullptr) {
    return group->sync(step, caller, std::move(request), std::move(answer));
  }
  refuse(ErrorCode::unknown_member_id);
}

protocol::HeartbeatResponse Machine::heartbeat(Step& step, const Caller& caller,
                                               const protocol::HeartbeatRequest& request) {
  if (auto* consumer = find_consumer(request.group_id)) {
    if (!consumer->is_empty()) return consumer->classic_heartbeat(step, caller, request);
  } else if (auto* group = find_classic(request.group_id); group != nullptr) {
    return group->heartbeat(step, caller, request);
  }
  protocol::HeartbeatResponse response;
  response.error_code =
      request.group_id.empty() ? ErrorCode::invalid_group_id : ErrorCode::unknown_member_id;
  return response;
}

protocol::LeaveGroupResponse Machine::leave_group(Step& step, const Caller& caller,
                                                  const protocol::LeaveGroupRequest& request) {
  if (request.group_id.empty()) {
    protocol::LeaveGroupResponse response;
    response.error_code = ErrorCode::invalid_group_id;
    return response;
  }
  if (auto* consumer = find_consumer(request.group_id)) {
    auto response = consumer->classic_leave(step, caller, request);
    downgrade_if_due(step, *consumer);
    return response;
  }
  if (auto* group = find_classic(request.group_id)) return group->leave(step, caller, request);
  return nobody_left(caller, request, ErrorCode::unknown_member_id);
}

// The consumer protocol.

protocol::ConsumerGroupHeartbeatResponse Machine::consumer_group_heartbeat(
    Step& step, const Caller& caller, const protocol::ConsumerGroupHeartbeatRequest& request) {
  if (auto refused = ConsumerGroup::check_heartbeat(step.options, caller, request)) return *refused;
  const auto not_found = [&](std::string message) {
    protocol::ConsumerGroupHeartbeatResponse response;
    response.error_code = ErrorCode::group_id_not_found;
    response.error_message = std::move(message);
    return response;
  };
  auto* group = find_consumer(request.group_id);
  if (group == nullptr) {
    auto* classic = find_classic(request.group_id);
    if (request.member_epoch != join_epoch)
      return not_found(classic == nullptr
                           ? "Group " + request.group_id + " not found."
                           : "Group " + request.group_id + " is not a consumer group.");
    if (classic == nullptr) {
      group = &put(std::make_unique<ConsumerGroup>(request.group_id));
    } else if (classic->is_empty()) {
      classic->write_tombstones(step.effects);
      classic->clear_deadlines(step.deadlines);
      group = &put(std::make_unique<ConsumerGroup>(request.group_id));
    } else {
      if (auto refused = ConsumerGroup::check_upgrade(*classic, step.options, request)) return *refused;
      group = &put(ConsumerGroup::from_classic(step, *classic));
    }
  }
  auto response = group->heartbeat(step, caller, request);
  if (!group->is_in_log()) {
    remove(request.group_id);
    // What the group was before, a place for offsets, it is again.
    if (offsets_->has_offsets(request.group_id))
      put(std::make_unique<ClassicGroup>(request.group_id));
  } else {
    downgrade_if_due(step, *group);
  }
  return response;
}

void Machine::downgrade_if_due(Step& step, ConsumerGroup& group) {
  if (!group.should_downgrade()) return;
  put(group.to_classic(step));
}

// Offsets.

protocol::OffsetCommitResponse Machine::offset_commit(Step& step, const Caller& caller,
                                                      const protocol::OffsetCommitRequest& request) {
  const std::int32_t generation = request.generation_id_or_member_epoch;
  const bool by_admin = generation < 0 && request.member_id.empty() && !request.group_instance_id;
  const auto refuse = [&](ErrorCode code) {
    return OffsetStore::refuse(request, code, step.image, caller.version);
  };
  auto* group = find(request.group_id);
  if (group == nullptr) {
    if (generation >= 0)
      return refuse(caller.version >= 9 ? ErrorCode::group_id_not_found
                                        : ErrorCode::illegal_generation);
    group = &put(std::make_unique<ClassicGroup>(request.group_id));
  }
  // Only members of consumer groups may be late for some partitions and not for others.
  std::vector<TopicIdPartition> partitions;
  if (group->type() == Group::Type::consumer) partitions = partitions_of(request, step.image);
  const OffsetClient client{request.member_id, request.group_instance_id, generation, caller.version,
                            false, partitions};
  if (const auto code = group->check_commit(step, client); code != ErrorCode::none)
    return refuse(code);
  return offsets_->commit(step, group, by_admin, request, caller.version);
}

protocol::TxnOffsetCommitResponse Machine::refuse(const metadata::MetadataImage& image, const Caller& caller,
                                                  const protocol::TxnOffsetCommitRequest& request,
                                                  ErrorCode code) {
  return OffsetStore::refuse(request, code, image, caller.version);
}

protocol::TxnOffsetCommitResponse Machine::txn_offset_commit(
    Step& step, const Caller& caller, const protocol::TxnOffsetCommitRequest& request) {
  const auto refuse_all = [&](ErrorCode code) { return refuse(step.image, caller, request, code); };
  if (request.group_id.empty()) return refuse_all(ErrorCode::invalid_group_id);
  auto* group = find(request.group_id);
  if (group == nullptr) {
    if (request.generation_id >= 0)
      return refuse_all(caller.version >= 6 ? ErrorCode::group_id_not_found : ErrorCode::illegal_generation);
    group = &put(std::make_unique<ClassicGroup>(request.group_id));
  }
  std::vector<TopicIdPartition> partitions;
  if (group->type() == Group::Type::consumer) partitions = partitions_of(request, step.image);
  const OffsetClient client{request.member_id, request.group_instance_id, request.generation_id,
                            caller.version, true, partitions};
  if (const auto code = group->check_commit(step, client); code != ErrorCode::none) return refuse_all(code);
  return offsets_->commit_pending(step, request, caller.version);
}

protocol::OffsetFetchResponse::Group Machine::offset_fetch(
    const Step& step, const Caller& caller, const protocol::OffsetFetchRequest::Group& request,
    bool require_stable) const {
  if (const auto* group = find(request.group_id)) {
    const OffsetClient client{request.member_id.value_or(""), std::nullopt, request.member_epoch,
                              caller.version, false};
    if (const auto code = group->check_fetch(client); code != ErrorCode::none) {
      protocol::OffsetFetchResponse::Group refused;
      refused.group_id = request.group_id;
      refused.error_code = code;
      return refused;
    }
  }
  return offsets_->fetch(step.image, request, caller.version, require_stable);
}

protocol::OffsetDeleteResponse Machine::offset_delete(Step& step,
                                                      const protocol::OffsetDeleteRequest& request) {
  if (request.group_id.empty()) {
    protocol::OffsetDeleteResponse response;
    response.error_code = ErrorCode::invalid_group_id;
    return response;
  }
  return offsets_->remove(step, find(request.group_id), request);
}

// Groups as a whole.

protocol::DeleteGroupsResponse::Result Machine::delete_group(Step& step,
                                                             const std::string& group_id) {
  protocol::DeleteGroupsResponse::Result result;
  result.group_id = group_id;
  const auto* group = find(group_id);
  if (group_id.empty()) {
    result.error_code = ErrorCode::invalid_group_id;
  } else if (group == nullptr) {
    result.error_code = ErrorCode::group_id_not_found;
    result.error_message = "Group " + group_id + " not found.";
  } else if (const auto code = group->check_delete(); code != ErrorCode::none) {
    result.error_code = code;
    result.error_message = "Group " + group_id + " still has members; stop them first.";
  } else {
    offsets_->write_tombstones(step.effects, group_id);
    forget(step, group_id);
  }
  return result;
}

protocol::DescribeGroupsResponse::Group Machine::describe_classic(const Caller& caller,
                                                                  const std::string& group_id) const {
  if (const auto* group = find_classic(group_id)) return group->describe(caller);
  protocol::DescribeGroupsResponse::Group answer;
  answer.group_id = group_id;
  answer.group_state = "Dead";
  if (group_id.empty()) {
    answer.error_code = ErrorCode::invalid_group_id;
    answer.group_state.clear();
  } else if (caller.version >= 6) {
    answer.error_code = ErrorCode::group_id_not_found;
    answer.error_message = find(group_id) == nullptr ? "Group " + group_id + " not found."
                                                     : "Group " + group_id + " is not a classic group.";
  }
  return answer;
}

protocol::ConsumerGroupDescribeResponse::Group Machine::describe_consumer(
    const Step& step, const Caller& caller, const std::string& group_id) const {
  if (const auto* group = find_consumer(group_id)) return group->describe(step, caller);
  protocol::ConsumerGroupDescribeResponse::Group answer;
  answer.group_id = group_id;
  answer.error_code = ErrorCode::group_id_not_found;
  answer.error_message = find(group_id) == nullptr ? "Group " + group_id + " not found."
                                                   : "Group " + group_id + " is not a consumer group.";
  return answer;
}

std::vector<protocol::ListGroupsResponse::Group> Machine::list(
    const protocol::ListGroupsRequest& request) const {
  std::vector<protocol::ListGroupsResponse::Group> listed;
  for (const auto& [id, group] : groups_) {
    if (!passes(request.states_filter, group->state_name())) continue;
    if (!passes(request.types_filter, type_name(group->type()))) continue;
    listed.push_back({id, std::string(group->protocol_type()), std::string(group->state_name()),
                      std::string(type_name(group->type()))});
  }
  return listed;
}

/// An empty group ends; whether it had anything in the log is its own to know.
void Machine::forget(Step& step, const std::string& group_id) {
  find(group_id)->write_tombstones(step.effects);
  if (const auto* classic = find_classic(group_id)) classic->clear_deadlines(step.deadlines);
  remove(group_id);
}

// What happens by itself.

void Machine::expire(Step& step, base::SteadyTime now) {
  while (const auto due = deadlines_.take_due(now)) {
    auto* group = find(due->group_id);
    if (group == nullptr) continue;
    group->on_deadline(step, *due);
    if (auto* consumer = find_consumer(due->group_id)) downgrade_if_due(step, *consumer);
  }
}

void Machine::expire_offsets(Step& step, const EndOffset& end_offset) {
  std::vector<std::string> ids = offsets_->group_ids();
  for (const auto& [id, group] : groups_)
    if (group->is_empty()) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const auto& id : ids) {
    const auto* group = find(id);
    if (!offsets_->expire(step, id, group, end_offset)) continue;
    if (group != nullptr && group->is_empty()) forget(step, id);
  }
}

void Machine::on_metadata(Step& step, const metadata::MetadataDelta& delta) {
  std::vector<std::string> names;
  for (const auto& topic : delta.topics) {
    names.push_back(topic.after != nullptr ? topic.after->name : topic.before->name);
    if (topic.is_deleted()) offsets_->on_topic_deleted(step, topic.before->name, topic.before->id);
  }
  if (names.empty()) return;
  for (const auto& [id, group] : groups_)
    if (group->type() == Group::Type::consumer)
      static_cast<ConsumerGroup&>(*group).on_metadata(step, names);
}

}  // namespace moldau::group
