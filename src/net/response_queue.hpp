#pragma once
// The answers of one connection, in the order of its requests: slots that wait, and what is ready
// at the front of them on its way to the socket.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/payload.hpp"
#include "moldau/net/frame_handler.hpp"
#include "net/transport.hpp"

namespace moldau::net {

/// Thread rule: its connection's loop.
class ResponseQueue {
 public:
  enum class Progress {
    done,     // nothing is ready any more
    partial,  // the turn's share was sent and more is ready
    blocked,  // the socket takes no more for now
    closing,  // the front slot closes the connection: close_reason()
    failed,   // failure() says why
  };

  /// A new slot for a request that holds `cost` bytes of memory; its sequence number.
  std::uint64_t add(std::size_t cost);
  /// The slot's outcome; returns its cost.  After drop() the outcome is dropped.
  std::size_t settle(std::uint64_t sequence, ResponseSink::Outcome outcome, base::Payload payload,
                     std::string_view reason);
  /// Sends what is ready, at most about `bytes_max`.
  Progress flush(Transport& transport, std::size_t bytes_max);
  /// Forgets what is ready and what will be: the connection is closed.
  void drop();
  /// Gives memory back while nothing is in flight.
  void shrink();

  [[nodiscard]] bool is_front_ready() const {
    return first_ != end_ && at(first_).state != State::pending;
  }
  /// Slots whose answer has not been sent whole.
  [[nodiscard]] std::size_t in_flight() const { return static_cast<std::size_t>(end_ - first_); }
  /// Slots without an outcome.
  [[nodiscard]] std::size_t pending() const { return pending_; }
  /// Bytes that are ready, or sent in part.
  [[nodiscard]] std::size_t unsent_bytes() const { return unsent_bytes_; }
  /// All bytes and writes so far.
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }
  [[nodiscard]] std::uint64_t writes() const { return writes_; }
  [[nodiscard]] const std::string& close_reason() const { return reason_; }
  [[nodiscard]] const std::string& failure() const { return reason_; }

 private:
  enum class State : std::uint8_t { pending, ready, silent, close };
  struct Slot {
    State state = State::pending;
    std::array<std::uint8_t, 4> length{};
    std::size_t cost = 0;
    std::vector<base::Piece> pieces;
    // Progress: bytes of `length` sent, then pieces sent, then bytes of the next one.
    std::size_t length_sent = 0;
    std::size_t piece = 0;
    std::size_t offset = 0;
  };
  struct Gathered;

  [[nodiscard]] Slot& at(std::uint64_t sequence) { return slots_[sequence & (slots_.size() - 1)]; }
  [[nodiscard]] const Slot& at(std::uint64_t sequence) const {
    return slots_[sequence & (slots_.size() - 1)];
  }
  void grow();
  bool skip_finished();
  bool make_sendable(Slot& slot, std::size_t piece, const Transport& transport);
  bool gather(Transport& transport, std::size_t bytes_max, Gathered& out);
  void advance(std::size_t bytes);
  std::int64_t send_once(Transport& transport, std::size_t bytes_max);

  // A ring of a power of two: sequence number s is at s % size.  Invariant: first_ <= end_.
  std::vector<Slot> slots_;
  std::uint64_t first_ = 0;
  std::uint64_t end_ = 0;
  std::size_t pending_ = 0;
  std::size_t unsent_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t writes_ = 0;
  bool dropped_ = false;
  std::string reason_;
};

}  // namespace moldau::net
