#include <cstdio>

#include "moldau/protocol/describe_configs.hpp"
#include "output.hpp"
#include "topic_metadata.hpp"
#include "topic_verbs.hpp"

namespace moldau::cli {
namespace {

using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;

constexpr std::int8_t topic_resource = 2;       // ConfigResource.Type.TOPIC
constexpr std::int8_t topic_config_source = 1;  // ConfigSource.DYNAMIC_TOPIC_CONFIG

struct Description {
  TopicMetadata topic;
  std::vector<Offset> starts;
  std::vector<Offset> ends;
  std::vector<TextPair> configs;  // set for this topic
};

base::Result<std::vector<TextPair>> configs_of(Client& client, const std::string& name) {
  DescribeConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = topic_resource;
  resource.resource_name = name;
  resource.configuration_keys.reset();
  MOLDAU_ASSIGN(const auto response, client.call<DescribeConfigsResponse>(request));
  std::vector<TextPair> configs;
  for (const auto& result : response.results) {
    if (result.error_code != protocol::ErrorCode::none)
      return refusal("configuration of '" + name + "'", result.error_code, result.error_message);
    for (const auto& config : result.configs)
      if (config.config_source == topic_config_source)
        configs.emplace_back(config.name, config.value.value_or(""));
  }
  return configs;
}

std::string join(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const auto broker : brokers)
    text += (text.empty() ? "" : ",") + std::to_string(broker.value());
  return text;
}

void print_table(const Description& found) {
  std::printf("topic   %s\nid      %s\n", found.topic.name.value_or("").c_str(),
              found.topic.topic_id.to_string().c_str());
  for (const auto& [name, value] : found.configs)
    std::printf("config  %s=%s\n", name.c_str(), value.c_str());
  Table table({"PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "START", "END"});
  for (std::size_t i = 0; i < found.topic.partitions.size(); ++i) {
    const auto& partition = found.topic.partitions[i];
    table.add({std::to_string(partition.partition_index.value()),
               std::to_string(partition.leader_id.value()),
               std::to_string(partition.leader_epoch.value()), join(partition.replica_nodes),
               join(partition.isr_nodes), std::to_string(found.starts[i].value()),
               std::to_string(found.ends[i].value())});
  }
  table.print();
}

void add_brokers(Json& json, const char* name, const std::vector<BrokerId>& brokers) {
  json.key(name).open('[');
  for (const auto broker : brokers) json.value(std::int64_t{broker.value()});
  json.close(']');
}

void print_json(const Description& found) {
  Json json;
  json.open('{').key("topic").value(found.topic.name.value_or(""));
  json.key("id").value(found.topic.topic_id.to_string()).key("configs").open('{');
  for (const auto& [name, value] : found.configs) json.key(name).value(value);
  json.close('}').key("partitions").open('[');
  for (std::size_t i = 0; i < found.topic.partitions.size(); ++i) {
    const auto& partition = found.topic.partitions[i];
    json.open('{').key("partition").value(std::int64_t{partition.partition_index.value()});
    json.key("leader").value(std::int64_t{partition.leader_id.value()});
    json.key("leader_epoch").value(std::int64_t{partition.leader_epoch.value()});
    add_brokers(json, "replicas", partition.replica_nodes);
    add_brokers(json, "isr", partition.isr_nodes);
    json.key("start").value(found.starts[i].value());
    json.key("end").value(found.ends[i].value()).close('}');
  }
  json.close(']').close('}').print();
}

}  // namespace

base::Status topic_describe(const CommonOptions& common, const std::string& name) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  Description found;
  MOLDAU_ASSIGN(found.topic, find_topic(client, name, false));
  std::vector<PartitionIndex> partitions;
  for (const auto& partition : found.topic.partitions)
    partitions.push_back(partition.partition_index);
  MOLDAU_ASSIGN(found.starts, list_offsets(client, name, partitions, earliest_timestamp));
  MOLDAU_ASSIGN(found.ends, list_offsets(client, name, partitions, latest_timestamp));
  MOLDAU_ASSIGN(found.configs, configs_of(client, name));
  if (common.format == Format::json) {
    print_json(found);
  } else {
    print_table(found);
  }
  return {};
}

}  // namespace moldau::cli
