#pragma once
// A group machine with its time, topics and log, driven as the coordinator's shard drives it: what
// a step gives waits until it is durable, and a crash loses what was not.

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moldau/group/machine.hpp"
#include "tests/group/topics.hpp"

namespace moldau::group {

class GroupHost {
 public:
  explicit GroupHost(std::uint64_t seed) : random_(seed) {}

  using StepFunction = std::function<void(Machine&, Step&)>;
  /// What a step writes: records, in a transaction or not, or a marker.
  struct Written {
    std::vector<Record> records;
    std::optional<coordinator::Producer> producer;
    std::optional<coordinator::Marker> marker;

    /// As the machine of a shard is told when it reads the log.
    void apply_to(Machine& machine) const {
      for (const auto& record : records)
        producer ? machine.apply_pending(*producer, record) : machine.apply(record);
      if (marker) machine.end_transaction(marker->producer.id, marker->commit);
    }
  };
  /// Sees what every step writes right after it, durable or not.
  std::function<void(const Written&)> on_written;
  /// And when it is durable, before the step's answers run.
  std::function<void(const Written&)> on_durable;

  /// One step, whose records and answers wait for flush().
  void run(const StepFunction& function) {
    Effects effects;
    Step step{now_, topics_.image(), options, random_, machine_->deadlines(), effects};
    function(*machine_, step);
    file({{std::move(effects.records), effects.producer, std::nullopt}, std::move(effects.answers)});
  }
  /// A transaction ends in the machine's partition.
  void write_marker(const coordinator::Marker& marker, base::Task when_durable = {}) {
    machine_->end_transaction(marker.producer.id, marker.commit);
    Filed filed{{{}, std::nullopt, marker}, {}};
    if (when_durable) filed.answers.push_back(std::move(when_durable));
    file(std::move(filed));
  }
  /// A look that changes nothing.
  template <class F>
  auto look(F&& function) {
    Effects effects;
    Step step{now_, topics_.image(), options, random_, machine_->deadlines(), effects};
    return function(std::as_const(*machine_), step);
  }

  /// The first `count` steps that are not yet durable become so, and their answers run.
  void flush(std::size_t count = SIZE_MAX) {
    while (count-- > 0 && !filed_.empty()) {
      auto filed = std::move(filed_.front());
      filed_.pop_front();
      append(filed.written);
      for (auto& answer : filed.answers) answer();
    }
  }
  [[nodiscard]] std::size_t undurable_steps() const { return filed_.size(); }

  /// The broker dies: of what was not durable the first `kept` steps are in the log, their answers
  /// never run; the machine comes back from the log, and a step with finish_loading() is to follow.
  void crash(std::size_t kept) {
    for (std::size_t i = 0; i < kept && i < filed_.size(); ++i) append(filed_[i].written);
    filed_.clear();
    machine_ = folded();
  }

  /// A machine made of the log, which went through bytes; `compacted`: of the newest record of each
  /// key that counts, without tombstones, up to the first that a transaction has yet to decide.
  [[nodiscard]] std::unique_ptr<Machine> folded(bool compacted = false) const {
    auto machine = std::make_unique<Machine>();
    const auto is_kept = compacted ? kept_by_compaction() : std::vector<bool>(log_.size(), true);
    for (std::size_t i = 0; i < log_.size(); ++i) {
      const auto& logged = log_[i];
      if (logged.marker) machine->end_transaction(logged.marker->producer.id, logged.marker->commit);
      if (logged.marker || !is_kept[i]) continue;
      const auto record = decode_logged(logged);
      EXPECT_TRUE(record.has_value()) << "a record that was written cannot be read";
      if (!record) continue;
      logged.producer ? machine->apply_pending(*logged.producer, *record) : machine->apply(*record);
    }
    return machine;
  }

  /// What the log says of a classic group.
  [[nodiscard]] std::optional<GroupMetadataRecord::Value> newest_group_record(
      std::string_view group_id) const {
    std::optional<GroupMetadataRecord::Value> newest;
    for (const auto& logged : log_) {
      if (logged.marker) continue;
      const auto record = decode_logged(logged);
      if (!record || group_of(*record) != group_id) continue;
      if (const auto* of_group = std::get_if<GroupMetadataRecord>(&*record))
        newest = of_group->value;
    }
    return newest;
  }

  void advance(base::Milliseconds by) {
    now_.steady += by;
    now_.wall_ms += by.count();
  }
  /// What is due is done.
  void expire() {
    run([this](Machine& machine, Step& step) { machine.expire(step, now_.steady); });
  }
  void tell_topics() {
    run([this](Machine& machine, Step& step) { machine.on_metadata(step, topics_.delta()); });
  }

  [[nodiscard]] Machine& machine() { return *machine_; }
  [[nodiscard]] Topics& topics() { return topics_; }
  [[nodiscard]] const Topics& topics() const { return topics_; }
  [[nodiscard]] const Now& now() const { return now_; }
  [[nodiscard]] base::Random& random() { return random_; }
  [[nodiscard]] std::size_t log_size() const { return log_.size(); }

  GroupOptions options;

 private:
  struct Filed {
    Written written;
    std::vector<base::Task> answers;
  };
  void file(Filed filed) {
    if (on_written) on_written(filed.written);
    filed_.push_back(std::move(filed));
  }
  /// A record, or a marker.
  struct Logged {
    EncodedRecord record;
    std::optional<coordinator::Producer> producer;
    std::optional<coordinator::Marker> marker;
  };
  void append(const Written& written) {
    for (const auto& record : written.records)
      log_.push_back({encode(record), written.producer, std::nullopt});
    if (written.marker) log_.push_back({{}, std::nullopt, written.marker});
    if (on_durable) on_durable(written);
  }
  static base::Result<Record> decode_logged(const Logged& logged) {
    std::optional<base::ByteView> value;
    if (logged.record.value) value = base::ByteView(*logged.record.value);
    return decode(base::ByteView(logged.record.key), value);
  }
  [[nodiscard]] std::vector<bool> kept_by_compaction() const {
    std::vector<bool> counts(log_.size(), true);
    std::map<ProducerId, std::vector<std::size_t>> open;
    for (std::size_t i = 0; i < log_.size(); ++i) {
      if (log_[i].producer) open[log_[i].producer->id].push_back(i);
      if (!log_[i].marker) continue;
      for (const auto place : open[log_[i].marker->producer.id])
        counts[place] = log_[i].marker->commit;
      open.erase(log_[i].marker->producer.id);
    }
    std::size_t end = log_.size();
    for (const auto& [producer, places] : open) end = std::min(end, places.front());
    std::map<Bytes, std::size_t> newest;
    for (std::size_t i = 0; i < end; ++i)
      if (counts[i]) newest[log_[i].record.key] = i;
    std::vector<bool> kept(log_.size(), true);
    for (std::size_t i = 0; i < end; ++i)
      kept[i] = counts[i] && log_[i].record.value && newest[log_[i].record.key] == i;
    return kept;
  }

  Now now_{.steady = base::SteadyTime{std::chrono::hours(1)}, .wall_ms = 1'700'000'000'000};
  Topics topics_;
  base::SeededRandom random_;
  std::unique_ptr<Machine> machine_ = std::make_unique<Machine>();
  std::deque<Filed> filed_;
  std::vector<Logged> log_;
};

}  // namespace moldau::group
