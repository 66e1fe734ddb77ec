// DeleteRecords: answered when the new start is durable.  Rules: protocol.md edge case 48.

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using protocol::DeleteRecordsRequest;
using protocol::DeleteRecordsResponse;
using Answer = DeleteRecordsResponse::Topic::Partition;

base::Result<partition::Partition::StartMoved> move_start(
    const Services& services, const std::string& topic,
    const DeleteRecordsRequest::Topic::Partition& wanted) {
  if (metadata::is_internal_topic(topic))
    return base::fail(base::Errc::invalid_topic, "records of an internal topic are not deleted");
  const auto partition = services.partitions.find(topic, wanted.partition_index);
  if (partition == nullptr)
    return base::fail(base::Errc::unknown_topic, "no such partition");
  if (!partition->config()->cleanup_delete)
    return base::fail(base::Errc::policy_violation, "the topic's cleanup.policy is not delete");
  return partition->delete_records(wanted.offset);
}

}  // namespace

void delete_records(const Services& services, const RequestContext&, DeleteRecordsRequest request,
                    Reply<DeleteRecordsResponse> reply) {
  DeleteRecordsResponse response;
  Lsn newest{0};
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& wanted : topic.partitions) {
      auto& answer = answered.partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      const auto moved = move_start(services, topic.name, wanted);
      if (moved) {
        answer.low_watermark = moved.value().low_watermark;
        newest = std::max(newest, moved.value().lsn);
      } else {
        answer.low_watermark = no_offset;
        answer.error_code = error_code(moved.error().code);
      }
    }
  }
  services.partitions.when_durable(
      newest, [response = std::move(response), reply = std::move(reply)](
                  const base::Status& status) mutable {
        if (!status) {
          for (auto& topic : response.topics)
            for (auto& partition : topic.partitions)
              partition.error_code = error_code(status.error().code);
        }
        reply(response);
      });
}

}  // namespace moldau::api
