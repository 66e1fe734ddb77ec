#pragma once

// A connection with requests under way, answered in the order they were sent, each with a tag that
// says what it was.

#include <cstdint>
#include <deque>
#include <stdexcept>

#include "admin.hpp"
#include "loop.hpp"
#include "wire.hpp"

namespace moldau::mbench {

// Thread rule: lives on its loop's thread.
class Client : public Connection {
 public:
  using Connection::Connection;
  std::size_t under_way() const { return under_way_.size(); }

 protected:
  struct Sent {
    Bytes frame;
    std::int32_t correlation = 0;
    int tag = 0;
    std::int64_t at_ns = 0;
  };

  // `at_ns` is what the latency counts from.
  void send(Bytes frame, int tag, std::int64_t at_ns) {
    finish_frame(frame);
    store_be(frame.data() + correlation_at, next_correlation_);
    under_way_.push_back({std::move(frame), next_correlation_++, tag, at_ns});
    queue(under_way_.back().frame.data(), under_way_.back().frame.size());
  }
  // The answer's body, behind its header. May send; what it sends is flushed after it.
  virtual void on_answer(const Sent& sent, Reader body, std::int64_t now) = 0;
  // After all answers that came at once.
  virtual void on_answers(std::int64_t now) { (void)now; }

  std::size_t on_data(const std::uint8_t* data, std::size_t size) override {
    const std::int64_t now = now_ns();
    std::size_t used = 0;
    while (open() && size - used >= 4) {
      const auto length = static_cast<std::size_t>(load_be<std::uint32_t>(data + used));
      if (size - used - 4 < length) break;
      answer({data + used + 4, length}, now);
      used += 4 + length;
    }
    if (open()) on_answers(now);
    if (open()) flush();
    return used;
  }

 private:
  void answer(Reader reader, std::int64_t now) {
    const auto correlation = reader.be<std::int32_t>();
    reader.tags();
    if (under_way_.empty() || !reader.ok() || correlation != under_way_.front().correlation) {
      throw std::runtime_error("an answer that does not match its request");
    }
    const Sent sent = std::move(under_way_.front());
    under_way_.pop_front();
    on_answer(sent, reader, now);
  }

  std::deque<Sent> under_way_;
  std::int32_t next_correlation_ = 1;
};

}  // namespace moldau::mbench
