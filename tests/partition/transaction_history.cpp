#include "tests/partition/transaction_history.hpp"

#include <fmt/format.h>

#include <deque>
#include <set>
#include <utility>

#include "moldau/record/record_iterator.hpp"

namespace moldau::partition {

using base::Errc;
using storage::AbortedTransaction;
using storage::FileSystem;

namespace {

constexpr int steps_max = 45;
const std::string topic_directory = "data/topic-0";

storage::LogDirectoryOptions directory_options() {
  storage::LogDirectoryOptions options;
  options.lane_file_bytes = 16 * 1024;
  options.lane_files = 3;
  options.tail_bytes_max = 64 * 1024;
  return options;
}

/// Of version 2 are the producers with an even id: their epoch rises with every transaction.
bool is_version_2(ProducerId producer) { return producer.value() % 2 == 0; }

std::string text(const std::vector<AbortedTransaction>& list) {
  std::string result;
  for (const auto& txn : list)
    result += fmt::format(" {}@{}", txn.producer_id.value(), txn.first_offset.value());
  return result;
}

}  // namespace

void History::fail(std::string what) {
  if (!wrong_) wrong_ = std::move(what);
}

Offset History::offset_in(Offset first, Offset last) {
  if (last <= first) return first;
  return first + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(last - first) + 1));
}

Offset History::model_end() const { return batches_.empty() ? Offset{0} : batches_.back().last + 1; }

void History::keep_below(Offset end) {
  std::erase_if(batches_, [&](const OracleBatch& batch) { return batch.last >= end; });
}

std::optional<std::string> History::run() {
  config_->segment_bytes = static_cast<std::int32_t>(400 + below(2500));
  config_->index_interval_bytes = static_cast<std::int32_t>(100 + below(400));
  open();
  const auto steps = 5 + below(steps_max);
  for (std::uint64_t i = 0; i < steps && !wrong_; ++i) {
    step();
    ++tally_.steps;
    if (!wrong_ && chance(25)) look();
  }
  if (!wrong_) look();
  close_objects();
  return wrong_;
}

void History::open() {
  ++life_;
  directory_ = std::make_unique<storage::TestDirectory>(*disk_, directory_options(),
                                                        static_cast<std::uint64_t>(life_));
  if (const auto status = directory_->open(); !status) return fail(base::to_string(status.error()));
  auto log = directory_->log();
  if (!log) return fail(base::to_string(log.error()));
  lead(std::move(log).value());
}

void History::lead(std::shared_ptr<storage::Log> log) {
  partition_ = std::make_shared<Partition>(std::move(log), BrokerId{1}, config_);
  LeaderState state;
  state.leader_epoch = LeaderEpoch{life_};
  state.leader = BrokerId{1};
  state.replicas = state.isr = {BrokerId{1}};
  if (const auto status = partition_->become_leader(state); !status)
    fail(base::to_string(status.error()));
}

void History::close_objects() {
  partition_.reset();
  directory_.reset();
}

void History::step() {
  now_ms_ += static_cast<std::int64_t>(below(1000));
  const auto what = below(100);
  if (what < 42) {
    append_data();
  } else if (what < 64) {
    append_marker();
  } else if (what < 68) {
    append_refused();
  } else if (what < 80) {
    expect(directory_->directory->commit().has_value(), "a commit failed");
  } else if (what < 88) {
    write_to_disk();
  } else if (what < 91) {
    delete_records();
  } else if (what < 93) {
    truncate();
  } else if (what < 96) {
    stop();
  } else {
    crash();
  }
}

std::optional<Offset> History::append(OracleBatch batch, std::int32_t first_sequence) {
  const int count = 1 + static_cast<int>(below(3));
  record::BatchOptions options;
  options.producer_id = batch.producer;
  options.producer_epoch = batch.epoch;
  options.base_sequence = first_sequence;
  options.transactional = batch.is_transactional;
  AppendRequest request;
  request.acks = Acks::none;
  request.now_ms = now_ms_;
  request.transaction_version = is_version_2(batch.producer) ? 2 : 0;
  if (batch.is_transactional)
    request.verified =
        partition_->log().begin_verification(batch.producer, batch.epoch, first_sequence).value();
  auto bytes = support::plain_batch(count, below(40), options, now_ms_);
  batch.timestamp_ms =
      record::BatchView::parse(bytes.view(), record::BatchView::Check::bounds).value().max_timestamp_ms();
  const auto appended = partition_->append(std::move(bytes), request);
  if (!appended) {
    fail("an append was refused: " + base::to_string(appended.error()));
    return std::nullopt;
  }
  batch.first = appended.value().first_offset;
  batch.last = batch.first + (count - 1);
  batch.last_sequence = first_sequence < 0 ? -1 : first_sequence + count - 1;
  expect(batch.first == model_end(), "an append is not where the log ended");
  batches_.push_back(batch);
  return batch.first;
}

void History::append_data() {
  OracleBatch batch;
  if (chance(10)) {  // nobody's
    append(batch, -1);
    return;
  }
  const Oracle oracle(batches_);
  batch.producer = any_producer();
  const auto known = oracle.producer(batch.producer);
  batch.epoch = known ? known->producer_epoch : ProducerEpoch{0};
  const bool is_open = known && known->current_txn_first_offset != no_offset;
  batch.is_transactional = is_open || chance(85);
  append(batch, known ? known->last_sequence + 1 : 0);
}

std::optional<Offset> History::end_transaction(ProducerId producer, ProducerEpoch epoch, bool commit,
                                               std::int16_t transaction_version) {
  AppendRequest request;
  request.acks = Acks::none;
  request.now_ms = now_ms_;
  const auto appended = partition_->append_marker(
      {.producer_id = producer, .producer_epoch = epoch, .commit = commit,
       .coordinator_epoch = coordinator_epoch_},
      transaction_version, request);
  if (!appended) {
    fail("a marker was refused: " + base::to_string(appended.error()));
    return std::nullopt;
  }
  OracleBatch batch;
  batch.first = batch.last = appended.value().first_offset;
  batch.producer = producer;
  batch.epoch = epoch;
  batch.timestamp_ms = now_ms_;
  batch.is_transactional = batch.is_marker = true;
  batch.is_commit = commit;
  batch.coordinator_epoch = coordinator_epoch_;
  batches_.push_back(batch);
  ++(commit ? tally_.commits : tally_.aborts);
  return batch.first;
}

void History::append_marker() {
  if (chance(5)) ++coordinator_epoch_;
  const Oracle oracle(batches_);
  const auto producer = any_producer();
  const auto known = oracle.producer(producer);
  const bool is_open = known && known->current_txn_first_offset != no_offset;
  if (!is_open && chance(85)) return;  // now and then for a transaction that has nothing here
  const ProducerEpoch epoch = known ? known->producer_epoch : ProducerEpoch{0};
  const bool raises = is_version_2(producer);
  end_transaction(producer, raises ? ProducerEpoch{static_cast<std::int16_t>(epoch.value() + 1)} : epoch,
                  chance(45), raises ? 2 : 0);
}

/// What a log must not take, and what must leave no trace.
void History::append_refused() {
  const Oracle oracle(batches_);
  const auto producer = any_producer();
  const auto known = oracle.producer(producer);
  if (!known) return;
  const bool is_open = known->current_txn_first_offset != no_offset;
  record::BatchOptions options;
  options.producer_id = producer;
  options.producer_epoch = known->producer_epoch;
  options.base_sequence = known->last_sequence + 1;
  options.transactional = true;
  AppendRequest request;
  request.acks = Acks::none;
  request.now_ms = now_ms_;
  Errc expected = Errc::unknown;
  if (is_open) {
    options.transactional = false;
    expected = Errc::invalid_txn_state;
  } else if (known->producer_epoch.value() > 0 && chance(50)) {
    options.producer_epoch = ProducerEpoch{static_cast<std::int16_t>(known->producer_epoch.value() - 1)};
    expected = Errc::invalid_producer_epoch;
  } else {
    // Looked up, and ended before it was appended.
    request.verified = partition_->log().begin_verification(producer, options.producer_epoch,
                                                            options.base_sequence).value();
    if (chance(50)) request.verified.reset();
    if (!end_transaction(producer, options.producer_epoch, false, 0)) return;
    expected = Errc::transaction_not_verified;
  }
  const auto appended =
      partition_->append(support::plain_batch(1, 10, options, now_ms_), request);
  expect(!appended && appended.error().code == expected, "a batch was not refused, or not as it should be");
  ++tally_.refusals;
}

void History::write_to_disk() {
  expect(directory_->directory->commit().has_value(), "a commit failed");
  directory_->clock.advance(base::Milliseconds{2000});
  if (chance(70)) {
    expect(directory_->directory->write_behind().has_value(), "writing behind failed");
  } else {
    expect(directory_->directory->checkpoint().has_value(), "a checkpoint failed");
  }
}

void History::delete_records() {
  const auto upto = offset_in(partition_->log().start_offset(), partition_->high_watermark());
  expect(partition_->delete_records(upto).has_value(), "records could not be deleted");
  ++tally_.deletions;
}

/// As a follower's log is cut, which leads afterwards.
void History::truncate() {
  const auto end = offset_in(partition_->log().start_offset(), partition_->log().end_offset());
  const auto log = partition_->shared_log();
  const auto status = log->truncate_to(end);
  if (!status) return fail(base::to_string(status.error()));
  keep_below(end);
  expect(batches_.empty() || log->end_offset() == model_end(), "the log was not cut as asked");
  partition_.reset();
  lead(log);
  ++tally_.truncations;
}

void History::stop() {
  expect(directory_->directory->close(1).has_value(), "the directory could not be closed");
  close_objects();
  // Damage that nobody met has not been put right, and only the checkpoint knows of it.
  const bool forgets = !is_damaged_ && chance(50);
  if (forgets) {
    forget_checkpoint();
  } else {
    damage_files();
  }
  open();
  if (forgets && !wrong_) {  // what another broker wrote is known from the checkpoint after it was read
    for (Offset at{0}; at < model_end(); at = at + 1)
      expect(partition_->log().aborted_transactions(at, at + 1, true).has_value(), "an index cannot be read");
    expect(directory_->directory->checkpoint().has_value(), "a checkpoint failed");
  }
  if (!wrong_) expect(partition_->log().end_offset() == model_end(), "an orderly stop lost something");
  ++tally_.stops;
}

void History::crash() {
  const Offset durable = partition_->log().durable_offset();
  auto left = chance(50) ? disk_->after_kill() : disk_->after_power_cut(engine_());
  close_objects();
  disk_ = std::move(left);
  damage_files();
  open();
  if (wrong_) return;
  const Offset end = partition_->log().end_offset();
  expect(end >= durable && end <= model_end(), "a crash left too little, or too much");
  keep_below(end);
  ++tally_.crashes;
}

/// The files that are derived from the log: any may be gone or wrong (reliability.md R5).
void History::damage_files() {
  if (!chance(50)) return;
  const auto names = disk_->list(topic_directory);
  if (!names) return;
  for (const auto& name : names.value()) {
    if (!name.ends_with(".txnindex") && !name.ends_with(".snapshot")) continue;
    const auto path = topic_directory + "/" + name;
    const auto size = disk_->info(path).value().size;
    switch (below(4)) {
      case 0: (void)disk_->remove(path); break;
      case 1:
        if (size > 0) disk_->flip_bit(path, below(size), static_cast<int>(below(8)));
        break;
      case 2:
        (void)disk_->open(path, FileSystem::Open::read_write).value()->truncate(below(size + 1));
        break;
      default: continue;
    }
    ++tally_.damages;
    is_damaged_ = true;
  }
}

/// As if another broker had been there since: Kafka's files are all that is known, and after its crash the
/// log itself.
void History::forget_checkpoint() {
  (void)disk_->remove("data/.moldau.closed");
  if (chance(50)) return;
  (void)disk_->remove("data/.kafka_cleanshutdown");
  (void)disk_->remove("data/recovery-point-offset-checkpoint");
  damage_files();
}

void History::look() {
  const Oracle oracle(batches_);
  auto& log = partition_->log();
  if (chance(50)) expect(directory_->directory->commit().has_value(), "a commit failed");
  const Offset start = log.start_offset();
  const Offset end = log.end_offset();
  const Offset durable = log.durable_offset();
  expect(partition_->high_watermark() == durable, "the high watermark is not what is durable");
  expect(log.producers() == oracle.producers(), "the producers differ");
  const auto unstable = oracle.first_unstable(start, durable);
  if (log.first_unstable_offset() != unstable)
    return fail(fmt::format("the first unstable offset is {}, not {}",
                            log.first_unstable_offset().value_or(no_offset).value(),
                            unstable.value_or(no_offset).value()));
  const Offset stable = std::min(durable, unstable.value_or(durable));
  const auto latest = partition_->find_offset(OffsetSpec::latest, -1, Isolation::committed, no_leader_epoch);
  expect(latest.has_value() && latest.value().offset == stable, "the last stable offset differs");
  for (int i = 0; i < 3; ++i) {
    const Offset from = offset_in(start, end);
    const Offset upper = offset_in(from, end);
    const auto found = log.aborted_transactions(from, upper, true);
    if (!found) return fail(base::to_string(found.error()));
    const auto expected = oracle.aborted(from, upper);
    if (*found.value() != expected)
      return fail(fmt::format("aborted in [{}, {}):{}, not{}", from.value(), upper.value(),
                              text(*found.value()), text(expected)));
    tally_.aborted_seen += expected.size();
  }
  consume(oracle, start, stable);
  tally_.segments += log.size_bytes() / static_cast<std::uint64_t>(config_->segment_bytes);
}

/// What a consumer of committed records makes of the answers (KIP-98), from some offset on.
void History::consume(const Oracle& oracle, Offset start, Offset stable) {
  std::vector<Offset> got;
  const Offset from = offset_in(start, stable);
  ReadRequest request;
  request.from = from;
  request.isolation = Isolation::committed;
  request.bytes_max = 1 + below(1500);
  while (request.from < stable) {
    request.may_block = false;
    auto read = partition_->read(request);
    if (read && read.value().would_block) {
      request.may_block = true;
      read = partition_->read(request);
    }
    if (!read) return fail(base::to_string(read.error()));
    const auto& outcome = read.value();
    if (outcome.last_stable_offset != stable) return fail("a read tells another last stable offset");
    if (outcome.next_offset <= request.from) return fail("a read made no progress");
    std::deque<AbortedTransaction> ahead(outcome.aborted.begin(), outcome.aborted.end());
    std::set<ProducerId> aborting;
    const auto bytes = outcome.records.flatten();
    for (auto rest = bytes.view(); !rest.empty();) {
      const auto batch = record::BatchView::parse(rest, record::BatchView::Check::crc).value();
      rest = rest.subspan(batch.size());
      // Whoever reads the list relies on its order.
      while (!ahead.empty() && ahead.front().first_offset <= batch.last_offset()) {
        aborting.insert(ahead.front().producer_id);
        ahead.pop_front();
      }
      if (batch.is_control()) {
        aborting.erase(batch.producer_id());
        continue;
      }
      const bool is_aborted = batch.is_transactional() && aborting.contains(batch.producer_id());
      for (Offset at = batch.base_offset(); at <= batch.last_offset(); at = at + 1) {
        if (at < from) continue;
        if (is_aborted) {
          ++tally_.filtered;
        } else {
          got.push_back(at);
        }
      }
    }
    request.from = outcome.next_offset;
  }
  expect(got == oracle.committed(from, stable), "a consumer of committed records gets others");
}

}  // namespace moldau::partition
