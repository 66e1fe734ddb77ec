#include <algorithm>
#include <cstdio>

#include "group_data.hpp"
#include "group_verbs.hpp"
#include "output.hpp"

namespace moldau::cli {
namespace {

struct Row {
  GroupListing group;
  std::optional<std::int64_t> members;  // nullopt: of a kind that is not described here
};

void print_json(const std::vector<Row>& rows) {
  Json json;
  json.open('[');
  for (const auto& [group, members] : rows) {
    json.open('{').key("group").value(group.group_id).key("type").value(group.group_type);
    json.key("protocol_type").value(group.protocol_type).key("state").value(group.group_state);
    add_optional(json.key("members"), members);
    json.close('}');
  }
  json.close(']').print();
}

}  // namespace

base::Status group_list(const CommonOptions& common) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto groups, list_groups(client));
  MOLDAU_ASSIGN(const auto described, describe_groups(client, groups));
  std::vector<Row> rows;
  for (const auto& group : groups) {
    auto& row = rows.emplace_back(Row{group, std::nullopt});
    if (const auto found = described.find(group.group_id); found != described.end())
      row.members = static_cast<std::int64_t>(found->second.members.size());
  }
  if (common.format == Format::json) {
    print_json(rows);
    return {};
  }
  if (rows.empty()) {
    std::fputs("there are no groups\n", stderr);
    return {};
  }
  Table table({"GROUP", "TYPE", "PROTOCOL", "STATE", "MEMBERS"});
  for (const auto& [group, members] : rows)
    table.add({group.group_id, or_dash(group.group_type), or_dash(group.protocol_type),
               or_dash(group.group_state), or_dash(members)});
  table.print();
  return {};
}

}  // namespace moldau::cli
