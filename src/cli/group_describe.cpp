#include <cstdio>

#include "group_data.hpp"
#include "group_lag.hpp"
#include "group_verbs.hpp"
#include "output.hpp"

namespace moldau::cli {
namespace {

/// "orders:0,1 payments:2"
std::string assignment_text(const GroupMember& member) {
  std::string text;
  for (const auto& [topic, partitions] : member.assignment) {
    if (!text.empty()) text += ' ';
    text += topic;
    char separator = ':';
    for (const auto index : partitions) {
      text += separator + std::to_string(index.value());
      separator = ',';
    }
  }
  return or_dash(text);
}

void print_members(const GroupDescription& group) {
  if (group.members.empty()) return;
  std::fputc('\n', stdout);
  Table table({"MEMBER", "INSTANCE", "CLIENT", "HOST", "ASSIGNMENT"});
  for (const auto& member : group.members)
    table.add({member.member_id, or_dash(member.instance_id.value_or("")), member.client_id,
               member.host, assignment_text(member)});
  table.print();
}

void print_offsets(const GroupDescription& group, const GroupLag& lag) {
  if (lag.partitions.empty()) return;
  std::map<TopicPartition, std::string> readers;
  for (const auto& member : group.members)
    for (const auto& [topic, partitions] : member.assignment)
      for (const auto index : partitions) readers[{topic, index}] = member.client_id;
  std::fputc('\n', stdout);
  Table table({"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "SECONDS", "CLIENT"});
  for (const auto& one : lag.partitions) {
    const auto reader = readers.find(one.partition);
    table.add({one.partition.topic, std::to_string(one.partition.partition.value()),
               or_dash(one.committed), or_dash(one.end), or_dash(one.records), or_dash(one.seconds),
               reader == readers.end() ? "-" : reader->second});
  }
  table.print();
}

void print_table(const GroupDescription& group, const GroupLag& lag) {
  std::printf("group     %s\ntype      %s\nstate     %s\n", group.group_id.c_str(),
              group.type.c_str(), group.state.c_str());
  if (!group.protocol_type.empty()) std::printf("protocol  %s\n", group.protocol_type.c_str());
  if (!group.assignor.empty()) std::printf("assignor  %s\n", group.assignor.c_str());
  if (group.epoch) std::printf("epoch     %d\n", *group.epoch);
  std::printf("members   %zu\n", group.members.size());
  print_members(group);
  print_offsets(group, lag);
}

void add_member(Json& json, const GroupMember& member) {
  json.open('{').key("member_id").value(member.member_id).key("instance_id");
  if (member.instance_id) {
    json.value(*member.instance_id);
  } else {
    json.null();
  }
  json.key("client_id").value(member.client_id).key("host").value(member.host);
  json.key("assignment").open('[');
  for (const auto& [topic, partitions] : member.assignment) {
    json.open('{').key("topic").value(topic).key("partitions").open('[');
    for (const auto index : partitions) json.value(std::int64_t{index.value()});
    json.close(']').close('}');
  }
  json.close(']').close('}');
}

void print_json(const GroupDescription& group, const GroupLag& lag) {
  Json json;
  json.open('{').key("group").value(group.group_id).key("type").value(group.type);
  json.key("state").value(group.state).key("protocol_type").value(group.protocol_type);
  json.key("assignor").value(group.assignor).key("epoch");
  add_optional(json, group.epoch ? std::optional<std::int64_t>(*group.epoch) : std::nullopt);
  json.key("members").open('[');
  for (const auto& member : group.members) add_member(json, member);
  json.close(']').key("offsets");
  add_lag(json, lag);
  json.close('}').print();
}

}  // namespace

base::Status group_describe(const CommonOptions& common, const std::string& name) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto group, describe_group(client, name));
  MOLDAU_ASSIGN(const auto lag, measure_lag(client, group));
  if (common.format == Format::json) {
    print_json(group, lag);
  } else {
    print_table(group, lag);
  }
  return {};
}

}  // namespace moldau::cli
