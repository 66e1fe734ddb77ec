#include <cstdio>

#include "client.hpp"
#include "moldau/protocol/delete_topics.hpp"
#include "output.hpp"
#include "topic_verbs.hpp"

namespace moldau::cli {

using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;

base::Status topic_delete(const CommonOptions& common, const std::string& name) {
  DeleteTopicsRequest request;
  request.topic_names = {name};  // up to version 5
  request.topics.emplace_back().name = name;
  request.timeout_ms = 30'000;
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto response, client.call<DeleteTopicsResponse>(request));
  for (const auto& deleted : response.responses)
    if (deleted.error_code != protocol::ErrorCode::none)
      return refusal("topic '" + name + "'", deleted.error_code, deleted.error_message);
  if (common.format == Format::json) {
    Json json;
    json.open('{').key("topic").value(name).key("deleted").value(true).close('}').print();
  } else {
    std::printf("deleted topic %s\n", name.c_str());
  }
  return {};
}

}  // namespace moldau::cli
