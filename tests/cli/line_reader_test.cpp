#include "cli/line_reader.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

namespace moldau::cli {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~Pipe() {
    end_input();
    ::close(ends_[0]);
  }
  void write(std::string_view text) {
    while (!text.empty()) {
      const auto count = ::write(ends_[1], text.data(), text.size());
      ASSERT_GT(count, 0);
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  void end_input() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  [[nodiscard]] int input() const { return ends_[0]; }

 private:
  std::array<int, 2> ends_{-1, -1};
};

std::vector<std::string> all_lines(LineReader& reader) {
  std::vector<std::string> lines;
  while (true) {
    const auto line = reader.next();
    if (!line.has_value() || !line.value()) return lines;
    lines.emplace_back(*line.value());
  }
}

TEST(LineReader, KeepsEmptyLinesAndTheLastOneWithoutAnEnd) {
  Pipe pipe;
  pipe.write("one\n\ntwo\r\nthree");
  pipe.end_input();
  LineReader reader(pipe.input());
  EXPECT_EQ(all_lines(reader), (std::vector<std::string>{"one", "", "two\r", "three"}));
  EXPECT_EQ(reader.count(), 4U);
}

TEST(LineReader, AddsNoLineAfterAFinalNewline) {
  Pipe pipe;
  pipe.write("one\n");
  pipe.end_input();
  LineReader reader(pipe.input());
  EXPECT_EQ(all_lines(reader), std::vector<std::string>{"one"});
}

TEST(LineReader, JoinsALineThatComesInPieces) {
  Pipe pipe;
  const std::string longer(1'000'000, 'x');
  std::thread writer([&] {
    pipe.write(longer);
    pipe.write("y\nz\n");
    pipe.end_input();
  });
  LineReader reader(pipe.input());
  const auto lines = all_lines(reader);
  writer.join();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], longer + "y");
  EXPECT_EQ(lines[1], "z");
}

TEST(LineReader, SaysWhetherALineIsThere) {
  Pipe pipe;
  LineReader reader(pipe.input());
  EXPECT_FALSE(reader.is_ready(0));
  pipe.write("one\ntwo\n");
  EXPECT_TRUE(reader.is_ready(0));
  ASSERT_TRUE(reader.next().has_value());
  EXPECT_TRUE(reader.is_ready(0));  // from its buffer
  ASSERT_TRUE(reader.next().has_value());
  EXPECT_FALSE(reader.is_ready(0));
}

TEST(LineReader, RefusesALineWithoutEnd) {
  Pipe pipe;
  std::thread writer([&] {
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 66; ++i) pipe.write(piece);
    pipe.end_input();
  });
  LineReader reader(pipe.input());
  const auto line = reader.next();
  ASSERT_FALSE(line.has_value());
  EXPECT_EQ(line.error().code, base::Errc::limit_exceeded);
  std::array<char, 65536> rest{};
  while (::read(pipe.input(), rest.data(), rest.size()) > 0) {
  }
  writer.join();
}

}  // namespace
}  // namespace moldau::cli
