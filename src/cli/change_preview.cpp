#include "change_preview.hpp"

#include <cstdio>

#include "group_lag.hpp"
#include "group_offsets.hpp"
#include "output.hpp"

namespace moldau::cli {
namespace {

void print_table(const ChangeRequest& request) {
  Table table({"TOPIC", "PARTITION", "COMMITTED", "NEW", "END", "NEW LAG"});
  for (const auto& change : request.changes)
    table.add({change.partition.topic, std::to_string(change.partition.partition.value()),
               or_dash(change.before), std::to_string(change.after.value()), or_dash(change.end),
               change.end ? std::to_string(lag_records(change.after, *change.end)) : "-"});
  table.print();
}

void print_json(const ChangeRequest& request) {
  Json json;
  json.open('{').key("group").value(request.group_id);
  json.key("done").value(request.is_confirmed).key("offsets").open('[');
  for (const auto& change : request.changes) {
    json.open('{').key("topic").value(change.partition.topic);
    json.key("partition").value(std::int64_t{change.partition.partition.value()});
    add_optional(json.key("before"), change.before);
    json.key("after").value(change.after.value());
    add_optional(json.key("end"), change.end);
    json.close('}');
  }
  json.close(']').close('}').print();
}

base::Status check_no_members(const GroupDescription& group) {
  if (group.members.empty()) return {};
  return base::fail(base::Errc::unknown,
                    "group '" + group.group_id + "' has members (" +
                        std::to_string(group.members.size()) +
                        "); offsets can only be changed when they are stopped");
}

}  // namespace

base::Status show_and_change(Client& client, const CommonOptions& common,
                             const GroupDescription& group, const ChangeRequest& request) {
  if (request.is_confirmed) {
    MOLDAU_TRY(check_no_members(group));
    MOLDAU_TRY(commit_offsets(client, request.group_id, request.changes));
  }
  if (common.format == Format::json) {
    print_json(request);
  } else {
    print_table(request);
  }
  if (request.is_confirmed) return {};
  std::fputs("nothing was changed: this is a preview, add --yes to do it\n", stderr);
  if (const auto idle = check_no_members(group); !idle)
    std::fprintf(stderr, "%s\n", idle.error().message.c_str());
  return {};
}

}  // namespace moldau::cli
