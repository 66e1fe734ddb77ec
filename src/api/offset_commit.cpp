// OffsetCommit.  The rules are the group machine's (edge cases 57 and 63).

#include "group_step.hpp"
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
  auto pending =
      std::make_shared<DurableReply<protocol::OffsetCommitResponse>>(std::move(reply));
  const std::string group_id = request.group_id;
  const auto refused = services.groups.run(
      group_id, *context.loop, [&](group::Machine& machine, group::Step& step) {
        pending->response() = machine.offset_commit(step, caller_of(context), std::move(request));
        step.effects.answers.push_back([pending] { pending->durable(); });
      });
  if (refused == protocol::ErrorCode::none) return;
  pending->response() = skeleton_of(request);
  pending->settle(refused);
}

}  // namespace moldau::api
