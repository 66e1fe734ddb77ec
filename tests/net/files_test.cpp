// Answers that hold ranges of files.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/net/harness.hpp"

namespace moldau::net {
namespace {

class TestFile final : public base::ReadableFile {
 public:
  enum class Kind { with_descriptor, in_memory };
  TestFile(std::string content, Kind kind) : content_(std::move(content)), kind_(kind) {
    char name[] = "/tmp/moldau-net-test-XXXXXX";
    descriptor_ = ::mkstemp(name);
    ::unlink(name);
    EXPECT_EQ(::pwrite(descriptor_, content_.data(), content_.size(), 0),
              static_cast<ssize_t>(content_.size()));
  }
  ~TestFile() override { ::close(descriptor_); }
  [[nodiscard]] int descriptor() const override {
    return kind_ == Kind::with_descriptor ? descriptor_ : -1;
  }
  std::int64_t read_at(std::uint64_t position, base::MutableByteView out) const override {
    return ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(position));
  }
  void truncate(std::size_t size) const {
    EXPECT_EQ(::ftruncate(descriptor_, static_cast<off_t>(size)), 0);
  }
  [[nodiscard]] const std::string& content() const { return content_; }

 private:
  std::string content_;
  Kind kind_;
  int descriptor_;
};

class FileAnswers : public ::testing::TestWithParam<TestFile::Kind> {};

TEST_P(FileAnswers, MixWithMemoryInTheirOrder) {
  const auto file = std::make_shared<TestFile>(varied_text(9'000'000), GetParam());
  TestHandler handler;
  handler.frame = [&](Connection&, base::SharedBytes, Responder responder) {
    base::Payload payload = payload_of("header");
    payload.append(base::FileRange{file, 10, 5'000'000});
    payload.append(payload_of("between"));
    payload.append(base::FileRange{file, 100, 200});  // read and gathered
    payload.append(base::FileRange{file, 7'000, 70'000});
    payload.append(base::FileRange{file, 300'000, 600'000});
    payload.append(payload_of("end"));
    responder.send(std::move(payload));
  };
  Server server(handler);
  const std::string& content = file->content();
  const std::string expected = "header" + content.substr(10, 5'000'000) + "between" +
                               content.substr(100, 200) + content.substr(7'000, 70'000) +
                               content.substr(300'000, 600'000) + "end";
  const Client client = server.connect();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.send_frame("give"));
  for (int i = 0; i < 3; ++i) {
    const auto frame = client.receive_frame();
    ASSERT_TRUE(frame.has_value());
    EXPECT_TRUE(*frame == expected);
  }
  EXPECT_EQ(file.use_count(), 1);
}

TEST_P(FileAnswers, CloseTheConnectionWhenTheFileIsTooShort) {
  const auto file = std::make_shared<TestFile>(varied_text(100'000), GetParam());
  file->truncate(50'000);
  TestHandler handler;
  handler.frame = [&](Connection&, base::SharedBytes, Responder responder) {
    base::Payload payload;
    payload.append(base::FileRange{file, 0, 100'000});
    responder.send(std::move(payload));
  };
  Server server(handler);
  const Client client = server.connect();
  ASSERT_TRUE(client.send_frame("give"));
  EXPECT_EQ(client.receive_frame(), std::nullopt);
  EXPECT_EQ(server.metric("moldau_net_connections_closed_total", "io"), 1);
}

INSTANTIATE_TEST_SUITE_P(Files, FileAnswers,
                         ::testing::Values(TestFile::Kind::with_descriptor,
                                           TestFile::Kind::in_memory));

}  // namespace
}  // namespace moldau::net
