#include "net/frame_assembler.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/net/harness.hpp"

namespace moldau::net {
namespace {

constexpr FrameAssembler::Limits limits_of_test{10'000'000, 512};

// Takes `stream` in pieces, into the started frame's own buffer where there is one, as a connection
// does.
std::vector<std::string> assemble(const std::string& stream, std::mt19937& random) {
  FrameAssembler assembler;
  std::vector<std::string> frames;
  std::size_t at = 0;
  const auto take = [&](const base::SharedBytes& chunk) {
    std::size_t offset = 0;
    base::SharedBytes frame;
    while (offset < chunk.size() || assembler.is_whole()) {
      const auto status = assembler.next(chunk, offset, limits_of_test, frame);
      if (status == FrameAssembler::Status::need_bytes) break;
      ASSERT_EQ(status, FrameAssembler::Status::frame);
      frames.push_back(text_of(frame));
    }
    EXPECT_EQ(offset, chunk.size());
  };
  while (at < stream.size()) {
    assembler.grow(assembler.growth_wanted(512));
    std::size_t size = std::min<std::size_t>(random() % 5'000 + 1, stream.size() - at);
    auto room = assembler.room();
    if (!room.empty() && random() % 2 == 0) {
      size = std::min(size, room.size());
      std::memcpy(room.data(), stream.data() + at, size);
      assembler.filled(size);
      take({});
    } else {
      take(base::SharedBytes::copy_of(base::as_bytes(stream).subspan(at, size)));
    }
    at += size;
  }
  EXPECT_FALSE(assembler.is_started());
  EXPECT_EQ(assembler.held_bytes(), 0U);
  return frames;
}

TEST(FrameAssembler, CutsAStreamAtAnyPlace) {
  std::mt19937 random(20);
  for (int round = 0; round < 50; ++round) {
    std::string stream;
    std::vector<std::string> texts;
    for (unsigned i = 0; i < 30; ++i) {
      const std::size_t size = random() % (random() % 4 == 0 ? 50'000 : 300);
      texts.push_back(varied_text(size, i));
      stream += frame_of(texts.back());
    }
    EXPECT_TRUE(assemble(stream, random) == texts) << round;
  }
}

TEST(FrameAssembler, SharesTheMemoryOfFramesThatAreWhole) {
  const auto chunk = base::SharedBytes::copy_of(base::as_bytes(frame_of("one") + frame_of("two")));
  FrameAssembler assembler;
  std::size_t offset = 0;
  base::SharedBytes frame;
  ASSERT_EQ(assembler.next(chunk, offset, limits_of_test, frame), FrameAssembler::Status::frame);
  EXPECT_EQ(frame.slab(), chunk.slab());
  ASSERT_EQ(assembler.next(chunk, offset, limits_of_test, frame), FrameAssembler::Status::frame);
  EXPECT_EQ(text_of(frame), "two");
  EXPECT_EQ(offset, chunk.size());
}

TEST(FrameAssembler, HoldsNoMoreThanAFactorOfWhatCame) {
  FrameAssembler assembler;
  const std::string stream = frame_of(std::string(9'000'000, 'x'));
  std::size_t at = 0;
  std::size_t offset = 0;
  base::SharedBytes frame;
  auto status = FrameAssembler::Status::need_bytes;
  while (status == FrameAssembler::Status::need_bytes) {
    offset = 0;
    const auto chunk = base::SharedBytes::copy_of(
        base::as_bytes(stream).subspan(at, std::min<std::size_t>(1'000, stream.size() - at)));
    status = assembler.next(chunk, offset, limits_of_test, frame);
    at += chunk.size();
    if (status == FrameAssembler::Status::need_bytes) {
      assembler.grow(assembler.growth_wanted(512));
      ASSERT_LE(assembler.held_bytes(),
                std::max<std::size_t>(512, at * FrameAssembler::growth_factor));
    }
  }
  EXPECT_EQ(frame.size(), 9'000'000U);
  EXPECT_EQ(frame.pinned_bytes(), 9'000'000U);
}

TEST(FrameAssembler, RefusesSizesBelowZeroAndAboveTheLimit) {
  for (const auto& [head, is_bad] :
       std::vector<std::pair<std::string, bool>>{{std::string("\xff\xff\xff\xff", 4), true},
                                                 {std::string("\x80\x00\x00\x00", 4), true},
                                                 {std::string("\x00\x00\x00\x65", 4), true},
                                                 {std::string("\x00\x00\x00\x64", 4), false}}) {
    FrameAssembler assembler;
    std::size_t offset = 0;
    base::SharedBytes frame;
    const auto status =
        assembler.next(base::SharedBytes::copy_of(base::as_bytes(head)), offset, {100, 64}, frame);
    EXPECT_EQ(status == FrameAssembler::Status::bad_size, is_bad);
  }
}

}  // namespace
}  // namespace moldau::net
