#include "net/connection_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "moldau/base/log.hpp"

namespace moldau::net {
namespace {

// A connection's share of a turn; then others have theirs.
constexpr std::size_t send_bytes_per_turn = 1024 * 1024;
// A started frame's first buffer: large where there is plenty of memory, so that most frames are
// read in one piece; small where there is not.
constexpr std::size_t roomy_buffer_floor = 64 * 1024;
constexpr std::size_t tight_buffer_floor = 512;
// What is read ahead at once when memory is short.
constexpr std::size_t tight_read_bytes = 4 * 1024;
constexpr std::size_t stranger_read_bytes = 64 * 1024;
// Bytes that wait to be cut into frames are copied out of their slab up to this size.
constexpr std::size_t backlog_copy_bytes_max = 64 * 1024;

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

bool is_tls(const std::uint8_t* head) {
  return head[0] == 0x16 && head[1] == 0x03;
}

bool is_http(const std::uint8_t* head) {
  constexpr std::array<std::string_view, 9> starts{"GET ", "POST", "HEAD", "PUT ", "DELE",
                                                   "OPTI", "PATC", "CONN", "PRI "};
  const std::string_view word(reinterpret_cast<const char*>(head), 4);
  return std::ranges::find(starts, word) != starts.end();
}

}  // namespace

ConnectionImpl::ConnectionImpl(LoopImpl& loop, std::shared_ptr<ListenerShared> shared,
                               int descriptor, Endpoint local, Endpoint remote)
    : loop_(&loop),
      shared_(std::move(shared)),
      id_(next_id()),
      local_(std::move(local)),
      remote_(std::move(remote)),
      transport_(make_plain_transport(loop, descriptor)),
      opened_at_(loop.turn_time()),
      active_at_(opened_at_),
      is_trusted_(shared_->options.trusted_from_start) {
  loop.adopt(*this);
}

ConnectionImpl::~ConnectionImpl() = default;

void ConnectionImpl::start() {
  loop_->deadlines.look_by(*this, check_deadlines(opened_at_), opened_at_);
  shared_->handler.on_open(*this);
  resume_reading();
}

// ---- Reading

bool ConnectionImpl::must_pause() {
  if (is_closed_ || is_closing_ || is_memory_waiting_) return true;
  return responses_.in_flight() >= options().requests_in_flight_max ||
         responses_.unsent_bytes() > options().unsent_bytes_max ||
         throttled_until_ != base::SteadyTime{};
}

FrameAssembler::Limits ConnectionImpl::frame_limits() const {
  const auto frame_max =
      is_trusted_ ? options().frame_bytes_max
                  : std::min(options().frame_bytes_max, options().stranger_frame_bytes_max);
  return {frame_max, pool().is_roomy() ? roomy_buffer_floor : tight_buffer_floor};
}

void ConnectionImpl::resume_reading() {
  if (is_in_frames_ || must_pause()) return;
  if (!backlog_.empty()) {
    base::SharedBytes chunk = std::exchange(backlog_, {});
    release(chunk.size());
    take_input(std::move(chunk), InputIn::own_memory);
    if (must_pause()) return;
  }
  wait_readable();
}

void ConnectionImpl::wait_readable() {
  if (is_read_waiting_ || is_closed_) return;
  is_read_waiting_ = true;
  ++waits_;
  transport_->wait_readable(*this);
}

void ConnectionImpl::on_readable() {
  is_read_waiting_ = false;
  --waits_;
  if (is_closed_) return bury();
  if (must_pause()) return;  // whoever ends the pause waits again
  read();
}

// Memory for the next bytes of the started frame, or leave to read into a slab.
bool ConnectionImpl::make_room() {
  const std::size_t growth = assembler_.growth_wanted(frame_limits().buffer_floor);
  if (growth == 0 && pool().used() < pool().limit()) return true;
  if (!pool().acquire(*this, growth)) {
    is_memory_waiting_ = true;
    return false;
  }
  charged_ += growth;
  frame_charged_ += growth;
  if (growth > 0) assembler_.grow(growth);
  return true;
}

void ConnectionImpl::on_memory() {
  is_memory_waiting_ = false;
  mark_dirty();
}

void ConnectionImpl::read() {
  if (!make_room()) return;
  const bool use_keeping = keep_hint_.use_keeping();
  ReadSlab& slab = use_keeping ? loop_->slabs.keeping : loop_->slabs.passing;
  const bool was_free = slab.rewind();

  const base::MutableByteView direct = assembler_.room();
  std::array<iovec, 2> parts{};
  std::size_t count = 0;
  if (!direct.empty()) parts[count++] = {direct.data(), direct.size()};
  if (direct.empty() || assembler_.has_full_buffer()) {
    auto room = slab.room();
    if (pool().is_short()) room = room.first(tight_read_bytes);
    if (!is_trusted_) room = room.first(std::min(room.size(), stranger_read_bytes));
    parts[count++] = {room.data(), room.size()};
  }
  const std::int64_t got = transport_->receive(parts.data(), count);
  if (got == -EAGAIN) {
    if (!assembler_.is_started()) pool().give_way(*this);
    return wait_readable();
  }
  if (got <= 0) {
    const std::string reason =
        got == 0 ? "the client closed" : std::strerror(static_cast<int>(-got));
    return close_for(CloseCause::client, reason);
  }
  const auto size = static_cast<std::size_t>(got);
  active_at_ = loop_->turn_time();
  shared_->metrics->reads->add();
  shared_->metrics->received_bytes->add(size);
  const std::size_t to_frame = std::min(size, direct.size());
  assembler_.filled(to_frame);
  take_input(size > to_frame ? slab.take(size - to_frame) : base::SharedBytes(), InputIn::slab);
  const bool is_free = slab.rewind();
  if (!use_keeping && size > to_frame) keep_hint_.learn(was_free, is_free);
  resume_reading();
}

// Hands over the frames of `chunk`; what cannot be handed over now becomes the backlog.
void ConnectionImpl::take_input(base::SharedBytes chunk, InputIn where) {
  std::size_t offset = 0;
  is_in_frames_ = true;
  const bool is_used_up = parse(chunk, offset);
  is_in_frames_ = false;
  if (is_closed_) return;
  if (!is_used_up && offset < chunk.size()) {
    backlog_ = chunk.slice(offset, chunk.size() - offset);
    if (where == InputIn::slab && backlog_.size() <= backlog_copy_bytes_max) {
      backlog_ = base::SharedBytes::copy_of(backlog_.view());
    }
    charge(backlog_.size());
  }
  account_started_frame();
}

// False when it stopped before the end.
bool ConnectionImpl::parse(const base::SharedBytes& chunk, std::size_t& offset) {
  while (offset < chunk.size() || assembler_.is_whole()) {
    if (must_pause()) return false;
    base::SharedBytes frame;
    switch (assembler_.next(chunk, offset, frame_limits(), frame)) {
      case FrameAssembler::Status::need_bytes:
        return true;
      case FrameAssembler::Status::bad_size:
        refuse_frame();
        return false;
      case FrameAssembler::Status::frame:
        hand_over(std::move(frame));
    }
  }
  return true;
}

void ConnectionImpl::hand_over(base::SharedBytes frame) {
  is_first_frame_ = false;
  const std::size_t size = frame.size();
  // The buffer of a frame that was gathered is charged already.
  if (size > frame_charged_) charge(size - frame_charged_);
  if (size < frame_charged_) release(frame_charged_ - size);
  frame_charged_ = 0;
  is_frame_started_ = false;
  pool().give_way(*this);
  shared_->metrics->frames->add();
  const std::uint64_t sequence = responses_.add(size);
  shared_->handler.on_frame(*this, std::move(frame), Responder(*this, sequence));
}

// What is held for a frame that is not whole, and since when.
void ConnectionImpl::account_started_frame() {
  const std::size_t held = assembler_.held_bytes();
  if (held > frame_charged_) {
    charge(held - frame_charged_);
    frame_charged_ = held;
  }
  const bool was_started = std::exchange(is_frame_started_, assembler_.is_started());
  if (is_frame_started_ && !was_started) {
    frame_started_at_ = active_at_;
    loop_->deadlines.look_by(*this, frame_started_at_ + options().frame_time_max, active_at_);
  }
}

void ConnectionImpl::refuse_frame() {
  const std::uint8_t* head = assembler_.head();
  const std::string who = fmt::format("client {} on listener {} ({})", to_string(remote_),
                                      listener_name(), to_string(local_));
  if (is_first_frame_ && is_tls(head)) {
    log_limited(LogLimiter::wrong_protocol, "net.tls_on_plaintext_port",
                who +
                    " speaks TLS, and this listener does not: set the client's "
                    "security.protocol to PLAINTEXT (or SASL_PLAINTEXT), or give the listener TLS");
    return close_for(CloseCause::wrong_protocol, "TLS on a plaintext port");
  }
  if (is_first_frame_ && is_http(head)) {
    log_limited(LogLimiter::wrong_protocol, "net.http_on_kafka_port",
                who +
                    " speaks HTTP, and this is the port for Kafka clients: the web pages, metrics "
                    "and health are at the address of the http section");
    return close_for(CloseCause::wrong_protocol, "HTTP on a Kafka port");
  }
  log_limited(
      LogLimiter::bad_frame, "net.bad_frame",
      fmt::format("{} declares a request of {} bytes; {} are allowed (socket.request.max.bytes"
                  "{}): closed",
                  who, assembler_.declared_size(), frame_limits().frame_bytes_max,
                  is_trusted_ ? "" : ", less before it has authenticated"));
  // What was asked in good order before it is still answered.
  closing_cause_ = CloseCause::bad_frame;
  close("a request of a size that is not allowed", CloseMode::after_answers);
}

// ---- Answers

void ConnectionImpl::complete(std::uint64_t sequence, Outcome outcome, base::Payload payload,
                              std::string_view reason) {
  if (loop_ == nullptr) return;
  if (loop_->is_current()) {
    settle(sequence, outcome, std::move(payload), reason);
  } else {
    loop_->complete(*this, sequence, outcome, std::move(payload), reason);
  }
}

void ConnectionImpl::settle(std::uint64_t sequence, Outcome outcome, base::Payload payload,
                            std::string_view reason) {
  release(responses_.settle(sequence, outcome, std::move(payload), reason));
  if (is_closed_) {
    bury();
  } else if (responses_.is_front_ready()) {
    mark_dirty();
  }
}

void ConnectionImpl::mark_dirty() {
  if (std::exchange(is_dirty_, true)) return;
  loop_->mark_dirty(*this);
}

void ConnectionImpl::end_turn() {
  is_dirty_ = false;
  if (is_closed_) return bury();
  if (!is_write_waiting_ && !is_send_deferred_) flush();
  if (!is_closed_) resume_reading();
}

void ConnectionImpl::flush() {
  const std::size_t unsent = responses_.unsent_bytes();
  const auto progress = responses_.flush(*transport_, send_bytes_per_turn);
  NetMetrics& metrics = *shared_->metrics;
  metrics.sent_bytes->add(responses_.sent_bytes() -
                          std::exchange(sent_bytes_counted_, responses_.sent_bytes()));
  metrics.writes->add(responses_.writes() - std::exchange(writes_counted_, responses_.writes()));
  switch (progress) {
    case ResponseQueue::Progress::done:
      send_progress_at_ = {};
      if (is_closing_ && responses_.in_flight() == 0) {
        close_for(closing_cause_, "closed after its answers");
      }
      return;
    case ResponseQueue::Progress::partial:
      is_send_deferred_ = true;
      ++waits_;  // for the task: it refers to this
      loop_->defer([this] {
        is_send_deferred_ = false;
        --waits_;
        if (is_closed_) return bury();
        mark_dirty();
      });
      return;
    case ResponseQueue::Progress::blocked:
      if (send_progress_at_ == base::SteadyTime{} || responses_.unsent_bytes() < unsent) {
        send_progress_at_ = loop_->turn_time();
        loop_->deadlines.look_by(*this, send_progress_at_ + options().send_stall_max,
                                 send_progress_at_);
      }
      is_write_waiting_ = true;
      ++waits_;
      transport_->wait_writable(*this);
      return;
    case ResponseQueue::Progress::closing:
      return close_for(CloseCause::handler, responses_.close_reason());
    case ResponseQueue::Progress::failed:
      return close_for(CloseCause::io, responses_.failure());
  }
}

void ConnectionImpl::on_writable() {
  is_write_waiting_ = false;
  --waits_;
  if (is_closed_) return bury();
  mark_dirty();
}

// ---- Limits and deadlines

void ConnectionImpl::charge(std::size_t bytes) {
  charged_ += bytes;
  pool().charge(bytes);
}

void ConnectionImpl::release(std::size_t bytes) {
  if (bytes == 0) return;
  charged_ -= bytes;
  pool().release(bytes);
}

void ConnectionImpl::trust() {
  if (is_trusted_ || is_closed_) return;
  loop_->stranger_memory.forget(*this);
  loop_->stranger_memory.release(charged_);
  is_trusted_ = true;
  loop_->request_memory.charge(charged_);
  if (std::exchange(is_memory_waiting_, false)) mark_dirty();
}

void ConnectionImpl::throttle_until(base::SteadyTime when) {
  if (is_closed_ || when <= throttled_until_) return;
  throttled_until_ = when;
  loop_->cancel(throttle_timer_);
  throttle_timer_ = loop_->call_at(when, [this] {
    throttle_timer_ = 0;
    throttled_until_ = {};
    mark_dirty();
  });
}

base::SteadyTime ConnectionImpl::check_deadlines(base::SteadyTime now) {
  const NetOptions& o = options();
  base::SteadyTime next = no_deadline;
  const auto has_passed = [&](base::SteadyTime deadline) {
    next = std::min(next, deadline);
    return deadline <= now;
  };
  if (!is_trusted_ && has_passed(opened_at_ + o.stranger_time_max)) {
    close_for(CloseCause::stranger_time, "it did not authenticate in time");
    return no_deadline;
  }
  if (send_progress_at_ != base::SteadyTime{} && has_passed(send_progress_at_ + o.send_stall_max)) {
    close_for(CloseCause::send_stall, "it took none of its answers for too long");
    return no_deadline;
  }
  if (is_frame_started_) {
    // While we do not read, the client is not to blame.
    if (!is_read_waiting_) frame_started_at_ = now;
    if (has_passed(frame_started_at_ + o.frame_time_max)) {
      close_for(CloseCause::frame_time, "a request took too long to arrive");
      return no_deadline;
    }
  }
  if (o.idle_max.count() == 0) return next;
  if (responses_.in_flight() > 0 || !is_read_waiting_) active_at_ = now;
  if (has_passed(active_at_ + o.idle_max)) {
    close_for(CloseCause::idle, "it was idle for too long");
    return no_deadline;
  }
  responses_.shrink();
  return next;
}

// ---- The end

void ConnectionImpl::drain() {
  if (is_closed_) return;
  is_closing_ = true;
  closing_cause_ = CloseCause::shutdown;
  shared_->handler.on_drain(*this);
  mark_dirty();
}

void ConnectionImpl::close(std::string_view reason, CloseMode mode) {
  if (is_closed_) return;
  if (mode == CloseMode::now) return close_for(CloseCause::handler, reason);
  is_closing_ = true;
  log::debug("net.closing", "connection {} closes after its answers: {}", id_, reason);
  mark_dirty();
}

void ConnectionImpl::close_for(CloseCause cause, std::string_view reason) {
  if (is_closed_) return;
  is_closed_ = true;
  log::debug("net.closed", "connection {} of {}: {}", id_, to_string(remote_), reason);
  if (cause == CloseCause::send_stall || cause == CloseCause::frame_time ||
      cause == CloseCause::stranger_time) {
    log_limited(LogLimiter::cut, "net.cut",
                fmt::format("client {}: {}", to_string(remote_), reason));
  }
  shared_->metrics->closed[static_cast<std::size_t>(cause)]->add();
  transport_->close();
  loop_->deadlines.remove(*this);
  loop_->cancel(std::exchange(throttle_timer_, 0));
  pool().forget(*this);
  release(backlog_.size());
  release(std::exchange(frame_charged_, 0));
  backlog_ = {};
  assembler_.clear();
  responses_.drop();
  loop_->count_connections(-1);
  shared_->limiter.release(remote_.host);
  shared_->metrics->open->add(-1);
  loop_->mark_closed(*this);
}

void ConnectionImpl::finish_close() {
  shared_->handler.on_close(*this);
  is_close_told_ = true;
  shared_->closed();
  bury();
}

void ConnectionImpl::bury() {
  if (!is_close_told_ || waits_ > 0 || is_dirty_ || responses_.pending() > 0) return;
  if (!std::exchange(is_buried_, true)) loop_->mark_dead(*this);
}

void ConnectionImpl::log_limited(LogLimiter::Kind kind, std::string_view event,
                                 std::string_view text) {
  std::uint64_t suppressed = 0;
  if (!loop_->log_limiter.allow(kind, loop_->turn_time(), suppressed)) return;
  if (suppressed > 0) {
    log::warn(event, "{} ({} more of these were not logged)", text, suppressed);
  } else {
    log::warn(event, "{}", text);
  }
}

}  // namespace moldau::net
