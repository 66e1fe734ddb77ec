#include <cstdio>

#include "client.hpp"
#include "moldau/protocol/create_topics.hpp"
#include "output.hpp"
#include "topic_verbs.hpp"

namespace moldau::cli {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;

base::Status topic_create(const CommonOptions& common, const CreateOptions& options) {
  CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = options.name;
  topic.num_partitions = options.partitions.value_or(-1);
  topic.replication_factor = -1;  // the broker's default.replication.factor
  for (const auto& [name, value] : options.configs) topic.configs.push_back({name, value});
  request.timeout_ms = 30'000;
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto response, client.call<CreateTopicsResponse>(request));
  for (const auto& made : response.topics) {
    if (made.error_code != protocol::ErrorCode::none)
      return refusal("topic '" + made.name + "'", made.error_code, made.error_message);
    if (common.format == Format::json) {
      Json json;
      json.open('{').key("topic").value(made.name).key("id").value(made.topic_id.to_string());
      json.key("partitions").value(std::int64_t{made.num_partitions}).close('}').print();
    } else {
      std::printf("created topic %s with %d partition%s\n", made.name.c_str(), made.num_partitions,
                  made.num_partitions == 1 ? "" : "s");
    }
  }
  return {};
}

}  // namespace moldau::cli
