#include "moldau/record/batch_builder.hpp"

#include <gtest/gtest.h>

#include <string>

#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::record {
namespace {

using base::as_bytes;

std::string hex(base::ByteView bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

TEST(BatchBuilder, WritesTheBytesOfTheSpecification) {
  BatchBuilder builder({.base_offset = Offset{1}, .leader_epoch = LeaderEpoch{2}});
  builder.append(1000, as_bytes("k"), as_bytes("v"), {{"h", as_bytes("x")}, {"n", std::nullopt}});
  builder.append(1001, std::nullopt, std::nullopt);
  const auto batch = builder.build().value();
  const std::string bytes = hex(batch.view());
  EXPECT_EQ(bytes.substr(0, 34), "0000000000000001" "00000048" "00000002" "02");
  EXPECT_EQ(bytes.substr(42),
            "0000" "00000001" "00000000000003e8" "00000000000003e9"
            "ffffffffffffffff" "ffff" "ffffffff" "00000002"
            "1e" "00" "00" "00" "02" "6b" "02" "76" "04" "0268" "0278" "026e" "01"
            "0c" "00" "02" "02" "01" "01" "00");
  EXPECT_EQ(batch.size(), builder.size_bytes());
}

TEST(BatchBuilder, CountsRecordsAndBytes) {
  BatchBuilder builder({});
  EXPECT_EQ(builder.size_bytes(), 61u);
  builder.append(0, std::nullopt, as_bytes("12345"));
  EXPECT_EQ(builder.record_count(), 1);
  EXPECT_EQ(builder.size_bytes(), 61u + 1 + 1 + 1 + 1 + 1 + 1 + 5 + 1);
}

TEST(BatchBuilder, SetsTheAttributesAskedFor) {
  BatchBuilder builder({.compression = Compression::lz4,
                        .timestamp_type = TimestampType::log_append_time,
                        .transactional = true,
                        .control = true});
  builder.append(5, as_bytes("k"), std::nullopt);
  const auto batch = builder.build().value();
  const auto view = BatchView::parse(batch.view(), BatchView::Check::crc).value();
  EXPECT_EQ(view.attributes(), 3 | 8 | 16 | 32);
}

TEST(BatchBuilder, TakesTimestampsInAnyOrder) {
  BatchBuilder builder({});
  for (const std::int64_t timestamp_ms : {500, 100, 900, -1}) {
    builder.append(timestamp_ms, std::nullopt, as_bytes("v"));
  }
  const auto batch = builder.build().value();
  const auto view = BatchView::parse(batch.view(), BatchView::Check::crc).value();
  EXPECT_EQ(view.base_timestamp_ms(), 500);
  EXPECT_EQ(view.max_timestamp_ms(), 900);
  auto records = RecordIterator::open(view).value();
  for (const std::int64_t timestamp_ms : {500, 100, 900, -1}) {
    EXPECT_EQ(records.next().value().value().timestamp_ms, timestamp_ms);
  }
  EXPECT_FALSE(records.next().value().has_value());
}

TEST(BatchBuilder, RefusesALevelThatTheCodecHasNot) {
  BatchBuilder builder({.compression = Compression::gzip, .compression_level = 10});
  builder.append(0, std::nullopt, as_bytes("v"));
  EXPECT_EQ(builder.build().error().code, base::Errc::invalid_argument);
}

}  // namespace
}  // namespace moldau::record
