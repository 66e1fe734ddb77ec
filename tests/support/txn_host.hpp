#pragma once
// A transaction machine with its time, log and partitions, driven as the coordinator drives it: a step's
// records, the markers that it orders and what follows from them go into one lane, one after the other, and a
// crash leaves a beginning of that.

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "moldau/txn/machine.hpp"

namespace moldau::txn {

/// A marker in a partition's log.
struct WrittenMarker {
  std::string transactional_id;
  TopicPartition partition;
  coordinator::Marker marker;
};

/// What the lane holds, in order.
using LaneEntry = std::variant<TransactionRecord, WrittenMarker>;

class TxnHost {
 public:
  using StepFunction = std::function<void(Machine&, Step&)>;
  /// Sees every entry when it is appended.
  std::function<void(const LaneEntry&)> on_entry;
  std::function<void(const TimedOut&)> on_timed_out;

  /// One step, and all that follows from it.
  void run(const StepFunction& function) {
    Effects effects;
    auto step = step_with(effects);
    function(*machine_, step);
    take(std::move(effects));
  }
  /// What is due is done.
  void expire() {
    run([](Machine& machine, Step& step) { machine.expire(step, step.now.steady); });
  }

  /// The broker dies: of the lane the first `kept` entries are there.  The machine comes back from them.
  void crash(std::size_t kept) {
    lane_.resize(kept);
    machine_ = folded();
    run([](Machine& machine, Step& step) { machine.finish_loading(step); });
  }
  void crash() { crash(lane_.size()); }

  /// A machine made of the log, which went through bytes; `compacted`: of the newest record of each id, without
  /// tombstones.
  [[nodiscard]] std::unique_ptr<Machine> folded(bool compacted = false) const {
    auto machine = std::make_unique<Machine>();
    std::map<std::string, std::size_t> newest;
    for (std::size_t i = 0; i < lane_.size(); ++i)
      if (const auto* record = std::get_if<TransactionRecord>(&lane_[i]))
        newest[record->transactional_id] = i;
    for (std::size_t i = 0; i < lane_.size(); ++i) {
      const auto* record = std::get_if<TransactionRecord>(&lane_[i]);
      if (record == nullptr) continue;
      if (compacted && (newest[record->transactional_id] != i || !record->value)) continue;
      const auto encoded = encode(*record);
      std::optional<base::ByteView> value;
      if (encoded.value) value = base::ByteView(*encoded.value);
      const auto decoded = decode(base::ByteView(encoded.key), value);
      EXPECT_TRUE(decoded.has_value()) << "a record that was written cannot be read";
      if (decoded) machine->apply(*decoded);
    }
    return machine;
  }

  /// A record as if another broker had written it; a crash() is to follow.
  void put_in_log(TransactionRecord record) { lane_.emplace_back(std::move(record)); }

  void advance(base::Milliseconds by) {
    now_.steady += by;
    now_.wall_ms += by.count();
  }
  void set_wall_clock(std::int64_t wall_ms) { now_.wall_ms = wall_ms; }

  [[nodiscard]] Machine& machine() { return *machine_; }
  [[nodiscard]] const Machine& machine() const { return *machine_; }
  [[nodiscard]] const Now& now() const { return now_; }
  [[nodiscard]] const std::vector<LaneEntry>& lane() const { return lane_; }
  /// The newest record of an id.
  [[nodiscard]] std::optional<TransactionRecord> newest(std::string_view transactional_id) const {
    for (auto entry = lane_.rbegin(); entry != lane_.rend(); ++entry)
      if (const auto* record = std::get_if<TransactionRecord>(&*entry);
          record != nullptr && record->transactional_id == transactional_id)
        return *record;
    return std::nullopt;
  }

  TransactionOptions options;
  std::int16_t transaction_version = 2;
  std::int32_t coordinator_epoch = 7;
  std::set<TopicPartition> offline;  // no marker can be written there
  bool has_producer_ids = true;
  static constexpr std::int64_t first_producer_id = 1'000;

 private:
  Step step_with(Effects& effects) {
    return {now_,           options,        transaction_version, coordinator_epoch,
            new_producer_id_, machine_->deadlines(), effects};
  }

  void take(Effects effects) {
    for (auto& record : effects.records) append(std::move(record));
    if (on_timed_out)
      for (const auto& timed_out : effects.timed_out) on_timed_out(timed_out);
    for (const auto& order : effects.markers) write(order);
  }
  void write(const MarkerOrder& order) {
    MarkerOutcome outcome{order.transactional_id, order.marker, {}, {}};
    for (const auto& partition : order.partitions) {
      if (offline.contains(partition)) {
        outcome.failed.push_back(partition);
        continue;
      }
      outcome.written.push_back(partition);
      append(WrittenMarker{order.transactional_id, partition, order.marker});
    }
    run([&](Machine& machine, Step& step) { machine.markers_written(step, outcome); });
  }
  void append(LaneEntry entry) {
    lane_.push_back(std::move(entry));
    if (on_entry) on_entry(lane_.back());
  }

  Now now_{.steady = base::SteadyTime{std::chrono::hours(1)}, .wall_ms = 1'700'000'000'000};
  const std::function<std::optional<ProducerId>()> new_producer_id_ =
      [this]() -> std::optional<ProducerId> {
    if (!has_producer_ids) return std::nullopt;
    return ProducerId{next_producer_id_++};
  };
  std::int64_t next_producer_id_ = first_producer_id;
  std::unique_ptr<Machine> machine_ = std::make_unique<Machine>();
  std::vector<LaneEntry> lane_;
};

}  // namespace moldau::txn
