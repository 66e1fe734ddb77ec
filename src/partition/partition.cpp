#include "moldau/partition/partition.hpp"

#include <algorithm>
#include <utility>

#include "moldau/base/check.hpp"

namespace moldau::partition {

using base::Errc;
using base::fail;
using base::MutexLock;

namespace {

storage::LogOptions log_options(const metadata::TopicConfig& config) {
  storage::LogOptions options;
  options.segment_bytes = static_cast<std::uint64_t>(config.segment_bytes);
  options.segment_ms = config.segment_ms;
  options.segment_jitter_ms = config.segment_jitter_ms;
  options.segment_index_bytes = static_cast<std::uint64_t>(config.segment_index_bytes);
  options.index_interval_bytes = static_cast<std::uint64_t>(config.index_interval_bytes);
  options.retention_ms = config.retention_ms;
  options.retention_bytes = config.retention_bytes;
  options.file_delete_delay_ms = config.file_delete_delay_ms;
  options.delete_policy = config.cleanup_delete;
  options.compact_policy = config.cleanup_compact;
  options.delete_retention_ms = config.delete_retention_ms;
  options.min_compaction_lag_ms = config.min_compaction_lag_ms;
  options.max_compaction_lag_ms = config.max_compaction_lag_ms;
  options.min_cleanable_dirty_ratio = config.min_cleanable_dirty_ratio;
  // The active segment is never compacted: so that what is in it does not wait longer than that, it is closed.
  if (config.cleanup_compact) options.segment_ms = std::min(options.segment_ms, config.max_compaction_lag_ms);
  options.preallocate = config.preallocate;
  return options;
}

/// The waiters at the front of `queue` whose offset has been reached.
template <class Queue>
std::vector<typename Queue::value_type> take_reached(Queue& queue, Offset reached) {
  std::vector<typename Queue::value_type> due;
  while (!queue.empty() && queue.front().required <= reached) {
    due.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return due;
}

}  // namespace

Partition::Partition(std::shared_ptr<storage::Log> log, BrokerId self,
                     std::shared_ptr<const metadata::TopicConfig> config)
    : log_(std::move(log)),
      self_(self),
      config_(std::move(config)),
      high_watermark_(log_->durable_offset()),
      written_(log_->durable_offset()) {
  log_->set_options(log_options(*config_));
  log_->set_observer(this);
}

Partition::~Partition() { log_->set_observer(nullptr); }

base::Status Partition::become_leader(const LeaderState& state) {
  {
    MutexLock lock(mutex_);
    if (state_ == state && role_ == Role::leader) return {};
    if (const auto reason = log_->offline()) {
      offline_ = *reason;
      return *reason;
    }
    MOLDAU_CHECK(role_ != Role::leader || state.leader_epoch >= state_.leader_epoch,
                 "a leader epoch never falls");
    MOLDAU_CHECK(state.leader == self_, "follower replication is not served yet");
    const bool new_term = role_ != Role::leader || state.leader_epoch != state_.leader_epoch;
    if (new_term) MOLDAU_TRY(log_->begin_leader_epoch(state.leader_epoch));
    state_ = state;
    role_ = Role::leader;
    offline_.reset();
  }
  // What was durable before this term is visible again (protocol.md edge case 76).
  on_durable(log_->durable_offset());
  on_commit_told();
  return {};
}

void Partition::set_config(std::shared_ptr<const metadata::TopicConfig> config) {
  MutexLock lock(mutex_);
  config_ = std::move(config);
  log_->set_options(log_options(*config_));
}

void Partition::take_offline(const base::Error& reason) {
  std::deque<AckWaiter> written;
  std::deque<AckWaiter> durable;
  std::vector<std::shared_ptr<FetchWaiter>> fetches;
  {
    MutexLock lock(mutex_);
    role_ = Role::offline;
    offline_ = reason;
    written.swap(waiting_written_);
    durable.swap(waiting_durable_);
    fetches.swap(fetch_waiters_);
  }
  for (auto& waiter : written) waiter.target->on_ack(waiter.index, reason);
  for (auto& waiter : durable) waiter.target->on_ack(waiter.index, reason);
  for (auto& waiter : fetches) waiter->wake();
}

base::Status Partition::check_serving() const {
  if (role_ == Role::leader) return {};
  if (offline_) return *offline_;
  return fail(Errc::not_leader, "this broker does not lead the partition");
}

base::Status Partition::check_epoch(LeaderEpoch current) const {
  if (current.value() < 0) return {};
  if (current < state_.leader_epoch)
    return fail(Errc::fenced_leader_epoch, "the leader epoch in the request is older");
  if (current > state_.leader_epoch)
    return fail(Errc::unknown_leader_epoch, "the leader epoch in the request is newer");
  return {};
}

std::size_t Partition::replicas_required() const {
  // Kafka: the effective minimum is min(min.insync.replicas, replication factor).
  return std::min(static_cast<std::size_t>(config_->min_insync_replicas), state_.replicas.size());
}

Offset Partition::last_stable_offset() const {
  const auto unstable = log_->first_unstable_offset();
  return unstable ? std::min(*unstable, high_watermark_) : high_watermark_;
}

Offset Partition::upper_bound(Isolation isolation) const {
  switch (isolation) {
    case Isolation::log_end: return log_->end_offset();
    case Isolation::high_watermark: return high_watermark_;
    case Isolation::committed: return last_stable_offset();
  }
  return high_watermark_;
}

base::Result<AppendOutcome> Partition::append(base::SharedBytes batch,
                                              const AppendRequest& request) {
  MutexLock lock(mutex_);
  MOLDAU_TRY(check_serving());
  if (request.acks == Acks::all && state_.isr.size() < replicas_required())
    return fail(Errc::not_enough_replicas, "fewer in-sync replicas than min.insync.replicas");
  const storage::AppendContext context{state_.leader_epoch, request.now_ms, request.origin,
                                       request.transaction_version, request.verified};
  MOLDAU_ASSIGN(const auto appended, log_->append_as_leader(std::move(batch), context));
  AppendOutcome outcome{appended.first_offset, log_->start_offset(), false};
  const Offset required = appended.last_offset + 1;
  const Offset reached = request.acks == Acks::all ? high_watermark_ : written_;
  outcome.acknowledged = request.acks == Acks::none || required <= reached;
  if (outcome.acknowledged) return outcome;
  auto& queue = request.acks == Acks::all ? waiting_durable_ : waiting_written_;
  // A duplicate waits for an earlier offset than the newest waiter does.
  auto place = queue.end();
  while (place != queue.begin() && std::prev(place)->required > required) --place;
  queue.insert(place, AckWaiter{required, request.target, request.index});
  return outcome;
}

base::Result<AppendOutcome> Partition::append_marker(const record::TransactionMarker& marker,
                                                     std::int16_t transaction_version,
                                                     AppendRequest request) {
  MOLDAU_ASSIGN(auto batch, record::build_marker_batch(marker, request.now_ms));
  if (config()->log_append_time) record::set_log_append_time(batch.mutable_view(), request.now_ms);
  request.origin = storage::AppendOrigin::coordinator;
  request.transaction_version = transaction_version;
  return append(std::move(batch), request);
}

base::Result<ReadOutcome> Partition::read(const ReadRequest& request) {
  ReadOutcome outcome;
  storage::ReadLimits limits;
  {
    MutexLock lock(mutex_);
    MOLDAU_TRY(check_serving());
    MOLDAU_TRY(check_epoch(request.current_leader_epoch));
    outcome.high_watermark = high_watermark_;
    outcome.last_stable_offset = last_stable_offset();
    outcome.log_start = log_->start_offset();
    limits.upper = upper_bound(request.isolation);
  }
  outcome.next_offset = request.from;
  if (request.last_fetched_epoch.value() >= 0) {
    const auto end = log_->end_of_epoch(request.last_fetched_epoch);
    if (end.epoch == no_leader_epoch || request.from < outcome.log_start)
      return fail(Errc::offset_out_of_range, "no epoch is known for that offset");
    if (end.epoch < request.last_fetched_epoch || end.end_offset < request.from) {
      outcome.diverging = end;
      return outcome;
    }
  }
  if (request.from < outcome.log_start || request.from > log_->end_offset())
    return fail(Errc::offset_out_of_range, "below the log's start or above its end");
  if (request.from >= limits.upper) return outcome;
  limits.bytes_max = request.bytes_max;
  limits.at_least_one = request.at_least_one;
  limits.may_block = request.may_block;
  MOLDAU_ASSIGN(auto result, log_->read(request.from, limits));
  outcome.would_block = result.would_block;
  outcome.records = std::move(result.records);
  outcome.next_offset = result.next_offset;
  if (request.isolation == Isolation::committed && !outcome.records.empty()) {
    MOLDAU_ASSIGN(auto aborted, log_->aborted_transactions(request.from, outcome.next_offset,
                                                           request.may_block));
    if (!aborted) {
      outcome.would_block = true;
      outcome.records = {};
      return outcome;
    }
    outcome.aborted = std::move(*aborted);
  }
  return outcome;
}

base::Result<storage::TimestampOffset> Partition::find_offset(OffsetSpec spec,
                                                              std::int64_t timestamp_ms,
                                                              Isolation isolation,
                                                              LeaderEpoch current_leader_epoch) {
  Offset upper{};
  LeaderEpoch epoch{};
  {
    MutexLock lock(mutex_);
    MOLDAU_TRY(check_serving());
    MOLDAU_TRY(check_epoch(current_leader_epoch));
    upper = upper_bound(isolation);
    epoch = state_.leader_epoch;
  }
  switch (spec) {
    case OffsetSpec::latest: return storage::TimestampOffset{-1, upper, epoch};
    case OffsetSpec::earliest:
    case OffsetSpec::earliest_local: {
      const Offset start = log_->start_offset();
      return storage::TimestampOffset{-1, start, log_->epoch_at(start)};
    }
    case OffsetSpec::latest_tiered:
      return storage::TimestampOffset{};
    case OffsetSpec::earliest_pending_upload: return storage::TimestampOffset{};
    case OffsetSpec::max_timestamp: {
      MOLDAU_ASSIGN(const auto found, log_->max_timestamp(high_watermark()));
      // Kafka too has no other answer when the record is one of an open transaction.
      if (!found || found->offset >= upper) return storage::TimestampOffset{};
      return *found;
    }
    case OffsetSpec::timestamp: {
      MOLDAU_ASSIGN(const auto found, log_->find_timestamp(timestamp_ms, upper));
      return found.value_or(storage::TimestampOffset{});
    }
  }
  return fail(Errc::unsupported, "no such offset specification");
}

base::Result<storage::EpochEnd> Partition::end_of_epoch(LeaderEpoch current_leader_epoch,
                                                        LeaderEpoch epoch) {
  {
    MutexLock lock(mutex_);
    MOLDAU_TRY(check_serving());
    MOLDAU_TRY(check_epoch(current_leader_epoch));
  }
  return log_->end_of_epoch(epoch);
}

base::Result<Partition::StartMoved> Partition::delete_records(Offset before) {
  MutexLock lock(mutex_);
  MOLDAU_TRY(check_serving());
  const Offset target = before.value() == -1 ? high_watermark_ : before;
  if (target.value() < 0 || target > high_watermark_)
    return fail(Errc::offset_out_of_range, "the offset is above the high watermark");
  if (target <= log_->start_offset()) return StartMoved{log_->start_offset(), Lsn{0}};
  MOLDAU_ASSIGN(const Lsn lsn, log_->advance_start(target));
  return StartMoved{target, lsn};
}

void Partition::add_waiter(const std::shared_ptr<FetchWaiter>& waiter) {
  {
    MutexLock lock(mutex_);
    if (!offline_) {
      fetch_waiters_.push_back(waiter);
      return;
    }
  }
  waiter->wake();
}

void Partition::remove_waiter(const FetchWaiter* waiter) {
  MutexLock lock(mutex_);
  const auto place = std::find_if(fetch_waiters_.begin(), fetch_waiters_.end(),
                                  [&](const auto& entry) { return entry.get() == waiter; });
  if (place == fetch_waiters_.end()) return;
  *place = std::move(fetch_waiters_.back());
  fetch_waiters_.pop_back();
}

bool Partition::has_data(Offset from, Isolation isolation) {
  MutexLock lock(mutex_);
  return role_ != Role::leader || from < upper_bound(isolation);
}

Offset Partition::high_watermark() const {
  MutexLock lock(mutex_);
  return high_watermark_;
}

LeaderState Partition::leader_state() const {
  MutexLock lock(mutex_);
  return state_;
}

std::shared_ptr<const metadata::TopicConfig> Partition::config() const {
  MutexLock lock(mutex_);
  return config_;
}

std::optional<base::Error> Partition::offline() const {
  MutexLock lock(mutex_);
  return offline_;
}

void Partition::on_written(Offset end) {
  std::vector<AckWaiter> due;
  {
    MutexLock lock(mutex_);
    if (end > written_) written_ = end;
    due = take_reached(waiting_written_, written_);
  }
  for (auto& waiter : due) waiter.target->on_ack(waiter.index, {});
}

void Partition::on_durable(Offset end) {
  MutexLock lock(mutex_);
  if (end > written_) written_ = end;
  // With one replica the high watermark is the durable offset; with followers it is the least of
  // what the in-sync ones have (cluster.md 8.1, seam 4).
  if (role_ == Role::leader && end > high_watermark_) {
    high_watermark_ = end;
    has_news_ = true;
  }
}

void Partition::on_commit_told() {
  std::vector<AckWaiter> due;
  std::vector<std::shared_ptr<FetchWaiter>> fetches;
  {
    MutexLock lock(mutex_);
    if (std::exchange(has_news_, false)) fetches = fetch_waiters_;
    due = take_reached(waiting_durable_, high_watermark_);
    auto written = take_reached(waiting_written_, written_);
    std::move(written.begin(), written.end(), std::back_inserter(due));
  }
  for (auto& waiter : due) waiter.target->on_ack(waiter.index, {});
  for (auto& waiter : fetches) waiter->wake();
}

}  // namespace moldau::partition
