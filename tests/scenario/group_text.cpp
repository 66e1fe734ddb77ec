#include "tests/scenario/group_text.hpp"

#include <algorithm>
#include <variant>

#include "moldau/group/consumer_protocol.hpp"

namespace moldau::scenario {
namespace {

using group::Bytes;
using protocol::ErrorCode;

std::string list(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text.empty() ? "nothing" : text;
}

std::string text_of(const Names& names, const std::vector<group::TopicPartitions>& partitions) {
  PartitionsByName by_name;
  for (const auto& topic : partitions) by_name[names.topic(topic.topic_id)] = topic.partitions;
  return scenario::text_of(by_name);
}

/// "foo-0,1@2": the epochs in which they were given.
std::string text_of(const Names& names,
                    const std::vector<group::CurrentMemberAssignmentRecord::Owned>& owned) {
  std::map<std::string, PartitionsByName> by_epoch;
  for (const auto& topic : owned)
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const auto epoch = i < topic.assignment_epochs.size()
                             ? "@" + std::to_string(topic.assignment_epochs[i])
                             : std::string();
      by_epoch[epoch][names.topic(topic.topic_id)].push_back(topic.partitions[i]);
    }
  std::string text;
  for (const auto& [epoch, partitions] : by_epoch)
    text += (text.empty() ? "" : " ") + scenario::text_of(partitions) + epoch;
  return text.empty() ? "nothing" : text;
}

struct RecordText {
  const Names& names;

  std::string operator()(const group::OffsetCommitRecord& r) const {
    const auto of = "offset " + r.topic + "-" + std::to_string(r.partition.value());
    if (!r.value) return of + " gone";
    auto text = of + " = " + std::to_string(r.value->offset.value());
    if (!r.value->metadata.empty()) text += " \"" + r.value->metadata + "\"";
    if (r.value->expire_timestamp_ms)
      text +=
          " kept " +
          std::to_string((*r.value->expire_timestamp_ms - r.value->commit_timestamp_ms) / 1000) +
          "s";
    return text;
  }
  std::string operator()(const group::GroupMetadataRecord& r) const {
    if (!r.value) return "classic group gone";
    auto text = "classic group: generation " + std::to_string(r.value->generation);
    if (r.value->protocol) text += " " + *r.value->protocol;
    if (r.value->leader) text += ", leader " + names.member(*r.value->leader);
    for (const auto& member : r.value->members) {
      text += ", " + names.member(member.member_id);
      if (member.group_instance_id) text += " (" + *member.group_instance_id + ")";
      text += " has " + assignment_text(member.assignment);
    }
    return text;
  }
  std::string operator()(const group::ConsumerGroupMetadataRecord& r) const {
    return r.value ? "group epoch " + std::to_string(r.value->epoch) : "consumer group gone";
  }
  std::string operator()(const group::ConsumerGroupPartitionMetadataRecord&) const {
    return "partition metadata gone";
  }
  std::string operator()(const group::ConsumerGroupMemberRecord& r) const {
    const auto of = "member " + names.member(r.member_id);
    if (!r.value) return of + " gone";
    auto text = of;
    if (r.value->instance_id) text += " (" + *r.value->instance_id + ")";
    text += " wants " + list(r.value->subscribed_topic_names);
    if (r.value->subscribed_topic_regex && !r.value->subscribed_topic_regex->empty())
      text += " and /" + *r.value->subscribed_topic_regex + "/";
    if (r.value->server_assignor) text += " by " + *r.value->server_assignor;
    if (r.value->classic) text += ", classic " + r.value->classic->protocols.front().name;
    return text;
  }
  std::string operator()(const group::TargetAssignmentMetadataRecord& r) const {
    return r.value ? "target epoch " + std::to_string(r.value->assignment_epoch)
                   : "target epoch gone";
  }
  std::string operator()(const group::TargetAssignmentMemberRecord& r) const {
    const auto of = "target of " + names.member(r.member_id);
    return r.value ? of + ": " + text_of(names, *r.value) : of + " gone";
  }
  std::string operator()(const group::CurrentMemberAssignmentRecord& r) const {
    const auto of = "current of " + names.member(r.member_id);
    if (!r.value) return of + " gone";
    auto text = of + ": epoch " + std::to_string(r.value->member_epoch) + " (before " +
                std::to_string(r.value->previous_member_epoch) + ") " +
                member_state_name(r.value->state) + " has " + text_of(names, r.value->assigned);
    if (!r.value->pending_revocation.empty())
      text += ", gives up " + text_of(names, r.value->pending_revocation);
    return text;
  }
  std::string operator()(const group::RegularExpressionRecord& r) const {
    return "regex /" + r.regex + "/" + (r.value ? " is " + list(r.value->topics) : " gone");
  }
  std::string operator()(const group::OffsetTrailRecord& r) const {
    const auto of = "trail of " + r.topic + "-" + std::to_string(r.partition.value());
    if (!r.value) return of + " gone";
    std::vector<std::string> offsets;
    for (const auto& entry : *r.value) offsets.push_back(std::to_string(entry.offset.value()));
    return of + ": " + list(offsets);
  }
};

template <class Topics>
std::string codes_of(const Topics& topics) {
  std::string text;
  for (const auto& topic : topics)
    for (const auto& partition : topic.partitions)
      text += (text.empty() ? "" : " ") + topic.name + "-" +
              std::to_string(partition.partition_index.value()) + ":" +
              scenario::text_of(partition.error_code);
  return text;
}

PartitionsByName by_name(const protocol::ConsumerGroupDescribeResponse::Assignment& assignment) {
  PartitionsByName partitions;
  for (const auto& topic : assignment.topic_partitions)
    for (const auto partition : topic.partitions)
      partitions[topic.topic_name].push_back(partition.value());
  return partitions;
}

PartitionsByName by_name(const std::vector<group::NamedTopicPartitions>& list) {
  PartitionsByName partitions;
  for (const auto& topic : list) partitions[topic.topic] = topic.partitions;
  return partitions;
}

/// "name-" before a UUID: an id that its client does not know yet.
std::string without_uuid(const std::string& id) {
  constexpr std::size_t uuid_length = 36;
  if (id.size() <= uuid_length + 1 || id[id.size() - uuid_length - 1] != '-') return id;
  return id.substr(0, id.size() - uuid_length - 1) + "-?";
}

}  // namespace

void Names::note_member(const std::string& name, const std::string& id) {
  auto& ids = ids_[name];
  if (id.empty() || std::ranges::find(ids, id) != ids.end()) return;
  ids.push_back(id);
  members_[id] = ids.size() == 1 ? name : name + "/" + std::to_string(ids.size());
}

void Names::note_topic(const std::string& name, const TopicId& id) {
  topics_[id] = name;
}

std::string Names::id_of(const std::string& name) const {
  const auto slash = name.find('/');
  const auto place = ids_.find(name.substr(0, slash));
  if (place == ids_.end()) return name;
  if (slash == std::string::npos) return place->second.back();
  return place->second.at(std::stoul(name.substr(slash + 1)) - 1);
}

std::string Names::member(const std::string& id) const {
  const auto place = members_.find(id);
  return place == members_.end() ? without_uuid(id) : place->second;
}

std::string Names::topic(const TopicId& id) const {
  const auto place = topics_.find(id);
  return place == topics_.end() ? id.to_string() : place->second;
}

std::string text_of(const PartitionsByName& partitions) {
  std::string text;
  for (const auto& [topic, indexes] : partitions) {
    text += (text.empty() ? "" : " ") + topic + "-";
    for (std::size_t i = 0; i < indexes.size(); ++i)
      text += (i == 0 ? "" : ",") + std::to_string(indexes[i]);
  }
  return text.empty() ? "nothing" : text;
}

std::string assignment_text(const Bytes& bytes) {
  if (bytes.empty()) return "nothing";
  const auto assignment = group::decode_assignment(base::ByteView(bytes));
  if (!assignment) return "\"" + std::string(bytes.begin(), bytes.end()) + "\"";
  return text_of(by_name(assignment->partitions));
}

std::string subscription_text(const Bytes& bytes) {
  if (bytes.empty()) return "";
  const auto subscription = group::decode_subscription(base::ByteView(bytes));
  if (!subscription) return "\"" + std::string(bytes.begin(), bytes.end()) + "\"";
  auto text = list(subscription->topics);
  if (!subscription->owned_partitions.empty())
    text += " owning " + text_of(by_name(subscription->owned_partitions));
  return text;
}

std::string member_state_name(std::int8_t state) {
  static const std::vector<std::string> state_names{"STABLE", "UNREVOKED_PARTITIONS",
                                                    "UNRELEASED_PARTITIONS"};
  const auto place = static_cast<std::size_t>(state);
  return place < state_names.size() ? state_names[place] : "state " + std::to_string(state);
}

std::string text_of(ErrorCode code) {
  return code == ErrorCode::none ? "ok" : std::string(protocol::name(code));
}

std::string text_of(const Names& names, const group::Record& record) {
  return std::visit(RecordText{names}, record);
}

std::string text_of(const Names& names, const protocol::JoinGroupResponse& response) {
  if (response.error_code != ErrorCode::none) return text_of(response.error_code);
  auto text = "generation " + std::to_string(response.generation_id) + " " +
              response.protocol_name.value_or("null");
  if (!response.leader.empty()) text += ", leader " + names.member(response.leader);
  for (const auto& member : response.members) {
    text += ", " + names.member(member.member_id);
    if (member.group_instance_id) text += " (" + *member.group_instance_id + ")";
    text += " wants " + subscription_text(member.metadata);
  }
  if (response.skip_assignment) text += ", skips the assignment";
  return text;
}

std::string text_of(const protocol::SyncGroupResponse& response) {
  if (response.error_code != ErrorCode::none) return text_of(response.error_code);
  return assignment_text(response.assignment);
}

std::string text_of(const Names& names, const protocol::LeaveGroupResponse& response) {
  auto text = text_of(response.error_code);
  for (const auto& member : response.members)
    text += ", " +
            (member.member_id.empty() ? member.group_instance_id.value_or("nobody")
                                      : names.member(member.member_id)) +
            ":" + text_of(member.error_code);
  return text;
}

std::string text_of(const Names& names, const protocol::ConsumerGroupHeartbeatResponse& response) {
  if (response.error_code != ErrorCode::none)
    return text_of(response.error_code) + ": " + response.error_message.value_or("null");
  auto text = "epoch " + std::to_string(response.member_epoch);
  if (!response.assignment) return text;
  PartitionsByName partitions;
  for (const auto& topic : response.assignment->topic_partitions)
    for (const auto partition : topic.partitions)
      partitions[names.topic(topic.topic_id)].push_back(partition.value());
  return text + " has " + text_of(partitions);
}

std::string text_of(const protocol::OffsetCommitResponse& response) {
  return codes_of(response.topics);
}

std::string text_of(const protocol::TxnOffsetCommitResponse& response) {
  return codes_of(response.topics);
}

std::string text_of(const protocol::OffsetFetchResponse::Group& response) {
  if (response.error_code != ErrorCode::none) return text_of(response.error_code);
  std::string text;
  for (const auto& topic : response.topics)
    for (const auto& partition : topic.partitions) {
      text += (text.empty() ? "" : " ") + topic.name + "-" +
              std::to_string(partition.partition_index.value()) + "=";
      text += partition.error_code == ErrorCode::none
                  ? std::to_string(partition.committed_offset.value())
                  : text_of(partition.error_code);
      if (partition.metadata && !partition.metadata->empty())
        text += " \"" + *partition.metadata + "\"";
    }
  return text.empty() ? "no offsets" : text;
}

std::string text_of(const protocol::OffsetDeleteResponse& response) {
  if (response.error_code != ErrorCode::none) return text_of(response.error_code);
  return codes_of(response.topics);
}

std::string text_of(const Names& names, const protocol::DescribeGroupsResponse::Group& group) {
  auto text = text_of(group.error_code) + ": " + group.group_state;
  if (!group.protocol_type.empty()) text += " " + group.protocol_type;
  if (!group.protocol_data.empty()) text += " " + group.protocol_data;
  if (group.error_message) text += " (" + *group.error_message + ")";
  for (const auto& member : group.members) {
    text += "\n  " + names.member(member.member_id);
    if (member.group_instance_id) text += " (" + *member.group_instance_id + ")";
    text += " " + member.client_id + member.client_host;
    if (const auto wish = subscription_text(member.member_metadata); !wish.empty())
      text += " wants " + wish;
    text += " has " + assignment_text(member.member_assignment);
  }
  return text;
}

std::string text_of(const Names& names,
                    const protocol::ConsumerGroupDescribeResponse::Group& group) {
  if (group.error_code != ErrorCode::none)
    return text_of(group.error_code) + ": " + group.error_message.value_or("null");
  auto text = group.group_state + ", epoch " + std::to_string(group.group_epoch) +
              ", target epoch " + std::to_string(group.assignment_epoch) + " by " +
              group.assignor_name;
  for (const auto& member : group.members) {
    text += "\n  " + names.member(member.member_id);
    if (member.instance_id) text += " (" + *member.instance_id + ")";
    if (member.member_type == 0) text += " classic";
    text += " epoch " + std::to_string(member.member_epoch) + " wants " +
            list(member.subscribed_topic_names);
    if (member.subscribed_topic_regex && !member.subscribed_topic_regex->empty())
      text += " and /" + *member.subscribed_topic_regex + "/";
    text += " has " + text_of(by_name(member.assignment)) + ", shall have " +
            text_of(by_name(member.target_assignment));
  }
  return text;
}

}  // namespace moldau::scenario
