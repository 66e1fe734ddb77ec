// Frames in: however their bytes arrive.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "moldau/base/log.hpp"
#include "tests/net/harness.hpp"

namespace moldau::net {
namespace {

TEST(Frames, ArriveWholeWhenTheirBytesComeOneByOne) {
  TestHandler handler;
  Server server(handler);
  const Client client = server.connect();
  for (const char byte : frame_of("hello") + frame_of("") + frame_of("world")) {
    ASSERT_TRUE(client.send({&byte, 1}));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(client.receive_frame(), "hello");
  EXPECT_EQ(client.receive_frame(), "");
  EXPECT_EQ(client.receive_frame(), "world");
}

TEST(Frames, OfAllSizesKeepTheirContent) {
  TestHandler handler;
  Server server(handler, {}, 2);
  std::vector<std::string> texts;
  unsigned seed = 0;
  for (std::size_t size : {0UL, 1UL, 3UL, 4UL, 100UL, 4'093UL, 65'536UL, 120'000UL, 262'144UL,
                           262'145UL, 1'000'000UL, 9'000'000UL}) {
    for (int i = 0; i < 3; ++i) texts.push_back(varied_text(size, ++seed));
  }
  std::ranges::rotate(texts, texts.begin() + 7);
  const Client client = server.connect();
  std::thread sender([&] {
    for (const auto& text : texts) client.send_frame(text);
  });
  for (const auto& text : texts) EXPECT_TRUE(client.receive_frame() == text) << text.size();
  sender.join();
}

TEST(Frames, OfManyConnectionsAreCutAtOddPlaces) {
  TestHandler handler;
  Server server(handler, {}, 2);
  std::vector<std::thread> clients;
  for (unsigned c = 1; c <= 6; ++c) {
    clients.emplace_back([&server, c] {
      const Client client = server.connect();
      std::string stream;
      std::vector<std::string> texts;
      for (unsigned i = 0; i < 40; ++i) {
        texts.push_back(varied_text((i * 7919U * c) % 70'000U, c * 100 + i));
        stream += frame_of(texts.back());
      }
      std::thread sender([&] {
        std::size_t cut = 1;
        for (std::size_t at = 0; at < stream.size(); at += cut) {
          cut = cut * 5 % 40'009 + 1;
          client.send(std::string_view(stream).substr(at, cut));
        }
      });
      for (const auto& text : texts) EXPECT_TRUE(client.receive_frame() == text);
      sender.join();
    });
  }
  for (auto& client : clients) client.join();
}

TEST(Frames, ManyOfOneReceiveAreAnsweredWithFewWrites) {
  TestHandler handler;
  Server server(handler);
  const Client client = server.connect();
  std::string burst;
  for (int i = 0; i < 60; ++i) burst += frame_of("request " + std::to_string(i));
  ASSERT_TRUE(client.send(burst));
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(client.receive_frame(), "request " + std::to_string(i));
  }
  // Counted when it has been sent: the client may have it before.
  const auto size = static_cast<double>(burst.size());
  ASSERT_TRUE(eventually([&] { return server.metric("moldau_net_sent_bytes_total") == size; }));
  EXPECT_LE(server.metric("moldau_net_writes_total"), 4);
  EXPECT_LE(server.metric("moldau_net_reads_total"), 4);
  EXPECT_EQ(server.metric("moldau_net_frames_received_total"), 60);
  EXPECT_EQ(server.metric("moldau_net_received_bytes_total"), size);
}

TEST(Frames, ThatAreKeptKeepTheirBytes) {
  TestHandler handler;
  std::mutex mutex;
  std::vector<base::SharedBytes> kept;
  handler.frame = [&](Connection&, base::SharedBytes bytes, Responder responder) {
    const std::lock_guard lock(mutex);
    if (bytes.size() % 3 == 0) kept.push_back(bytes.slice(1, bytes.size() - 1));
    responder.send(payload_of("ok"));
  };
  Server server(handler);
  const Client client = server.connect();
  std::vector<std::string> expected;
  for (unsigned i = 1; i < 2'000; ++i) {
    const std::string text = varied_text(i % 997 + 3, i);
    if (text.size() % 3 == 0) expected.push_back(text.substr(1));
    ASSERT_TRUE(client.send_frame(text));
    ASSERT_EQ(client.receive_frame(), "ok");
  }
  const std::lock_guard lock(mutex);
  ASSERT_EQ(kept.size(), expected.size());
  for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(text_of(kept[i]), expected[i]);
  // Kept bytes fill the slabs they pin, though two thirds of the requests were not kept.
  std::map<const base::Slab*, std::size_t> slabs;
  std::size_t used = 0;
  for (const auto& bytes : kept) {
    slabs.emplace(bytes.slab(), bytes.pinned_bytes());
    used += bytes.size();
  }
  std::size_t pinned = 0;
  for (const auto& slab : slabs) pinned += slab.second;
  EXPECT_LE(pinned, 4 * used + 2 * limits::shared_slab_bytes);
}

class RefusedFrame : public ::testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(RefusedFrame, ClosesThatConnectionAlone) {
  const auto& [bytes, cause] = GetParam();
  TestHandler handler;
  Server server(handler);
  const Client other = server.connect();
  const Client client = server.connect();
  ASSERT_TRUE(client.send(bytes));
  EXPECT_TRUE(client.sees_close());
  EXPECT_EQ(handler.frames, 0);
  EXPECT_EQ(server.metric("moldau_net_connections_closed_total", cause), 1);
  ASSERT_TRUE(other.send_frame("still here"));
  EXPECT_EQ(other.receive_frame(), "still here");
}

INSTANTIATE_TEST_SUITE_P(
    Frames, RefusedFrame,
    ::testing::Values(std::pair<std::string, std::string>("\xff\xff\xff\xff", "bad_frame"),
                      std::pair<std::string, std::string>("\x80\x01\x02\x03more", "bad_frame"),
                      std::pair<std::string, std::string>("\x06\x40\x01\x01", "bad_frame"),
                      std::pair<std::string, std::string>("\x7f\xff\xff\xff", "bad_frame"),
                      std::pair<std::string, std::string>("\x16\x03\x01\x02", "wrong_protocol"),
                      std::pair<std::string, std::string>("GET / HTTP/1.1\r\n", "wrong_protocol"),
                      std::pair<std::string, std::string>("POST /topics HTTP", "wrong_protocol"),
                      std::pair<std::string, std::string>("HEAD / HTTP/1.1", "wrong_protocol")));

TEST(Frames, OfAnotherProtocolAreToldInOneLine) {
  TestHandler handler;
  Server server(handler);
  ASSERT_TRUE(log::configure({}));
  ::testing::internal::CaptureStderr();
  const Client tls = server.connect();
  ASSERT_TRUE(tls.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7)));
  EXPECT_TRUE(tls.sees_close());
  const Client http = server.connect();
  ASSERT_TRUE(http.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_TRUE(http.sees_close());
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("speaks TLS"), std::string::npos) << log;
  EXPECT_NE(log.find("security.protocol"), std::string::npos) << log;
  EXPECT_NE(log.find("speaks HTTP"), std::string::npos) << log;
  EXPECT_EQ(std::ranges::count(log, '\n'), 2) << log;
}

TEST(Frames, RefusedManyTimesFillNoLog) {
  TestHandler handler;
  Server server(handler);
  ASSERT_TRUE(log::configure({}));
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 50; ++i) {
    const Client client = server.connect();
    ASSERT_TRUE(client.send("\xff\xff\xff\xff"));
    EXPECT_TRUE(client.sees_close());
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  const auto lines = std::ranges::count(log, '\n');
  EXPECT_GE(lines, 1);
  EXPECT_LE(lines, 20) << log;
}

TEST(Frames, OfTheLargestSizeAllowedAreTakenAndOneByteMoreIsNot) {
  TestHandler handler;
  ListenerOptions options;
  options.net.frame_bytes_max = 1000;
  Server server(handler, options);
  const Client client = server.connect();
  ASSERT_TRUE(client.send_frame(std::string(1000, 'x')));
  EXPECT_EQ(client.receive_frame(), std::string(1000, 'x'));
  ASSERT_TRUE(client.send_frame(std::string(1001, 'x')));
  EXPECT_TRUE(client.sees_close());
}

}  // namespace
}  // namespace moldau::net
