#include <cstdio>

#include "coordinator_call.hpp"
#include "group_data.hpp"
#include "group_verbs.hpp"
#include "moldau/protocol/delete_groups.hpp"
#include "output.hpp"

namespace moldau::cli {

base::Status group_delete(const CommonOptions& common, const std::string& name) {
  using Response = protocol::DeleteGroupsResponse;
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_TRY(find_coordinator(client, CoordinatorKind::group, name));
  protocol::DeleteGroupsRequest request;
  request.groups_names = {name};
  const auto code_of = [](const Response& response) {
    return response.results.empty() ? protocol::ErrorCode::none
                                    : response.results.front().error_code;
  };
  MOLDAU_ASSIGN(const auto response, call_coordinator<Response>(client, request, code_of));
  for (const auto& result : response.results) {
    if (result.error_code == protocol::ErrorCode::group_id_not_found) return no_such_group(name);
    if (result.error_code == protocol::ErrorCode::non_empty_group)
      return base::fail(base::Errc::unknown,
                        "group '" + name + "' still has members; stop them first");
    if (result.error_code != protocol::ErrorCode::none)
      return refusal("group '" + name + "'", result.error_code, result.error_message);
  }
  if (common.format == Format::json) {
    Json json;
    json.open('{').key("group").value(name).key("deleted").value(true).close('}').print();
  } else {
    std::printf("deleted group %s\n", name.c_str());
  }
  return {};
}

}  // namespace moldau::cli
