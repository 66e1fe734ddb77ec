#include "net/response_queue.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "tests/net/harness.hpp"
#include "tests/support/rounds.hpp"

namespace moldau::net {
namespace {

/// A file that knows its content by position.
class PatternFile final : public base::ReadableFile {
 public:
  [[nodiscard]] int descriptor() const override { return 77; }
  std::int64_t read_at(std::uint64_t position, base::MutableByteView out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = byte(position + i);
    return static_cast<std::int64_t>(out.size());
  }
  static std::uint8_t byte(std::uint64_t position) {
    return static_cast<std::uint8_t>(position * 31 + position / 251);
  }
};

/// Takes as much as it likes of what it is given.
class FickleTransport final : public Transport {
 public:
  explicit FickleTransport(unsigned seed) : random_(seed) {}
  std::int64_t receive(const iovec*, std::size_t) override { return -EAGAIN; }
  std::int64_t send(const iovec* parts, std::size_t count, bool) override {
    std::size_t all = 0;
    for (std::size_t i = 0; i < count; ++i) all += parts[i].iov_len;
    std::int64_t left = appetite(all);
    const std::int64_t taken = left;
    for (std::size_t i = 0; left > 0; ++i) {
      const auto n = std::min(static_cast<std::size_t>(left), parts[i].iov_len);
      sent.append(static_cast<const char*>(parts[i].iov_base), n);
      left -= static_cast<std::int64_t>(n);
    }
    return taken;
  }
  [[nodiscard]] bool can_send_file() const override { return true; }
  std::int64_t send_file(int, std::uint64_t position, std::size_t size) override {
    const std::int64_t taken = appetite(size);
    for (std::int64_t i = 0; i < taken; ++i) {
      sent += static_cast<char>(PatternFile::byte(position + static_cast<std::uint64_t>(i)));
    }
    return taken;
  }
  void wait_readable(TransportClient&) override {}
  void wait_writable(TransportClient&) override {}
  void close() override {}

  std::string sent;

 private:
  std::int64_t appetite(std::size_t most) {
    if (random_() % 4 == 0) return -EAGAIN;
    if (random_() % 3 == 0) return static_cast<std::int64_t>(most);
    return static_cast<std::int64_t>(random_() % most + 1);
  }
  std::mt19937 random_;
};

TEST(ResponseQueue, SendsEveryByteOnceThroughATransportThatTakesPieces) {
  for (unsigned seed = 1; seed <= support::rounds(60u); ++seed) {
    std::mt19937 random(seed);
    FickleTransport transport(seed);
    ResponseQueue queue;
    const auto file = std::make_shared<PatternFile>();
    std::string expected;
    std::size_t cost = 0;
    for (int i = 0; i < 300; ++i) {
      const auto sequence = queue.add(static_cast<std::size_t>(i));
      base::Payload payload;
      std::string text;
      for (auto p = static_cast<unsigned>(random() % 5); p > 0; --p) {
        if (random() % 3 != 0) {
          const std::string part = varied_text(random() % 2'000, p);
          payload.append(payload_of(part));
          text += part;
          continue;
        }
        const std::uint64_t position = random() % 100'000;
        const std::size_t size = random() % 20'000;
        payload.append(base::FileRange{file, position, size});
        for (std::size_t b = 0; b < size; ++b) {
          text += static_cast<char>(PatternFile::byte(position + b));
        }
      }
      const bool is_silent = random() % 5 == 0;
      if (!is_silent) expected += frame_of(text);
      cost += queue.settle(
          sequence, is_silent ? ResponseSink::Outcome::no_response : ResponseSink::Outcome::send,
          std::move(payload), {});
      if (random() % 3 == 0) queue.flush(transport, random() % 30'000 + 1);
    }
    while (queue.flush(transport, 100'000) != ResponseQueue::Progress::done) {
    }
    EXPECT_TRUE(transport.sent == expected) << seed;
    EXPECT_EQ(cost, 299U * 300 / 2);
    EXPECT_EQ(queue.unsent_bytes(), 0U);
    EXPECT_EQ(queue.in_flight(), 0U);
    EXPECT_EQ(queue.sent_bytes(), expected.size());
    EXPECT_EQ(file.use_count(), 1) << "what was sent is not held";
  }
}

TEST(ResponseQueue, GivesOneTurnsShareAtATime) {
  FickleTransport transport(1);
  ResponseQueue queue;
  const auto sequence = queue.add(0);
  queue.settle(sequence, ResponseSink::Outcome::send, payload_of(std::string(1'000'000, 'x')), {});
  std::size_t before = 0;
  for (;;) {
    const auto progress = queue.flush(transport, 10'000);
    EXPECT_LE(transport.sent.size() - before, 10'004U);
    before = transport.sent.size();
    if (progress == ResponseQueue::Progress::done) break;
  }
  EXPECT_EQ(before, 1'000'004U);
}

TEST(ResponseQueueDeathTest, RefusesASecondAnswer) {
  ResponseQueue queue;
  const auto first = queue.add(0);
  queue.settle(first, ResponseSink::Outcome::send, payload_of("x"), {});
  EXPECT_DEATH(queue.settle(first, ResponseSink::Outcome::send, payload_of("x"), {}), "once");
}

}  // namespace
}  // namespace moldau::net
