// OffsetFetch: of one group up to version 7, of several from version 8 on (KIP-709).

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;

/// The request of one group in the shape of version 8.
OffsetFetchRequest::Group as_group(OffsetFetchRequest& request) {
  OffsetFetchRequest::Group group;
  group.group_id = std::move(request.group_id);
  group.topics.reset();
  if (request.topics) {
    group.topics.emplace();
    for (auto& topic : *request.topics) {
      auto& wanted = group.topics->emplace_back();
      wanted.name = std::move(topic.name);
      wanted.partition_indexes = std::move(topic.partition_indexes);
    }
  }
  return group;
}

/// A group's answer in the shape of versions 0 to 7.  Versions 0 and 1 have no place for the group's own
/// error: it stands with every partition that was asked for.
OffsetFetchResponse as_single(OffsetFetchResponse::Group group, const OffsetFetchRequest::Group& asked,
                              std::int16_t version) {
  OffsetFetchResponse response;
  response.error_code = group.error_code;
  if (group.error_code != ErrorCode::none && version < 2 && asked.topics) {
    for (const auto& topic : *asked.topics) {
      auto& answered = response.topics.emplace_back();
      answered.name = topic.name;
      for (const auto index : topic.partition_indexes)
        answered.partitions.push_back({index, no_offset, no_leader_epoch, "", group.error_code});
    }
    return response;
  }
  for (auto& topic : group.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = std::move(topic.name);
    for (auto& partition : topic.partitions)
      answered.partitions.push_back({partition.partition_index, partition.committed_offset,
                                     partition.committed_leader_epoch,
                                     std::move(partition.metadata), partition.error_code});
  }
  return response;
}

}  // namespace

void offset_fetch(const Services& services, const RequestContext& context,
                  OffsetFetchRequest request, Reply<OffsetFetchResponse> reply) {
  auto pending = std::make_shared<DurableReply<OffsetFetchResponse>>(std::move(reply));
  const bool is_single = context.version < 8;
  if (is_single) request.groups.push_back(as_group(request));
  // Slots stay where they are: all are made before the first step.
  auto answers = std::vector<OffsetFetchResponse::Group>(request.groups.size());
  for (std::size_t i = 0; i < request.groups.size(); ++i) {
    const auto& wanted = request.groups[i];
    answers[i].group_id = wanted.group_id;
    join_step(
        services.groups, context, wanted.group_id, pending,
        [&](group::Machine& machine, group::Step& step) {
          answers[i] = machine.offset_fetch(step, caller_of(context), wanted, request.require_stable);
        },
        [&](ErrorCode code) { answers[i].error_code = code; });
  }
  if (is_single) {
    pending->response() = as_single(std::move(answers[0]), request.groups[0], context.version);
  } else {
    pending->response().groups = std::move(answers);
  }
  pending->durable();
}

}  // namespace moldau::api
