#pragma once
// One client's connection: frames in, answers out, limits and deadlines.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "moldau/net/listener.hpp"
#include "net/deadline_wheel.hpp"
#include "net/frame_assembler.hpp"
#include "net/loop_impl.hpp"
#include "net/net_metrics.hpp"
#include "net/read_slabs.hpp"
#include "net/response_queue.hpp"
#include "net/transport.hpp"

namespace moldau::net {

/// What the connections of a listener share.  Second owners: the connections, since one that is
/// still owed an answer may outlive its listener.
struct ListenerShared {
  ListenerShared(ListenerOptions o, FrameHandler& h, ConnectionLimiter& l,
                 base::MetricsRegistry* registry)
      : options(std::move(o)), handler(h), limiter(l) {
    if (registry == nullptr) registry = &own_registry;
    metrics = std::make_unique<NetMetrics>(*registry, options.name);
  }
  void opened() {
    const std::lock_guard lock(mutex);
    ++open;
  }
  void closed() {
    const std::lock_guard lock(mutex);
    if (--open == 0) all_closed.notify_all();
  }

  const ListenerOptions options;
  FrameHandler& handler;
  ConnectionLimiter& limiter;
  base::MetricsRegistry own_registry;  // when there is no other
  std::unique_ptr<NetMetrics> metrics;
  // Connections that were taken and whose handler has not been told of the end.
  std::mutex mutex;
  std::condition_variable all_closed;
  std::size_t open = 0;  // guarded by mutex
};

/// Lives from its acceptance until it is closed, the handler was told, the transport's waits have
/// ended and the last answer is settled.  Deletes itself through LoopImpl::mark_dead(). Thread
/// rule: its loop, except complete().
class ConnectionImpl final : public Connection,
                             public ResponseSink,
                             private TransportClient,
                             private DeadlineNode,
                             private MemoryUser {
 public:
  ConnectionImpl(LoopImpl& loop, std::shared_ptr<ListenerShared> shared, int descriptor,
                 Endpoint local, Endpoint remote);
  virtual ~ConnectionImpl();

  /// Tells the handler and starts to read.
  void start();
  /// Answers what is in flight, then closes (the listener is stopping).
  void drain();
  void close_for(CloseCause cause, std::string_view reason);

  // Connection.
  [[nodiscard]] std::uint64_t id() const override { return id_; }
  [[nodiscard]] base::Loop& loop() override { return *loop_; }
  [[nodiscard]] const std::string& listener_name() const override { return shared_->options.name; }
  [[nodiscard]] const Endpoint& local_address() const override { return local_; }
  [[nodiscard]] const Endpoint& remote_address() const override { return remote_; }
  [[nodiscard]] std::unique_ptr<SessionState>& session() override { return session_; }
  [[nodiscard]] bool is_closed() const override { return is_closed_; }
  void close(std::string_view reason, CloseMode mode) override;
  void trust() override;
  void throttle_until(base::SteadyTime when) override;

  // ResponseSink.  Any thread.
  void complete(std::uint64_t sequence, Outcome outcome, base::Payload payload,
                std::string_view reason) override;
  [[nodiscard]] Connection& connection() override { return *this; }

  // For its loop.
  void settle(std::uint64_t sequence, Outcome outcome, base::Payload payload,
              std::string_view reason);
  void end_turn();
  void finish_close();
  [[nodiscard]] std::size_t pending() const { return responses_.pending(); }
  /// The loop goes away before an answer came.
  void orphan() { loop_ = nullptr; }
  [[nodiscard]] const ListenerShared* shared() const { return shared_.get(); }

 private:
  void on_readable() override;
  void on_writable() override;
  base::SteadyTime check_deadlines(base::SteadyTime now) override;
  void on_memory() override;

  void read();
  bool make_room();
  void resume_reading();
  void wait_readable();
  enum class InputIn : bool { slab, own_memory };
  void take_input(base::SharedBytes chunk, InputIn where);
  bool parse(const base::SharedBytes& chunk, std::size_t& offset);
  void hand_over(base::SharedBytes frame);
  void refuse_frame();
  void account_started_frame();
  void mark_dirty();
  void flush();
  void bury();
  [[nodiscard]] bool must_pause();
  [[nodiscard]] FrameAssembler::Limits frame_limits() const;
  [[nodiscard]] MemoryPool& pool() const {
    return is_trusted_ ? loop_->request_memory : loop_->stranger_memory;
  }
  void charge(std::size_t bytes);
  void release(std::size_t bytes);
  [[nodiscard]] const NetOptions& options() const { return shared_->options.net; }
  void log_limited(LogLimiter::Kind kind, std::string_view event, std::string_view text);

  LoopImpl* loop_;
  const std::shared_ptr<ListenerShared> shared_;
  const std::uint64_t id_;
  const Endpoint local_;
  const Endpoint remote_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<SessionState> session_;
  FrameAssembler assembler_;
  base::SharedBytes backlog_;  // read, not yet cut into frames: reading was paused
  ResponseQueue responses_;
  std::size_t charged_ = 0;        // of pool(): backlog, started frame, requests in flight
  std::size_t frame_charged_ = 0;  // the started frame's part of it

  base::SteadyTime opened_at_;
  base::SteadyTime active_at_;
  base::SteadyTime frame_started_at_{};
  base::SteadyTime send_progress_at_{};
  base::SteadyTime throttled_until_{};
  base::Loop::TimerId throttle_timer_ = 0;

  std::uint64_t sent_bytes_counted_ = 0;
  std::uint64_t writes_counted_ = 0;
  std::uint8_t waits_ = 0;  // of the transport that have not come back
  bool is_read_waiting_ = false;
  bool is_write_waiting_ = false;
  bool is_memory_waiting_ = false;
  bool is_dirty_ = false;
  bool is_in_frames_ = false;  // frames are being handed over: no re-entry
  bool is_trusted_;
  bool is_first_frame_ = true;
  bool is_frame_started_ = false;
  bool is_closing_ = false;  // after the answers
  CloseCause closing_cause_ = CloseCause::handler;
  bool is_closed_ = false;
  bool is_close_told_ = false;
  bool is_buried_ = false;
  bool is_send_deferred_ = false;
  KeepHint keep_hint_;
};

}  // namespace moldau::net
