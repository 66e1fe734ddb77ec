#include "moldau/api/transaction_markers.hpp"

#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/base/log.hpp"
#include "moldau/record/transaction_marker.hpp"

namespace moldau::api {

using protocol::ErrorCode;

namespace {

class Nobody final : public partition::AckTarget {
 public:
  void on_ack(std::uint32_t, const base::Status&) override {}
};

class OnDurable final : public partition::AckTarget {
 public:
  explicit OnDurable(base::Task task) : task_(std::move(task)) {}
  void on_ack(std::uint32_t, const base::Status& status) override {
    if (status) task_();
    task_ = {};
  }

 private:
  base::Task task_;
};

}  // namespace

TransactionMarkers::TransactionMarkers(partition::PartitionManager& partitions,
                                       cluster::MetadataSource& metadata,
                                       group::Coordinator& groups, const base::Clock& clock)
    : partitions_(partitions),
      metadata_(metadata),
      groups_(groups),
      clock_(clock),
      nobody_(std::make_shared<Nobody>()) {}

ErrorCode TransactionMarkers::write(const TopicPartition& to, const coordinator::Marker& marker,
                                    base::Task when_durable) {
  const auto image = metadata_.image();
  const auto* topic = image->find_topic(to.topic);
  if (topic == nullptr || topic->find(to.partition) == nullptr)
    return ErrorCode::unknown_topic_or_partition;
  if (to.topic == group::offsets_topic) {
    const auto written = groups_.write_marker(to.partition, marker, std::move(when_durable));
    if (written.refused != ErrorCode::none) return written.refused;
    return written.appended ? ErrorCode::none : error_code(written.appended.error().code);
  }
  const auto partition = partitions_.find(to.topic, to.partition);
  if (partition == nullptr) return ErrorCode::kafka_storage_error;
  partition::AppendRequest request;
  request.now_ms = clock_.wall_ms();
  request.target = when_durable ? std::make_shared<OnDurable>(std::move(when_durable)) : nobody_;
  const auto appended = partition->append_marker({.producer_id = marker.producer.id,
                                                  .producer_epoch = marker.producer.epoch,
                                                  .commit = marker.commit,
                                                  .coordinator_epoch = marker.coordinator_epoch},
                                                 marker.transaction_version, request);
  if (!appended) return error_code(appended.error().code);
  if (appended.value().acknowledged) request.target->on_ack(0, {});
  return ErrorCode::none;
}

txn::MarkerOutcome TransactionMarkers::write(const txn::MarkerOrder& order) {
  txn::MarkerOutcome outcome;
  outcome.transactional_id = order.transactional_id;
  outcome.marker = order.marker;
  for (const auto& partition : order.partitions) {
    const auto code = write(partition, order.marker, {});
    switch (code) {
      case ErrorCode::none:
      case ErrorCode::unknown_topic_or_partition:  // deleted, with what was written there
        outcome.written.push_back(partition);
        break;
      case ErrorCode::invalid_producer_epoch:
      case ErrorCode::transaction_coordinator_fenced:
        // The log has seen what comes after this transaction: trying again changes nothing.
        log::warn("txn.marker_refused", "{}-{} takes no marker for the transaction of {}: {}",
                  partition.topic, partition.partition.value(), log::client(order.transactional_id),
                  protocol::name(code));
        outcome.written.push_back(partition);
        break;
      default: outcome.failed.push_back(partition);
    }
  }
  return outcome;
}

}  // namespace moldau::api
