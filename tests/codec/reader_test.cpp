#include "moldau/codec/reader.hpp"

#include <gtest/gtest.h>

#include "moldau/base/limits.hpp"

namespace moldau::codec {
namespace {

using base::SharedBytes;

Reader reader_of(std::vector<std::uint8_t> bytes) { return Reader(SharedBytes::copy_of(bytes)); }

TEST(Reader, ReadsBigEndianIntegers) {
  auto reader = reader_of({0x01, 0x02, 0xFF, 0xFE, 0, 0, 0, 7});
  EXPECT_EQ(reader.fixed<std::int16_t>(), 0x0102);
  EXPECT_EQ(reader.fixed<std::int16_t>(), -2);
  EXPECT_EQ(reader.fixed<std::uint32_t>(), 7U);
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_TRUE(reader.ok());
}

TEST(Reader, KeepsItsFirstError) {
  auto reader = reader_of({1});
  EXPECT_EQ(reader.fixed<std::int32_t>(), 0);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.fixed<std::int8_t>(), 0) << "nothing is read after an error";
  EXPECT_EQ(reader.error().code, base::Errc::malformed);
  EXPECT_EQ(reader.error().message, "cut off: 4 bytes wanted, 1 left");
}

TEST(Reader, ReadsVariableLengthIntegers) {
  auto reader = reader_of({0x00, 0x7F, 0x80, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F});
  EXPECT_EQ(reader.unsigned_varint(), 0U);
  EXPECT_EQ(reader.unsigned_varint(), 127U);
  EXPECT_EQ(reader.unsigned_varint(), 128U);
  EXPECT_EQ(reader.unsigned_varint(), 0xFFFFFFFFU);
  EXPECT_TRUE(reader.ok());
}

TEST(Reader, RefusesVariableLengthIntegersThatDoNotEnd) {
  auto cut = reader_of({0x80});
  cut.unsigned_varint();
  EXPECT_FALSE(cut.ok());
  auto endless = reader_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x01});
  endless.unsigned_varint();
  EXPECT_FALSE(endless.ok());
}

TEST(Reader, TellsNullFromEmpty) {
  auto reader = reader_of({0, 1, 0xFF, 0xFF, 0, 0});
  EXPECT_EQ(reader.string_length(true), std::nullopt);
  EXPECT_EQ(reader.string_length(true), 0U);
  EXPECT_EQ(reader.string_length(false), std::nullopt);
  EXPECT_EQ(reader.string_length(false), 0U);
  EXPECT_TRUE(reader.ok());
}

TEST(Reader, RefusesLengthsBelowNullAndOverWhatRemains) {
  auto negative = reader_of({0xFF, 0xFE});
  EXPECT_EQ(negative.string_length(false), std::nullopt);
  EXPECT_EQ(negative.error().message, "length -2");
  auto longer = reader_of({0, 3, 'a', 'b'});
  EXPECT_EQ(longer.string_length(false), std::nullopt);
  EXPECT_EQ(longer.error().message, "length 3, 2 bytes left");
  // As a compact length 0xFFFFFFFF is -2 in Kafka's own reader.
  auto huge = reader_of({0xFF, 0xFF, 0xFF, 0xFF, 0x0F});
  EXPECT_EQ(huge.bytes_length(true), std::nullopt);
  EXPECT_FALSE(huge.ok());
}

TEST(Reader, RefusesStringsLongerThanKafkaTakes) {
  std::vector<std::uint8_t> bytes(40'000);
  bytes[0] = 0x81;  // 32,769 = 32,768 + 1
  bytes[1] = 0x80;
  bytes[2] = 0x02;
  auto reader = reader_of(bytes);
  EXPECT_EQ(reader.string_length(true), std::nullopt);
  EXPECT_FALSE(reader.ok());
  bytes[0] = 0x80;  // 32,767 + 1
  auto longest = reader_of(bytes);
  EXPECT_EQ(longest.string_length(true), 32'767U);
}

TEST(Reader, HoldsCountsAgainstTheSizeOfElements) {
  auto fits = reader_of({0, 0, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2});
  EXPECT_EQ(fits.array_length(false, 4), 2U);
  auto over = reader_of({0, 0, 0, 2, 1, 1, 1, 1, 2, 2, 2});
  EXPECT_EQ(over.array_length(false, 4), std::nullopt);
  EXPECT_EQ(over.error().message, "elements 2, 7 bytes left");
}

TEST(Reader, SlicesShareTheMemory) {
  const auto bytes = SharedBytes::copy_of(base::as_bytes("records"));
  Reader reader(bytes);
  const auto slice = reader.slice(3);
  EXPECT_EQ(base::as_text(slice.view()), "rec");
  EXPECT_EQ(slice.data(), bytes.data());
  EXPECT_EQ(reader.remaining(), 4U);
}

TEST(Reader, ChargesUntilTheBudgetIsUsedUp) {
  auto reader = reader_of(std::vector<std::uint8_t>(100));
  const std::size_t bound =
      100 * limits::decode_memory_factor + limits::decode_memory_slack_bytes;
  EXPECT_TRUE(reader.charge(bound / 2, 1));
  EXPECT_FALSE(reader.charge(bound / 2 + 2, 1));
  EXPECT_EQ(reader.error().code, base::Errc::limit_exceeded);
}

TEST(Reader, ChargesHugeCountsWithoutOverflow) {
  auto reader = reader_of({});
  EXPECT_FALSE(reader.charge(SIZE_MAX, 100));
}

TEST(Reader, ReadsOnlyTheSectionItEntered) {
  auto reader = reader_of({1, 2, 3, 4});
  const auto outer = reader.enter(1);
  EXPECT_EQ(reader.remaining(), 1U);
  reader.skip(1);
  reader.leave(outer);
  EXPECT_EQ(reader.remaining(), 3U);
}

TEST(Reader, NamesThePathOfAnError) {
  auto reader = reader_of({});
  reader.fail(base::Errc::malformed, "length -2");
  reader.in_field("records");
  reader.in_element(0);
  reader.in_field("partitions");
  reader.in_element(3);
  reader.in_field("topics");
  EXPECT_EQ(reader.error().message, "topics[3].partitions[0].records: length -2");
}

}  // namespace
}  // namespace moldau::codec
