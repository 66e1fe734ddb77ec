#include "shard.hpp"

#include <algorithm>
#include <utility>

#include "log_reader.hpp"
#include "moldau/base/log.hpp"
#include "moldau/record/batch_builder.hpp"

namespace moldau::group {

using base::MutexLock;
using protocol::ErrorCode;

namespace {

/// Woken this much too late, the process was stopped, and the members' heartbeats wait in their sockets:
/// they get that time back, and as much again to be read (reliability.md R13).
constexpr base::Milliseconds late_wakening{2'000};
/// A second failure within this time is the same trouble, which takes a pause.
constexpr base::Milliseconds patience{10'000};
constexpr base::Milliseconds reading_pause{1'000};
/// What a tick gathers before it is appended without waiting for the tick's end.
constexpr std::size_t records_per_batch = 5'000;

void run_all(std::vector<base::Task> answers) {
  for (auto& answer : answers) answer();
}

base::Result<base::SharedBytes> batch_of(const std::vector<Record>& records, std::int64_t now_ms) {
  record::BatchOptions options;
  options.base_sequence = 0;  // as Kafka's coordinator writes them, although no producer counts
  record::BatchBuilder builder{options};
  for (const auto& record : records) {
    const auto encoded = encode(record);
    std::optional<base::ByteView> value;
    if (encoded.value) value = base::ByteView(*encoded.value);
    builder.append(now_ms, base::ByteView(encoded.key), value);
  }
  return builder.build();
}

}  // namespace

class Shard::Acks final : public partition::AckTarget {
 public:
  explicit Acks(std::weak_ptr<Shard> shard) : shard_(std::move(shard)) {}
  void on_ack(std::uint32_t index, const base::Status& status) override {
    if (const auto shard = shard_.lock()) shard->on_ack(index, status);
  }

 private:
  const std::weak_ptr<Shard> shard_;
};

Shard::Shard(const Coordinator::Environment& environment, partition::PartitionPtr partition,
             base::Loop& home, std::shared_ptr<Pace> pace)
    : environment_(environment),
      partition_(std::move(partition)),
      home_(home),
      pace_(std::move(pace)),
      options_(std::make_shared<const GroupOptions>()) {}

Now Shard::now() const { return {environment_.clock.now(), environment_.clock.wall_ms()}; }

void Shard::set_options(std::shared_ptr<const GroupOptions> options) {
  MutexLock lock(mutex_);
  options_ = std::move(options);
}

void Shard::load() {
  std::uint32_t generation = 0;
  {
    MutexLock lock(mutex_);
    if (state_ == State::closed) return;
    if (partition_->log().start_offset() == partition_->log().end_offset()) {
      // Nothing to read: whoever had the topic made need not be told to come again.
      machine_ = std::make_unique<Machine>();
      state_ = State::serving;
      return;
    }
    state_ = State::loading;
    generation = ++generation_;
  }
  post_reading(generation);
}

void Shard::read_log(std::uint32_t generation) {
  auto machine = std::make_unique<Machine>();
  const auto read =
      read_all(*partition_, [&](const Record& record) { machine->apply(record); });
  std::vector<base::Task> answers;
  {
    MutexLock lock(mutex_);
    if (generation != generation_ || state_ != State::loading) return;
    if (!read) {
      state_ = State::failed;
      log::error("group.load_failed", "groups of {}-{} are not served: {}",
                 partition_->topic_partition().topic,
                 partition_->topic_partition().partition.value(), base::to_string(read.error()));
      return;
    }
    machine_ = std::move(machine);
    state_ = State::serving;
    answers =
        take_step_and_flush([](Machine& loaded, Step& step) { loaded.finish_loading(step); });
  }
  run_all(std::move(answers));
}

void Shard::close() {
  MutexLock lock(mutex_);
  state_ = State::closed;
  drop_waiting();
  in_flight_.clear();
  machine_.reset();
}

ErrorCode Shard::run(base::Loop& loop, const Coordinator::StepFunction& step) {
  std::vector<base::Task> answers;
  {
    MutexLock lock(mutex_);
    switch (state_) {
      case State::serving: break;
      case State::loading: return ErrorCode::coordinator_load_in_progress;
      case State::failed: return ErrorCode::coordinator_not_available;
      case State::closed: return ErrorCode::not_coordinator;
    }
    answers = take_step(step);
    if (open_records_.size() >= records_per_batch) {
      auto flushed = flush();
      std::move(flushed.begin(), flushed.end(), std::back_inserter(answers));
    } else if (!open_records_.empty()) {
      flush_soon(loop);
    }
  }
  run_all(std::move(answers));
  return ErrorCode::none;
}

void Shard::run_now(const Coordinator::StepFunction& step) {
  std::vector<base::Task> answers;
  {
    MutexLock lock(mutex_);
    if (state_ != State::serving) return;
    answers = take_step_and_flush(step);
  }
  run_all(std::move(answers));
}

std::vector<base::Task> Shard::take_step_and_flush(const Coordinator::StepFunction& step) {
  auto answers = take_step(step);
  auto flushed = flush();
  std::move(flushed.begin(), flushed.end(), std::back_inserter(answers));
  return answers;
}

std::vector<base::Task> Shard::take_step(const Coordinator::StepFunction& function) {
  const auto image = environment_.metadata.image();
  const auto options = options_;
  Effects effects;
  Step step{now(), *image, *options, environment_.random, machine_->deadlines(), effects};
  function(*machine_, step);
  arm();
  return file(std::move(effects));
}

/// What saw nothing that is not durable is answered at once; the rest waits for the newest of it.
std::vector<base::Task> Shard::file(Effects effects) {
  auto& [records, answers] = effects;
  std::move(records.begin(), records.end(), std::back_inserter(open_records_));
  if (!open_records_.empty()) {
    std::move(answers.begin(), answers.end(), std::back_inserter(open_answers_));
    return {};
  }
  if (in_flight_.empty()) return std::move(answers);
  std::move(answers.begin(), answers.end(), std::back_inserter(in_flight_.back().answers));
  return {};
}

void Shard::flush_soon(base::Loop& loop) {
  const auto when = pace_->next_append(environment_.clock.now());
  if (std::exchange(flush_posted_, true)) return;
  auto task = [self = shared_from_this()] { self->flush_from_loop(); };
  if (when) {
    loop.call_at(*when, std::move(task));
  } else {
    loop.post(std::move(task));
  }
}

void Shard::flush_from_loop() {
  std::vector<base::Task> answers;
  {
    MutexLock lock(mutex_);
    flush_posted_ = false;
    if (state_ != State::serving) return;
    answers = flush();
  }
  run_all(std::move(answers));
}

std::vector<base::Task> Shard::flush() {
  if (open_records_.empty()) return {};
  const std::int64_t now_ms = environment_.clock.wall_ms();
  auto batch = batch_of(open_records_, now_ms);
  if (!batch) {
    start_anew(batch.error());
    return {};
  }
  partition::AppendRequest request;
  request.now_ms = now_ms;
  request.origin = storage::AppendOrigin::coordinator;
  if (acks_ == nullptr) acks_ = std::make_shared<Acks>(weak_from_this());
  request.target = acks_;
  request.index = ++last_number_;
  const auto appended = partition_->append(std::move(batch).value(), request);
  if (!appended) {
    start_anew(appended.error());
    return {};
  }
  open_records_.clear();
  auto answers = std::exchange(open_answers_, {});
  if (appended.value().acknowledged) return answers;
  in_flight_.push_back({request.index, std::move(answers)});
  return {};
}

/// The machine is ahead of the log: it is thrown away, with the answers that tell of what is not there.
/// Where that goes on (a full disk, with clients that try again at once) the log is not read all the time.
void Shard::start_anew(const base::Error& reason) {
  const auto now = environment_.clock.now();
  const bool again = started_anew_ && now - *started_anew_ < patience;
  started_anew_ = now;
  if (!again)
    log::warn("group.append_failed", "groups of {}-{} are loaded anew: {}",
              partition_->topic_partition().topic, partition_->topic_partition().partition.value(),
              base::to_string(reason));
  drop_waiting();
  machine_.reset();
  state_ = State::loading;
  const std::uint32_t generation = ++generation_;
  if (!again) return post_reading(generation);
  call_home_at(now + reading_pause, [generation](Shard& shard) { shard.post_reading(generation); });
}

void Shard::post_reading(std::uint32_t generation) {
  environment_.helpers.post(
      [self = shared_from_this(), generation] { self->read_log(generation); });
}

void Shard::drop_waiting() {
  open_records_.clear();
  open_answers_.clear();
}

void Shard::on_ack(std::uint32_t number, const base::Status& status) {
  std::vector<base::Task> answers;
  {
    MutexLock lock(mutex_);
    // After a close there is nothing left to tell.
    if (in_flight_.empty() || in_flight_.front().number != number) return;
    answers = std::move(in_flight_.front().answers);
    in_flight_.pop_front();
    if (!status) {
      // The partition went offline under it: whether the batch is in the log shows when it is read again.
      if (state_ == State::serving) start_anew(status.error());
      answers.clear();
    }
  }
  run_all(std::move(answers));
}

void Shard::arm() {
  const auto next = machine_->deadlines().next();
  if (!next || (armed_for_ && *armed_for_ <= *next)) return;
  armed_for_ = next;
  // A deadline may be in the past when it is set; only what comes after this moment is lateness.
  const auto due = std::max(*next, environment_.clock.now());
  call_home_at(*next, [when = *next, due](Shard& shard) { shard.on_timer(when, due); });
}

void Shard::call_home_at(base::SteadyTime when, base::Function<void(Shard&)> task) {
  home_.post([weak = weak_from_this(), when, task = std::move(task)]() mutable {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->home_.call_at(when, [weak, task = std::move(task)]() mutable {
      if (const auto shard = weak.lock()) task(*shard);
    });
  });
}

void Shard::on_timer(base::SteadyTime armed_for, base::SteadyTime due) {
  std::vector<base::Task> answers;
  {
    MutexLock lock(mutex_);
    if (armed_for_ != armed_for) return;  // an earlier one took its place
    armed_for_.reset();
    if (state_ != State::serving) return;
    const auto late = environment_.clock.now() - due;
    if (late > late_wakening) machine_->deadlines().postpone(late + late_wakening);
    answers = take_step_and_flush(
        [](Machine& machine, Step& step) { machine.expire(step, step.now.steady); });
  }
  run_all(std::move(answers));
}

void Shard::add_to(Coordinator::Totals& totals) const {
  MutexLock lock(mutex_);
  if (state_ == State::loading) ++totals.loading;
  if (machine_ == nullptr) return;
  totals.groups += machine_->group_count();
  totals.offsets += machine_->offset_count();
}

}  // namespace moldau::group
