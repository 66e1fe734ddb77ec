#pragma once
// A group machine with its time, topics and log, driven as the coordinator's shard drives it: what
// a step gives waits until it is durable, and a crash loses what was not.

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
  /// Sees the records of every step right after it, durable or not.
  std::function<void(const std::vector<Record>&)> on_records;
  /// And of every step when they are durable, before its answers run.
  std::function<void(const std::vector<Record>&)> on_durable;

  /// One step, whose records and answers wait for flush().
  void run(const StepFunction& function) {
    Filed filed;
    Effects effects;
    Step step{now_, topics_.image(), options, random_, machine_->deadlines(), effects};
    function(*machine_, step);
    filed.records = std::move(effects.records);
    filed.answers = std::move(effects.answers);
    if (on_records) on_records(filed.records);
    filed_.push_back(std::move(filed));
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
      append(filed.records);
      for (auto& answer : filed.answers) answer();
    }
  }
  [[nodiscard]] std::size_t undurable_steps() const { return filed_.size(); }

  /// The broker dies: of what was not durable the first `kept` steps are in the log, their answers
  /// never run; the machine comes back from the log, and a step with finish_loading() is to follow.
  void crash(std::size_t kept) {
    for (std::size_t i = 0; i < kept && i < filed_.size(); ++i) append(filed_[i].records);
    filed_.clear();
    machine_ = folded();
  }

  /// A machine made of the log, which went through bytes; `compacted`: of the newest record of each
  /// key, without tombstones.
  [[nodiscard]] std::unique_ptr<Machine> folded(bool compacted = false) const {
    auto machine = std::make_unique<Machine>();
    std::map<Bytes, std::size_t> newest;
    for (std::size_t i = 0; i < log_.size(); ++i) newest[log_[i].key] = i;
    for (std::size_t i = 0; i < log_.size(); ++i) {
      const auto& [key, value] = log_[i];
      if (compacted && (newest[key] != i || !value)) continue;
      std::optional<base::ByteView> view;
      if (value) view = base::ByteView(*value);
      const auto record = decode(base::ByteView(key), view);
      EXPECT_TRUE(record.has_value()) << "a record that was written cannot be read";
      if (record) machine->apply(*record);
    }
    return machine;
  }

  /// What the log says of a classic group.
  [[nodiscard]] std::optional<GroupMetadataRecord::Value> newest_group_record(
      std::string_view group_id) const {
    std::optional<GroupMetadataRecord::Value> newest;
    for (const auto& [key, value] : log_) {
      std::optional<base::ByteView> view;
      if (value) view = base::ByteView(*value);
      const auto record = decode(base::ByteView(key), view);
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
    std::vector<Record> records;
    std::vector<base::Task> answers;
  };
  void append(const std::vector<Record>& records) {
    for (const auto& record : records) log_.push_back(encode(record));
    if (on_durable) on_durable(records);
  }

  Now now_{.steady = base::SteadyTime{std::chrono::hours(1)}, .wall_ms = 1'700'000'000'000};
  Topics topics_;
  base::SeededRandom random_;
  std::unique_ptr<Machine> machine_ = std::make_unique<Machine>();
  std::deque<Filed> filed_;
  std::vector<EncodedRecord> log_;
};

}  // namespace moldau::group
