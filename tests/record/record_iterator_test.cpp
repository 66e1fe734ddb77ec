#include "moldau/record/record_iterator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "moldau/base/crc32c.hpp"
#include "moldau/base/varint.hpp"
#include "moldau/record/batch_builder.hpp"
#include "moldau/record/compression.hpp"

namespace moldau::record {
namespace {

using base::as_bytes;
using base::as_text;
using base::Errc;
using base::store_be;
using Bytes = std::vector<std::uint8_t>;

void put(Bytes& out, std::int64_t value) {
  std::uint8_t bytes[10];
  const std::size_t size = base::write_varint(bytes, base::zigzag_encode(value));
  out.insert(out.end(), bytes, bytes + size);
}

/// A batch of `count` records around hand-made bytes, with a valid CRC.
Bytes batch_around(const Bytes& records, std::int32_t count, std::int32_t last_offset_delta) {
  Bytes batch(batch_format::header_bytes, 0);
  batch.insert(batch.end(), records.begin(), records.end());
  store_be(batch.data() + batch_format::length_at,
           static_cast<std::int32_t>(batch.size() - batch_format::length_overhead));
  store_be(batch.data() + batch_format::magic_at, batch_format::magic);
  store_be(batch.data() + batch_format::last_offset_delta_at, last_offset_delta);
  store_be(batch.data() + batch_format::record_count_at, count);
  store_be(batch.data() + batch_format::crc_at,
           base::crc32c(ByteView(batch).subspan(batch_format::attributes_at)));
  return batch;
}

/// The error of the first record that fails, or nothing.
std::optional<base::Error> first_error(const Bytes& batch) {
  auto records = RecordIterator::open(BatchView::parse(batch, BatchView::Check::crc).value());
  if (records.has_error()) return records.error();
  while (true) {
    const auto record = records.value().next();
    if (record.has_error()) return record.error();
    if (!record.value()) return std::nullopt;
  }
}

/// length, attributes, timestamp delta, offset delta, null key, null value, no headers
Bytes small_record(std::int64_t offset_delta = 0) {
  Bytes body = {0, 0};
  put(body, offset_delta);
  body.insert(body.end(), {1, 1, 0});
  Bytes record;
  put(record, static_cast<std::int64_t>(body.size()));
  record.insert(record.end(), body.begin(), body.end());
  return record;
}

TEST(RecordIterator, ReturnsWhatWasBuiltInEveryCodec) {
  for (std::uint8_t codec = 0; codec <= compression_last; ++codec) {
    BatchBuilder builder({.base_offset = Offset{100},
                          .compression = static_cast<Compression>(codec)});
    for (int i = 0; i < 1000; ++i) {
      const std::string key = "key" + std::to_string(i);
      const std::string value(static_cast<std::size_t>(i), 'v');
      builder.append(5000 + i, as_bytes(key), as_bytes(value),
                     {{"first", as_bytes("1")}, {"", as_bytes("")}, {"null", std::nullopt}});
    }
    const auto batch = builder.build().value();
    auto records =
        RecordIterator::open(BatchView::parse(batch.view(), BatchView::Check::crc).value()).value();
    for (int i = 0; i < 1000; ++i) {
      const Record record = records.next().value().value();
      EXPECT_EQ(record.offset, Offset{100 + i});
      EXPECT_EQ(record.timestamp_ms, 5000 + i);
      EXPECT_EQ(as_text(*record.key), "key" + std::to_string(i));
      EXPECT_EQ(record.value->size(), static_cast<std::size_t>(i));
      ASSERT_EQ(record.headers.size(), 3u);
      EXPECT_EQ(record.headers[0].key, "first");
      EXPECT_EQ(as_text(*record.headers[0].value), "1");
      EXPECT_EQ(record.headers[1].key, "");
      EXPECT_TRUE(record.headers[1].value->empty());
      EXPECT_FALSE(record.headers[2].value);
    }
    EXPECT_FALSE(records.next().value());
    EXPECT_FALSE(records.next().value());
  }
}

TEST(RecordIterator, TellsNullFromEmpty) {
  BatchBuilder builder({});
  builder.append(0, std::nullopt, as_bytes(""));
  builder.append(0, as_bytes(""), std::nullopt);
  const auto batch = builder.build().value();
  auto records =
      RecordIterator::open(BatchView::parse(batch.view(), BatchView::Check::crc).value()).value();
  const Record first = records.next().value().value();
  EXPECT_FALSE(first.key);
  EXPECT_TRUE(first.value && first.value->empty());
  const Record second = records.next().value().value();
  EXPECT_TRUE(second.key && second.key->empty());
  EXPECT_FALSE(second.value);
}

TEST(RecordIterator, GivesTheMaximumTimestampUnderLogAppendTime) {
  BatchBuilder builder({});
  builder.append(10, std::nullopt, std::nullopt);
  builder.append(20, std::nullopt, std::nullopt);
  auto batch = builder.build().value();
  set_log_append_time(batch.mutable_view(), 777);
  auto records =
      RecordIterator::open(BatchView::parse(batch.view(), BatchView::Check::crc).value()).value();
  EXPECT_EQ(records.next().value().value().timestamp_ms, 777);
  EXPECT_EQ(records.next().value().value().timestamp_ms, 777);
}

TEST(RecordIterator, KeepsTheGapsThatCompactionLeaves) {
  Bytes bytes = small_record(3);
  const Bytes second = small_record(7);
  bytes.insert(bytes.end(), second.begin(), second.end());
  const Bytes batch = batch_around(bytes, 2, 9);
  auto records =
      RecordIterator::open(BatchView::parse(batch, BatchView::Check::crc).value()).value();
  EXPECT_EQ(records.next().value().value().offset, Offset{3});
  EXPECT_EQ(records.next().value().value().offset, Offset{7});
  EXPECT_FALSE(records.next().value());
}

TEST(RecordIterator, ReadsABatchEmptiedByCompaction) {
  EXPECT_FALSE(first_error(batch_around({}, 0, 9)));
}

TEST(RecordIterator, StaysValidWhenMoved) {
  BatchBuilder builder({.compression = Compression::zstd});
  builder.append(1, as_bytes("k"), as_bytes("v"));
  const auto batch = builder.build().value();
  auto opened = RecordIterator::open(BatchView::parse(batch.view(), BatchView::Check::crc).value());
  RecordIterator moved = std::move(opened).value();
  EXPECT_EQ(as_text(*moved.next().value().value().key), "k");
}

TEST(RecordIterator, RefusesCountsThatDoNotFitTheBytes) {
  EXPECT_FALSE(first_error(batch_around(small_record(), 1, 0)));
  EXPECT_EQ(first_error(batch_around(small_record(), 2, 1))->code, Errc::invalid_record);
  EXPECT_EQ(first_error(batch_around(small_record(), 0, 0))->code, Errc::invalid_record);
  Bytes trailing = small_record();
  trailing.push_back(0);
  EXPECT_EQ(first_error(batch_around(trailing, 1, 0))->code, Errc::invalid_record);
}

TEST(RecordIterator, RefusesOffsetDeltasOutsideTheBatch) {
  EXPECT_EQ(first_error(batch_around(small_record(-1), 1, 0))->code, Errc::invalid_record);
  EXPECT_EQ(first_error(batch_around(small_record(1), 1, 0))->code, Errc::invalid_record);
}

TEST(RecordIterator, RefusesEveryRecordThatIsCutOff) {
  BatchBuilder builder({});
  builder.append(1, as_bytes("key"), as_bytes("value"), {{"header", as_bytes("x")}});
  const auto batch = builder.build().value();
  const ByteView whole = batch.view().subspan(batch_format::header_bytes);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // Cut off by the batch's end, and by the record's own length.
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(first_error(batch_around(cut, 1, 0))->code, Errc::invalid_record) << size;
    if (size > 0) {
      cut[0] = static_cast<std::uint8_t>((size - 1) * 2);
      EXPECT_EQ(first_error(batch_around(cut, 1, 0))->code, Errc::invalid_record) << size;
    }
  }
}

TEST(RecordIterator, TakesEveryNegativeLengthForNullAsKafkaDoes) {
  const Bytes batch = batch_around({14, 0, 0, 0, 3, 5, 0, 0}, 1, 0);  // key -2, value -3
  EXPECT_TRUE(first_error(batch));  // a byte follows its headers
  const Bytes whole = batch_around({12, 0, 0, 0, 3, 5, 0}, 1, 0);
  auto records =
      RecordIterator::open(BatchView::parse(whole, BatchView::Check::crc).value()).value();
  const Record record = records.next().value().value();
  EXPECT_FALSE(record.key);
  EXPECT_FALSE(record.value);
}

TEST(RecordIterator, RefusesHeadersThatDoNotFitAndNullHeaderNames) {
  const Bytes bodies[] = {
      {0, 0, 0, 1, 1, 1},           // -1 headers
      {0, 0, 0, 1, 1, 2, 1, 1},     // a header without a name
      {0, 0, 0, 1, 1, 0, 0},        // bytes after the headers
      {0, 0, 0, 1, 1, 254, 255, 3}, // more headers than bytes
  };
  for (const Bytes& body : bodies) {
    Bytes record;
    put(record, static_cast<std::int64_t>(body.size()));
    record.insert(record.end(), body.begin(), body.end());
    const auto error = first_error(batch_around(record, 1, 0));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, Errc::invalid_record);
  }
}

TEST(RecordIterator, RefusesVarintsThatDoNotEndOrDoNotFit) {
  EXPECT_EQ(first_error(batch_around({0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, 1, 0))->code,
            Errc::invalid_record);
  EXPECT_EQ(first_error(batch_around({0xFF, 0xFF, 0xFF, 0xFF, 0x7F}, 1, 0))->code,
            Errc::invalid_record);
  EXPECT_EQ(first_error(batch_around({1}, 1, 0))->code, Errc::invalid_record);  // length -1
}

TEST(RecordIterator, BoundsWhatABatchMayBecome) {
  BatchBuilder builder({.compression = Compression::zstd});
  const Bytes zeros(200'000, 0);
  builder.append(1, std::nullopt, ByteView(zeros));
  const auto batch = builder.build().value();
  const auto view = BatchView::parse(batch.view(), BatchView::Check::crc).value();
  EXPECT_EQ(RecordIterator::open(view, 100'000).error().code, Errc::limit_exceeded);
  EXPECT_TRUE(RecordIterator::open(view, 300'000).has_value());
}

TEST(RecordIterator, RefusesCodecsThatDoNotExist) {
  Bytes batch = batch_around(small_record(), 1, 0);
  store_be(batch.data() + batch_format::attributes_at, std::int16_t{6});
  const auto view = BatchView::parse(batch, BatchView::Check::bounds).value();
  EXPECT_EQ(RecordIterator::open(view).error().code, Errc::unsupported_compression);
}

}  // namespace
}  // namespace moldau::record
