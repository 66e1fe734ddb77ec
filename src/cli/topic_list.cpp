#include <cstdio>

#include "output.hpp"
#include "topic_metadata.hpp"
#include "topic_verbs.hpp"

namespace moldau::cli {
namespace {

std::size_t replicas_of(const TopicMetadata& topic) {
  return topic.partitions.empty() ? 0 : topic.partitions.front().replica_nodes.size();
}

void print_json(const std::vector<TopicMetadata>& topics) {
  Json json;
  json.open('[');
  for (const auto& topic : topics) {
    json.open('{').key("topic").value(topic.name.value_or(""));
    json.key("id").value(topic.topic_id.to_string());
    json.key("partitions").value(static_cast<std::int64_t>(topic.partitions.size()));
    json.key("replicas").value(static_cast<std::int64_t>(replicas_of(topic)));
    json.key("internal").value(topic.is_internal).close('}');
  }
  json.close(']').print();
}

}  // namespace

base::Status topic_list(const CommonOptions& common) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto topics, all_topics(client));
  if (common.format == Format::json) {
    print_json(topics);
    return {};
  }
  if (topics.empty()) {
    std::fputs("there are no topics yet; make one by: moldau topic create NAME\n", stderr);
    return {};
  }
  Table table({"TOPIC", "PARTITIONS", "REPLICAS"});
  for (const auto& topic : topics)
    table.add({topic.name.value_or(""), std::to_string(topic.partitions.size()),
               std::to_string(replicas_of(topic))});
  table.print();
  return {};
}

}  // namespace moldau::cli
