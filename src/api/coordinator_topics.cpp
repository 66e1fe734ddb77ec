#include "coordinator_topics.hpp"

#include <algorithm>
#include <utility>

#include "moldau/group/coordinator.hpp"
#include "moldau/txn/coordinator.hpp"

namespace moldau::api {
namespace {

/// Kafka wants as many brokers as the option says, and leaves a single node without groups and transactions
/// until somebody sets it to 1.
std::int64_t as_many_as_brokers(const Services& services, std::int64_t wanted) {
  std::int64_t brokers = 0;
  for (const auto& [id, broker] : services.metadata.image()->brokers())
    if (!broker->fenced) ++brokers;
  return std::min(wanted, std::max<std::int64_t>(1, brokers));
}

metadata::CreateTopicsRequest request_for(const Services& services, CoordinatorKind kind) {
  const auto config = services.config();
  const auto number = [&](std::string_view option) { return config.integer(option); };
  metadata::CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = coordinator_topic(kind);
  switch (kind) {
    case CoordinatorKind::group:
      topic.num_partitions = static_cast<std::int32_t>(number("offsets.topic.num.partitions"));
      topic.replication_factor = static_cast<std::int16_t>(
          as_many_as_brokers(services, number("offsets.topic.replication.factor")));
      topic.configs = {{"cleanup.policy", "compact"},
                       {"compression.type", "producer"},
                       {"segment.bytes", std::to_string(number("offsets.topic.segment.bytes"))}};
      break;
    case CoordinatorKind::transaction:
      topic.num_partitions =
          static_cast<std::int32_t>(number("transaction.state.log.num.partitions"));
      topic.replication_factor = static_cast<std::int16_t>(
          as_many_as_brokers(services, number("transaction.state.log.replication.factor")));
      topic.configs = {
          {"cleanup.policy", "compact"},
          {"compression.type", "uncompressed"},
          {"min.insync.replicas", std::to_string(std::min<std::int64_t>(
                                      topic.replication_factor,
                                      number("transaction.state.log.min.isr")))},
          {"segment.bytes", std::to_string(number("transaction.state.log.segment.bytes"))},
          {"unclean.leader.election.enable", "false"}};
      break;
  }
  return request;
}

std::optional<base::Error> failure_of(const base::Result<metadata::CreateTopicsResult>& created) {
  if (!created) return created.error();
  for (const auto& topic : created.value().topics)
    if (topic.error && topic.error->code != base::Errc::topic_already_exists) return topic.error;
  return std::nullopt;
}

}  // namespace

std::string_view coordinator_topic(CoordinatorKind kind) {
  return kind == CoordinatorKind::group ? group::offsets_topic : txn::transaction_topic;
}

void with_coordinator_topic(const Services& services, CoordinatorKind kind,
                            base::Function<void(std::optional<base::Error>)> done) {
  if (services.metadata.image()->find_topic(coordinator_topic(kind)) != nullptr) {
    done(std::nullopt);
    return;
  }
  services.controller.create_topics(
      request_for(services, kind),
      [done = std::move(done)](auto created) mutable { done(failure_of(created)); });
}

}  // namespace moldau::api
