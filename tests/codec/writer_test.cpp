#include "moldau/codec/writer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace moldau::codec {
namespace {

using base::SharedBytes;

std::string text(const base::Payload& payload) {
  const auto bytes = payload.flatten();
  return std::string(base::as_text(bytes.view()));
}

TEST(Writer, WritesBigEndianAndVariableLengths) {
  Writer writer;
  writer.fixed<std::int16_t>(0x0102);
  writer.unsigned_varint(127);
  writer.unsigned_varint(300);
  writer.raw(base::as_bytes("x"));
  EXPECT_EQ(writer.size(), 6U);
  EXPECT_EQ(text(std::move(writer).finish()), "\x01\x02\x7F\xAC\x02x");
}

TEST(Writer, IsOnePieceWithoutSplices) {
  Writer writer;
  for (int i = 0; i < 1000; ++i) writer.fixed<std::int64_t>(i);
  const auto payload = std::move(writer).finish();
  EXPECT_EQ(payload.size(), 8000U);
  EXPECT_EQ(payload.pieces().size(), 1U);
  EXPECT_EQ(base::load_be<std::int64_t>(payload.flatten().data() + 999 * 8), 999);
}

TEST(Writer, SplicesRecordsWithoutCopyingThem) {
  const auto records = SharedBytes::copy_of(base::as_bytes("RECORDS"));
  base::Payload payload;
  payload.append(records);
  Writer writer;
  writer.raw(base::as_bytes("ab"));
  writer.splice(payload);
  writer.raw(base::as_bytes("c"));
  EXPECT_EQ(writer.size(), 10U);
  const auto out = std::move(writer).finish();
  EXPECT_EQ(text(out), "abRECORDSc");
  ASSERT_EQ(out.pieces().size(), 3U);
  EXPECT_EQ(std::get<SharedBytes>(out.pieces()[1]).data(), records.data());
}

TEST(Writer, KeepsWhatWasWrittenAroundASpliceWhenItGrows) {
  base::Payload payload;
  payload.append(SharedBytes::copy_of(base::as_bytes("--")));
  Writer writer;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::string piece = "piece " + std::to_string(i);
    writer.raw(base::as_bytes(piece));
    writer.splice(payload);
    expected += piece + "--";
  }
  EXPECT_EQ(text(std::move(writer).finish()), expected);
}

TEST(Writer, SplicesRangesOfFiles) {
  struct Letters final : base::ReadableFile {
    [[nodiscard]] int descriptor() const override { return -1; }
    std::int64_t read_at(std::uint64_t position, base::MutableByteView out) const override {
      for (auto& byte : out) byte = static_cast<std::uint8_t>('a' + position++ % 26);
      return static_cast<std::int64_t>(out.size());
    }
  };
  base::Payload payload;
  payload.append(base::FileRange{std::make_shared<Letters>(), 2, 3});
  Writer writer;
  writer.fixed<std::int8_t>('<');
  writer.splice(payload);
  writer.fixed<std::int8_t>('>');
  EXPECT_EQ(text(std::move(writer).finish()), "<cde>");
}

TEST(Writer, IsEmptyAfterFinish) {
  Writer writer;
  writer.raw(base::as_bytes("first"));
  EXPECT_EQ(text(std::move(writer).finish()), "first");
  EXPECT_EQ(writer.size(), 0U);
  writer.raw(base::as_bytes("second"));
  EXPECT_EQ(text(std::move(writer).finish()), "second");
}

TEST(Writer, WritesNothingAsNoPieces) {
  EXPECT_TRUE(Writer().finish().pieces().empty());
}

}  // namespace
}  // namespace moldau::codec
