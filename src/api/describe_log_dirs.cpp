// DescribeLogDirs (KIP-113, KIP-827, KIP-1066).

#include <algorithm>
#include <map>
#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::api {
namespace {

using protocol::DescribeLogDirsRequest;
using protocol::DescribeLogDirsResponse;

bool wanted(const DescribeLogDirsRequest& request, const TopicPartition& partition) {
  if (!request.topics) return true;
  return std::any_of(request.topics->begin(), request.topics->end(), [&](const auto& topic) {
    return topic.topic == partition.topic &&
           std::find(topic.partitions.begin(), topic.partitions.end(), partition.partition) !=
               topic.partitions.end();
  });
}

}  // namespace

void describe_log_dirs(const Services& services, const RequestContext&,
                       DescribeLogDirsRequest request, Reply<DescribeLogDirsResponse> reply) {
  DescribeLogDirsResponse response;
  auto& directory = response.results.emplace_back();
  directory.log_dir = services.log_dir;
  if (const auto failed = services.partitions.directory().failed()) {
    directory.error_code = error_code(failed->code);
    reply(response);
    return;
  }
  if (const auto space = services.partitions.directory().space()) {
    directory.total_bytes = static_cast<std::int64_t>(space.value().total_bytes);
    directory.usable_bytes = static_cast<std::int64_t>(space.value().available_bytes);
  }
  std::map<std::string, std::vector<DescribeLogDirsResponse::Result::Topic::Partition>> topics;
  for (const auto& partition : services.partitions.all()) {
    const auto& name = partition->topic_partition();
    if (!wanted(request, name)) continue;
    auto& described = topics[name.topic].emplace_back();
    described.partition_index = name.partition;
    described.partition_size = static_cast<std::int64_t>(partition->log().size_bytes());
  }
  for (auto& [name, partitions] : topics) {
    std::sort(partitions.begin(), partitions.end(), [](const auto& a, const auto& b) {
      return a.partition_index < b.partition_index;
    });
    directory.topics.push_back({name, std::move(partitions)});
  }
  reply(response);
}

}  // namespace moldau::api
