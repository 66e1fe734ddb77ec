#include "moldau/record/batch_view.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "moldau/base/crc32c.hpp"
#include "moldau/record/batch_builder.hpp"

namespace moldau::record {
namespace {

using base::Errc;
using base::store_be;
using Bytes = std::vector<std::uint8_t>;

Bytes batch_of(BatchOptions options, int records = 3) {
  BatchBuilder builder(options);
  for (int i = 0; i < records; ++i) {
    builder.append(1000 + i * 10, base::as_bytes("key"), base::as_bytes("value"));
  }
  const auto built = builder.build().value();
  return {built.view().begin(), built.view().end()};
}

void stamp_crc(Bytes& batch) {
  store_be(batch.data() + batch_format::crc_at,
           base::crc32c(ByteView(batch).subspan(batch_format::attributes_at)));
}

base::Result<BatchView> parse(const Bytes& bytes, BatchView::Check check = BatchView::Check::crc) {
  return BatchView::parse(bytes, check);
}

TEST(BatchSize, IsZeroUntilTheLengthIsThere) {
  const Bytes batch = batch_of({});
  EXPECT_EQ(batch_size(ByteView(batch).first(11), 1 << 20), 0u);
  EXPECT_EQ(batch_size(ByteView(batch).first(12), 1 << 20), batch.size());
}

TEST(BatchSize, RefusesLengthsBelowAHeaderAndAboveTheBound) {
  Bytes batch = batch_of({});
  EXPECT_EQ(batch_size(batch, batch.size()), batch.size());
  EXPECT_EQ(batch_size(batch, batch.size() - 1), 0u);
  for (const std::int32_t length : {-1, 0, 48, std::numeric_limits<std::int32_t>::min()}) {
    store_be(batch.data() + batch_format::length_at, length);
    EXPECT_EQ(batch_size(batch, std::numeric_limits<std::size_t>::max()), 0u) << length;
  }
  store_be(batch.data() + batch_format::length_at, std::int32_t{49});
  EXPECT_EQ(batch_size(batch, 1 << 20), batch_format::header_bytes);
}

TEST(BatchView, ReadsEveryFieldOfTheHeader) {
  BatchOptions options;
  options.base_offset = Offset{42};
  options.leader_epoch = LeaderEpoch{7};
  options.producer_id = ProducerId{4711};
  options.producer_epoch = ProducerEpoch{3};
  options.base_sequence = 100;
  options.transactional = true;
  const Bytes batch = batch_of(options);
  const BatchView view = parse(batch).value();
  EXPECT_EQ(view.size(), batch.size());
  EXPECT_EQ(view.base_offset(), Offset{42});
  EXPECT_EQ(view.last_offset(), Offset{44});
  EXPECT_EQ(view.next_offset(), Offset{45});
  EXPECT_EQ(view.last_offset_delta(), 2);
  EXPECT_EQ(view.leader_epoch(), LeaderEpoch{7});
  EXPECT_EQ(view.compression(), Compression::none);
  EXPECT_EQ(view.timestamp_type(), TimestampType::create_time);
  EXPECT_TRUE(view.is_transactional());
  EXPECT_FALSE(view.is_control());
  EXPECT_FALSE(view.has_delete_horizon());
  EXPECT_EQ(view.base_timestamp_ms(), 1000);
  EXPECT_EQ(view.max_timestamp_ms(), 1020);
  EXPECT_EQ(view.producer_id(), ProducerId{4711});
  EXPECT_TRUE(view.has_producer_id());
  EXPECT_EQ(view.producer_epoch(), ProducerEpoch{3});
  EXPECT_EQ(view.base_sequence(), 100);
  EXPECT_EQ(view.last_sequence(), 102);
  EXPECT_EQ(view.record_count(), 3);
  EXPECT_EQ(view.crc(), view.computed_crc());
  EXPECT_EQ(view.records().size(), batch.size() - 61);
}

TEST(BatchView, TakesTheFirstOfSeveralBatches) {
  const Bytes first = batch_of({});
  Bytes both = first;
  both.insert(both.end(), first.begin(), first.end());
  EXPECT_EQ(parse(both).value().size(), first.size());
}

TEST(BatchView, RefusesABatchCutOffAnywhere) {
  const Bytes batch = batch_of({});
  for (std::size_t size = 0; size < batch.size(); ++size) {
    const Bytes cut(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(size));
    const auto result = parse(cut);
    ASSERT_TRUE(result.has_error()) << size;
    EXPECT_EQ(result.error().code, Errc::corrupt_message) << size;
  }
}

TEST(BatchView, RefusesEveryFlippedBitUnderTheCrc) {
  Bytes batch = batch_of({});
  for (std::size_t at = batch_format::crc_at; at < batch.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      batch[at] = static_cast<std::uint8_t>(batch[at] ^ (1 << bit));
      const auto result = parse(batch);
      ASSERT_TRUE(result.has_error()) << at;
      EXPECT_EQ(result.error().code, Errc::corrupt_message) << at;
      batch[at] = static_cast<std::uint8_t>(batch[at] ^ (1 << bit));
    }
  }
}

TEST(BatchView, ChecksTheCrcOnlyWhenAsked) {
  Bytes batch = batch_of({});
  batch.back() ^= 1;
  EXPECT_TRUE(parse(batch, BatchView::Check::bounds).has_value());
  EXPECT_TRUE(parse(batch, BatchView::Check::crc).has_error());
}

TEST(BatchView, NamesOldAndUnknownMagics) {
  Bytes batch = batch_of({});
  for (const int magic : {0, 1}) {
    batch[batch_format::magic_at] = static_cast<std::uint8_t>(magic);
    EXPECT_EQ(parse(batch).error().code, Errc::unsupported);
    EXPECT_NE(parse(batch).error().message.find("magic " + std::to_string(magic)),
              std::string::npos);
  }
  for (const int magic : {3, 0x80, 0xFF}) {
    batch[batch_format::magic_at] = static_cast<std::uint8_t>(magic);
    EXPECT_EQ(parse(batch).error().code, Errc::corrupt_message);
  }
  // A message of the old format is shorter than a header of today.
  Bytes old_message(26, 0);
  old_message[batch_format::magic_at] = 1;
  EXPECT_EQ(parse(old_message).error().code, Errc::unsupported);
}

TEST(BatchView, RefusesNegativeCountsAndDeltas) {
  for (const std::size_t at : {batch_format::record_count_at, batch_format::last_offset_delta_at}) {
    Bytes batch = batch_of({});
    store_be(batch.data() + at, std::int32_t{-1});
    stamp_crc(batch);
    EXPECT_EQ(parse(batch).error().code, Errc::invalid_record) << at;
  }
}

TEST(BatchView, LastSequenceWrapsToZero) {
  BatchOptions options;
  options.producer_id = ProducerId{1};
  options.producer_epoch = ProducerEpoch{0};
  options.base_sequence = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(parse(batch_of(options, 1)).value().last_sequence(),
            std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(parse(batch_of(options, 2)).value().last_sequence(), 0);
  EXPECT_EQ(parse(batch_of(options, 3)).value().last_sequence(), 1);
  options.base_sequence = -1;
  EXPECT_EQ(parse(batch_of(options, 3)).value().last_sequence(), -1);
}

TEST(BatchView, OffsetsOfAbsurdBasesWrapInsteadOfOverflowing) {
  Bytes batch = batch_of({});
  store_be(batch.data(), std::numeric_limits<std::int64_t>::max());
  EXPECT_LT(parse(batch).value().last_offset(), Offset{0});
}

TEST(SetBaseOffset, AndLeaderEpochLeaveTheCrcValid) {
  Bytes batch = batch_of({});
  set_base_offset(batch, Offset{1'000'000'000'000});
  set_leader_epoch(batch, LeaderEpoch{9});
  const BatchView view = parse(batch).value();
  EXPECT_EQ(view.base_offset(), Offset{1'000'000'000'000});
  EXPECT_EQ(view.leader_epoch(), LeaderEpoch{9});
}

TEST(SetLogAppendTime, SetsTheBitTheMaximumAndTheCrc) {
  Bytes batch = batch_of({});
  set_log_append_time(batch, 123456);
  const BatchView view = parse(batch).value();
  EXPECT_EQ(view.timestamp_type(), TimestampType::log_append_time);
  EXPECT_EQ(view.max_timestamp_ms(), 123456);
  EXPECT_EQ(view.base_timestamp_ms(), 1000);
}

TEST(SetMaxTimestamp, KeepsCreateTimeAndSetsTheCrc) {
  Bytes batch = batch_of({});
  set_max_timestamp(batch, 2222);
  const BatchView view = parse(batch).value();
  EXPECT_EQ(view.timestamp_type(), TimestampType::create_time);
  EXPECT_EQ(view.max_timestamp_ms(), 2222);
}

}  // namespace
}  // namespace moldau::record
