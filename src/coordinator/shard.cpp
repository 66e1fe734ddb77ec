#include "shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "log_reader.hpp"
#include "moldau/base/log.hpp"

namespace moldau::coordinator {

using base::MutexLock;
using protocol::ErrorCode;

namespace {

/// Woken this much too late, the process was stopped, and what clients sent waits in their sockets:
/// they get that time back, and as much again to be read (reliability.md R13).
constexpr base::Milliseconds late_wakening{2'000};
/// A second failure within this time is the same trouble, which takes a pause.
constexpr base::Milliseconds patience{10'000};
constexpr base::Milliseconds reading_pause{1'000};
/// What a tick gathers before it is appended without waiting for the tick's end.
constexpr std::size_t records_per_batch = 5'000;

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

void Shard::Leftovers::settle() {
  for (auto& answer : due) answer();
  due.clear();
  dropped.clear();
}

Shard::Shard(const Services& services, partition::PartitionPtr partition, std::shared_ptr<Pace> pace)
    : services_(services),
      partition_(std::move(partition)),
      pace_(std::move(pace)),
      appender_(*partition_) {}

const std::shared_ptr<partition::AckTarget>& Shard::acks() {
  if (acks_ == nullptr) acks_ = std::make_shared<Acks>(weak_from_this());
  return acks_;
}

void Shard::load() {
  std::uint32_t generation = 0;
  {
    MutexLock lock(mutex_);
    if (state_ == State::closed) return;
    if (partition_->log().start_offset() == partition_->log().end_offset()) {
      // Nothing to read: whoever had the topic made need not be told to come again.
      machine_ = services_.kind.make_machine();
      state_ = State::serving;
      return;
    }
    state_ = State::loading;
    generation = ++generation_;
  }
  post_reading(generation);
}

void Shard::post_reading(std::uint32_t generation) {
  services_.helpers.post([self = shared_from_this(), generation] { self->read_log(generation); });
}

void Shard::read_log(std::uint32_t generation) {
  std::unique_ptr<StateMachine> machine;
  {
    MutexLock lock(mutex_);
    if (generation != generation_ || state_ != State::loading) return;
    machine = services_.kind.make_machine();
  }
  const auto read = read_all(*partition_, services_.kind.name, *machine);
  Leftovers leftovers;
  {
    MutexLock lock(mutex_);
    if (generation != generation_ || state_ != State::loading) return;
    if (!read) {
      state_ = State::failed;
      log::error(fmt::format("{}.load_failed", services_.kind.name), "{} of {}-{} are not served: {}",
                 services_.kind.content, partition_->topic_partition().topic,
                 partition_->topic_partition().partition.value(), base::to_string(read.error()));
      return;
    }
    machine_ = std::move(machine);
    state_ = State::serving;
    take_step_and_flush([](StateMachine& loaded, Turn& turn) { loaded.finish_loading(turn); },
                        leftovers);
  }
  leftovers.settle();
}

void Shard::close() {
  Leftovers leftovers;
  {
    MutexLock lock(mutex_);
    state_ = State::closed;
    appender_.drop_all(leftovers.dropped);
    machine_.reset();
  }
}

ErrorCode Shard::refusal() const {
  switch (state_) {
    case State::serving: break;
    case State::loading: return ErrorCode::coordinator_load_in_progress;
    case State::failed: return ErrorCode::coordinator_not_available;
    case State::closed: return ErrorCode::not_coordinator;
  }
  return ErrorCode::none;
}

ErrorCode Shard::run(base::Loop& loop, const StepFunction& step) {
  Leftovers leftovers;
  {
    MutexLock lock(mutex_);
    if (const auto refused = refusal(); refused != ErrorCode::none) return refused;
    take_step(step, leftovers);
    if (appender_.open_records() >= records_per_batch) {
      flush(leftovers);
    } else if (appender_.is_open()) {
      flush_soon(loop);
    }
  }
  leftovers.settle();
  return ErrorCode::none;
}

ErrorCode Shard::run_ordered(const StepFunction& step) {
  Leftovers leftovers;
  ErrorCode outcome = ErrorCode::none;
  {
    MutexLock lock(mutex_);
    if (const auto refused = refusal(); refused != ErrorCode::none) return refused;
    take_step_and_flush(step, leftovers);
    outcome = refusal();  // as it is after a failed append
  }
  if (!leftovers.due.empty() || !leftovers.dropped.empty())
    services_.home.post([leftovers = std::move(leftovers)]() mutable { leftovers.settle(); });
  return outcome;
}

void Shard::run_now(const StepFunction& step) {
  Leftovers leftovers;
  {
    MutexLock lock(mutex_);
    if (state_ != State::serving) return;
    take_step_and_flush(step, leftovers);
  }
  leftovers.settle();
}

void Shard::take_step_and_flush(const StepFunction& step, Leftovers& leftovers) {
  take_step(step, leftovers);
  if (state_ == State::serving) flush(leftovers);
}

void Shard::take_step(const StepFunction& function, Leftovers& leftovers) {
  Turn turn{appender_, acks(), {services_.clock.now(), services_.clock.wall_ms()}};
  function(*machine_, turn);
  leftovers.due = std::move(turn.due_);
  if (turn.failure_) {
    leftovers.dropped = std::move(turn.answers_);
    start_anew(*turn.failure_, leftovers);
    return;
  }
  arm();
  appender_.answer(std::move(turn.answers_), leftovers.due);
}

void Shard::flush_soon(base::Loop& loop) {
  const auto when = pace_->next_append(services_.clock.now());
  if (std::exchange(flush_posted_, true)) return;
  auto task = [self = shared_from_this()] { self->flush_from_loop(); };
  if (when) {
    loop.call_at(*when, std::move(task));
  } else {
    loop.post(std::move(task));
  }
}

void Shard::flush_from_loop() {
  Leftovers leftovers;
  {
    MutexLock lock(mutex_);
    flush_posted_ = false;
    if (state_ != State::serving) return;
    flush(leftovers);
  }
  leftovers.settle();
}

void Shard::flush(Leftovers& leftovers) {
  const auto flushed = appender_.flush(acks(), services_.clock.wall_ms(), leftovers.due);
  if (!flushed) start_anew(flushed.error(), leftovers);
}

/// The machine is ahead of the log: it is thrown away, with the answers that tell of what is not there.
/// Where that goes on (a full disk, with clients that try again at once) the log is not read all the time.
void Shard::start_anew(const base::Error& reason, Leftovers& leftovers) {
  const auto now = services_.clock.now();
  const bool again = started_anew_ && now - *started_anew_ < patience;
  started_anew_ = now;
  if (!again)
    log::warn(fmt::format("{}.append_failed", services_.kind.name), "{} of {}-{} are loaded anew: {}",
              services_.kind.content, partition_->topic_partition().topic,
              partition_->topic_partition().partition.value(), base::to_string(reason));
  appender_.drop_open(leftovers.dropped);
  machine_.reset();
  state_ = State::loading;
  const std::uint32_t generation = ++generation_;
  if (!again) return post_reading(generation);
  call_home_at(now + reading_pause, [generation](Shard& shard) { shard.post_reading(generation); });
}

void Shard::on_ack(std::uint32_t number, const base::Status& status) {
  Leftovers leftovers;
  {
    MutexLock lock(mutex_);
    // After a close there is nothing left to tell.
    auto answers = appender_.take_acknowledged(number);
    if (!answers) return;
    if (status) {
      leftovers.due = std::move(*answers);
    } else {
      // The partition went offline under it: whether the batch is in the log shows when it is read again.
      leftovers.dropped = std::move(*answers);
      if (state_ == State::serving) start_anew(status.error(), leftovers);
    }
  }
  leftovers.settle();
}

void Shard::arm() {
  const auto next = machine_->next_deadline();
  if (!next || (armed_for_ && *armed_for_ <= *next)) return;
  armed_for_ = next;
  // A deadline may be in the past when it is set; only what comes after this moment is lateness.
  const auto due = std::max(*next, services_.clock.now());
  call_home_at(*next, [when = *next, due](Shard& shard) { shard.on_timer(when, due); });
}

void Shard::call_home_at(base::SteadyTime when, base::Function<void(Shard&)> task) {
  services_.home.post([weak = weak_from_this(), when, task = std::move(task)]() mutable {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->services_.home.call_at(when, [weak, task = std::move(task)]() mutable {
      if (const auto shard = weak.lock()) task(*shard);
    });
  });
}

void Shard::on_timer(base::SteadyTime armed_for, base::SteadyTime due) {
  Leftovers leftovers;
  {
    MutexLock lock(mutex_);
    if (armed_for_ != armed_for) return;  // an earlier one took its place
    armed_for_.reset();
    if (state_ != State::serving) return;
    const auto late = services_.clock.now() - due;
    if (late > late_wakening) machine_->postpone(late + late_wakening);
    take_step_and_flush([](StateMachine& machine, Turn& turn) { machine.expire(turn); }, leftovers);
  }
  leftovers.settle();
}

bool Shard::look(const std::function<void(StateMachine&)>& at) const {
  MutexLock lock(mutex_);
  if (machine_ == nullptr) return false;
  at(*machine_);
  return true;
}

bool Shard::is_loading() const {
  MutexLock lock(mutex_);
  return state_ == State::loading;
}

}  // namespace moldau::coordinator
