// OffsetCommit.  The rules are the group machine's (edge cases 57 and 63).

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

protocol::OffsetCommitResponse skeleton_of(const protocol::OffsetCommitRequest& request) {
  protocol::OffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    answered.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions)
      answered.partitions.emplace_back().partition_index = partition.partition_index;
  }
  return response;
}

}  // namespace

void offset_commit(const Services& services, const RequestContext& context,
                   protocol::OffsetCommitRequest request,
                   Reply<protocol::OffsetCommitResponse> reply) {
  answer_step(
      services.groups, context, request.group_id, std::move(reply),
      [&](group::Machine& machine, group::Step& step) {
        return machine.offset_commit(step, caller_of(context), request);
      },
      [&] { return skeleton_of(request); });
}

}  // namespace moldau::api
