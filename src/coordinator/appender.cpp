#include "appender.hpp"

#include <iterator>
#include <utility>

#include "moldau/base/bytes.hpp"
#include "moldau/base/check.hpp"
#include "moldau/record/batch_builder.hpp"
#include "moldau/record/transaction_marker.hpp"

namespace moldau::coordinator {
namespace {

void move_to(std::vector<base::Task>& to, std::vector<base::Task>& from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
  from.clear();
}

base::Result<base::SharedBytes> batch_of(const std::vector<EncodedRecord>& records,
                                         const std::optional<Producer>& producer,
                                         std::int64_t now_ms) {
  record::BatchOptions options;
  options.base_sequence = 0;  // as Kafka's coordinator writes them, although nobody counts
  if (producer) {
    options.producer_id = producer->id;
    options.producer_epoch = producer->epoch;
    options.transactional = true;
  }
  record::BatchBuilder builder{options};
  for (const auto& record : records) {
    std::optional<base::ByteView> value;
    if (record.value) value = base::ByteView(*record.value);
    builder.append(now_ms, base::ByteView(record.key), value);
  }
  return builder.build();
}

base::Result<base::SharedBytes> batch_of(const Marker& marker, std::int64_t now_ms) {
  return record::build_marker_batch({.producer_id = marker.producer.id,
                                     .producer_epoch = marker.producer.epoch,
                                     .commit = marker.commit,
                                     .coordinator_epoch = marker.coordinator_epoch},
                                    now_ms);
}

}  // namespace

void Appender::put(std::vector<EncodedRecord> records, const std::optional<Producer>& producer) {
  open_records_ += records.size();
  if (open_.empty() || open_.back().producer != producer)
    open_.emplace_back().producer = producer;
  auto& to = open_.back().records;
  if (to.empty()) {
    to = std::move(records);
  } else {
    std::move(records.begin(), records.end(), std::back_inserter(to));
  }
}

/// What saw nothing that is not durable is answered at once; the rest waits for the newest of it.
void Appender::answer(std::vector<base::Task> answers, std::vector<base::Task>& due) {
  if (!open_.empty()) {
    move_to(open_.back().answers, answers);
  } else if (!in_flight_.empty()) {
    move_to(in_flight_.back().answers, answers);
  } else {
    move_to(due, answers);
  }
}

base::Result<bool> Appender::append(base::SharedBytes batch,
                                    const std::shared_ptr<partition::AckTarget>& acks,
                                    std::int64_t now_ms, std::int16_t transaction_version) {
  partition::AppendRequest request;
  request.now_ms = now_ms;
  request.origin = storage::AppendOrigin::coordinator;
  request.transaction_version = transaction_version;
  request.target = acks;
  request.index = ++last_number_;
  MOLDAU_ASSIGN(const auto appended, partition_.append(std::move(batch), request));
  if (!appended.acknowledged) in_flight_.push_back({request.index, {}});
  return appended.acknowledged;
}

base::Status Appender::flush(const std::shared_ptr<partition::AckTarget>& acks, std::int64_t now_ms,
                             std::vector<base::Task>& due) {
  while (!open_.empty()) {
    auto& open = open_.front();
    MOLDAU_ASSIGN(auto batch, batch_of(open.records, open.producer, now_ms));
    MOLDAU_ASSIGN(const bool is_durable, append(std::move(batch), acks, now_ms, 0));
    move_to(is_durable ? due : in_flight_.back().answers, open.answers);
    open_records_ -= open.records.size();
    open_.pop_front();
  }
  return {};
}

base::Status Appender::append(const Marker& marker,
                              const std::shared_ptr<partition::AckTarget>& acks,
                              std::int64_t now_ms) {
  MOLDAU_CHECK(open_.empty(), "records come before the marker");
  MOLDAU_ASSIGN(auto batch, batch_of(marker, now_ms));
  MOLDAU_TRY(append(std::move(batch), acks, now_ms, marker.transaction_version));
  return {};
}

std::optional<std::vector<base::Task>> Appender::take_acknowledged(std::uint32_t number) {
  if (in_flight_.empty() || in_flight_.front().number != number) return std::nullopt;
  auto answers = std::move(in_flight_.front().answers);
  in_flight_.pop_front();
  return answers;
}

void Appender::drop_open(std::vector<base::Task>& dropped) {
  for (auto& open : open_) move_to(dropped, open.answers);
  open_.clear();
  open_records_ = 0;
}

void Appender::drop_all(std::vector<base::Task>& dropped) {
  drop_open(dropped);
  for (auto& batch : in_flight_) move_to(dropped, batch.answers);
  in_flight_.clear();
}

}  // namespace moldau::coordinator
