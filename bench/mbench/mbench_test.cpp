#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <stdexcept>

#include "admin.hpp"
#include "batch.hpp"
#include "group_wire.hpp"
#include "histogram.hpp"
#include "load.hpp"
#include "member.hpp"
#include "options.hpp"
#include "wire.hpp"

namespace moldau::mbench {
namespace {

TEST(Histogram, QuantilesAreWithinOnePercentAbove) {
  Histogram histogram;
  for (std::int64_t i = 1; i <= 1'000'000; ++i) histogram.record(i * 37);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = share * 1e6 * 37;
    EXPECT_GE(static_cast<double>(histogram.quantile_ns(share)), exact * 0.999999) << share;
    EXPECT_LE(static_cast<double>(histogram.quantile_ns(share)), exact * 1.008) << share;
  }
  EXPECT_EQ(histogram.quantile_ns(1.0), 37'000'000U);
  EXPECT_EQ(histogram.count(), 1'000'000U);
}

TEST(Histogram, SmallAndHugeValuesAreKept) {
  Histogram histogram;
  histogram.record(-5);
  histogram.record(127);
  histogram.record(INT64_MAX);
  EXPECT_EQ(histogram.quantile_ns(0.1), 0U);
  EXPECT_EQ(histogram.quantile_ns(0.6), 127U);
  EXPECT_EQ(histogram.quantile_ns(1.0), static_cast<std::uint64_t>(INT64_MAX));
}

TEST(Histogram, AddingTwoIsRecordingBoth) {
  Histogram one, other, both;
  for (std::int64_t i = 0; i < 5000; ++i) {
    (i % 3 == 0 ? one : other).record(i * i);
    both.record(i * i);
  }
  one.add(other);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.max_ns(), both.max_ns());
  EXPECT_EQ(one.quantile_ns(0.5), both.quantile_ns(0.5));
}

TEST(Wire, IntegersAndVarintsRoundTrip) {
  Writer out;
  out.be(std::int32_t{-2}).uvarint(300).varint(-77).varint(INT64_MIN).compact_string("abc");
  EXPECT_EQ(out.bytes()[0], 0xff);
  EXPECT_EQ(out.bytes()[4], 0xac);
  EXPECT_EQ(out.bytes()[5], 0x02);
  Reader in(out.bytes().data(), out.size());
  EXPECT_EQ(in.be<std::int32_t>(), -2);
  EXPECT_EQ(in.uvarint(), 300U);
  EXPECT_EQ(in.varint(), -77);
  EXPECT_EQ(in.varint(), INT64_MIN);
  EXPECT_EQ(in.compact_string(), "abc");
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.left(), 0U);
}

TEST(Wire, ReadingPastTheEndIsNoticedAndHarmless) {
  const Bytes three{1, 2, 3};
  Reader in(three.data(), three.size());
  EXPECT_EQ(in.be<std::int32_t>(), 0);
  EXPECT_FALSE(in.ok());
  const Bytes long_string{0x80, 0x80, 0x01, 'x'};
  Reader text(long_string.data(), long_string.size());
  EXPECT_EQ(text.compact_string(), "");
  EXPECT_FALSE(text.ok());
}

TEST(Crc, IsTheCastagnoliPolynomial) {
  const std::string digits = "123456789";
  const auto* data = reinterpret_cast<const std::uint8_t*>(digits.data());
  EXPECT_EQ(crc_end(crc_add(crc_begin, data, 9)), 0xe3069283U);
  EXPECT_EQ(crc_end(crc_add(crc_add(crc_begin, data, 4), data + 4, 5)), 0xe3069283U);
}

std::uint32_t crc_of(const Bytes& batch) {
  return crc_end(crc_add(crc_begin, batch.data() + batch_at::checked_from,
                         batch.size() - batch_at::checked_from));
}

TEST(Batch, HeaderDescribesWhatFollows) {
  const Batch batch = make_batch({1000, 16, Codec::none}, 1, 1234567);
  const std::uint8_t* bytes = batch.bytes.data();
  EXPECT_EQ(load_be<std::int32_t>(bytes + batch_at::length),
            static_cast<std::int32_t>(batch.bytes.size() - 12));
  EXPECT_EQ(load_be<std::int32_t>(bytes + batch_at::last_offset_delta), 15);
  EXPECT_EQ(load_be<std::int32_t>(bytes + batch_at::records_count), 16);
  EXPECT_EQ(load_be<std::uint32_t>(bytes + batch_at::crc), crc_of(batch.bytes));
  EXPECT_GT(batch.bytes.size(), 16000U);
  EXPECT_LT(batch.bytes.size(), 16000U + 61 + 16 * 12);
}

TEST(Batch, StampIsTheFirstEightBytesOfTheFirstValue) {
  Batch batch = make_batch({1000, 2, Codec::none}, 1, 0);
  stamp(batch.bytes, batch.first_value_at, 0x0102030405060708);
  EXPECT_EQ(load_be<std::uint32_t>(batch.bytes.data() + batch_at::crc), crc_of(batch.bytes));
  Reader record(batch.bytes.data() + batch_at::records, 64);
  record.varint();
  record.be<std::int8_t>();
  EXPECT_EQ(record.varint(), 0);     // timestamp delta
  EXPECT_EQ(record.varint(), 0);     // offset delta
  EXPECT_EQ(record.varint(), -1);    // no key
  EXPECT_EQ(record.varint(), 1000);  // value
  EXPECT_EQ(record.be<std::int64_t>(), 0x0102030405060708);
}

TEST(Batch, EveryCodecHalvesThePayloadAndSaysSo) {
  const std::size_t plain = make_batch({1000, 120, Codec::none}, 1, 0).bytes.size();
  for (const auto codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const Batch batch = make_batch({1000, 120, codec}, 1, 0);
    const double ratio = static_cast<double>(plain) / static_cast<double>(batch.bytes.size());
    EXPECT_GT(ratio, 1.7) << static_cast<int>(codec);
    EXPECT_LT(ratio, 2.1) << static_cast<int>(codec);
    EXPECT_EQ(load_be<std::int16_t>(batch.bytes.data() + batch_at::checked_from),
              static_cast<std::int16_t>(codec));
    EXPECT_EQ(batch.first_value_at, 0U);
  }
}

Options parsed(const std::vector<std::string>& arguments) {
  return parse_options(arguments);
}

TEST(Options, AreReadByName) {
  const Options options =
      parsed({"--server", "127.0.0.1:9093,127.0.0.2:9094", "--rate", "2.5", "--codec", "zstd",
              "--topic-config", "flush.messages=1", "--no-create", "--in-flight", "7"});
  ASSERT_EQ(options.servers.size(), 2U);
  EXPECT_EQ(options.servers[1].host, "127.0.0.2");
  EXPECT_EQ(options.servers[1].port, 9094);
  EXPECT_EQ(options.rate, 2.5);
  EXPECT_EQ(options.codec, Codec::zstd);
  EXPECT_EQ(options.topic_config.front().first, "flush.messages");
  EXPECT_FALSE(options.create);
  EXPECT_EQ(options.in_flight, 7);
}

TEST(Options, WhatCannotBeMeantIsRefused) {
  const std::vector<std::vector<std::string>> wrong = {
      {"--conections", "1"},   {"--connections"},        {"--connections", "0"},
      {"--connections", "1x"}, {"--server", "nowhere"},  {"--codec", "rar"},
      {"--acks", "0"},         {"--record-bytes", "7"},  {"--topic-config", "flush.messages"},
      {"--rate", "-1"},        {"--server", "h:700000"}, {"--protocol", "share"},
      {"--members", "0"},
  };
  for (const auto& arguments : wrong) {
    EXPECT_THROW(parsed(arguments), std::invalid_argument) << arguments.front();
  }
}

TEST(Frame, HeadCarriesItsLengthAndCorrelation) {
  Writer request = request_head(api_fetch, 12, 0x01020304);
  finish_frame(request.bytes());
  const std::uint8_t* bytes = request.bytes().data();
  EXPECT_EQ(load_be<std::uint32_t>(bytes), request.size() - 4);
  EXPECT_EQ(load_be<std::int16_t>(bytes + 4), 1);
  EXPECT_EQ(load_be<std::int16_t>(bytes + 6), 12);
  EXPECT_EQ(load_be<std::int32_t>(bytes + correlation_at), 0x01020304);
}

// What stands behind the head of a request: key, version, correlation, client id, tags.
Reader body_of(const Bytes& frame) {
  return {frame.data() + 14 + client_id.size() + 1, frame.size() - 15 - client_id.size()};
}

TEST(GroupWire, CommitFrameHasItsOffsetWhereItSays) {
  CommitFrame frame = commit_frame({"g", "m", 7}, "topic", 3);
  store_be(frame.bytes.data() + frame.offset_at, std::int64_t{0x0102030405060708});
  Reader reader = body_of(frame.bytes);
  EXPECT_EQ(reader.compact_string(), "g");
  EXPECT_EQ(reader.be<std::int32_t>(), 7);
  EXPECT_EQ(reader.compact_string(), "m");
  EXPECT_EQ(reader.uvarint(), 0U);  // no instance
  EXPECT_EQ(reader.compact_size(), 1U);
  EXPECT_EQ(reader.compact_string(), "topic");
  EXPECT_EQ(reader.compact_size(), 1U);
  EXPECT_EQ(reader.be<std::int32_t>(), 3);
  EXPECT_EQ(reader.be<std::int64_t>(), 0x0102030405060708);
  EXPECT_EQ(reader.be<std::int32_t>(), -1);
  EXPECT_EQ(reader.compact_string(), "");
  for (int tags = 0; tags < 3; ++tags) reader.tags();
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.left(), 0U);
}

TEST(GroupWire, SharesAreContiguousAndDifferByOne) {
  const auto shares = equal_shares({"a", "b", "c"}, 7);
  ASSERT_EQ(shares.size(), 3U);
  EXPECT_EQ(shares[0].partitions, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(shares[1].partitions, (std::vector<std::int32_t>{3, 4}));
  EXPECT_EQ(shares[2].partitions, (std::vector<std::int32_t>{5, 6}));
  EXPECT_TRUE(equal_shares({"a", "b"}, 1)[1].partitions.empty());
}

// The share that a leader's SyncGroup holds is what the member reads from its answer.
TEST(GroupWire, AnAssignmentSentIsTheAssignmentRead) {
  Writer request = sync_request({"g", "a", 1}, "topic", {{"a", {4, 9}}});
  Reader sent = body_of(request.bytes());
  sent.compact_string();
  sent.be<std::int32_t>();
  sent.compact_string();
  sent.uvarint();
  sent.compact_string();
  sent.compact_string();
  ASSERT_EQ(sent.compact_size(), 1U);
  EXPECT_EQ(sent.compact_string(), "a");
  const std::string_view bytes = sent.compact_string();
  Writer answer;
  answer.be(std::int32_t{0}).be(std::int16_t{0}).compact_null().compact_null();
  answer.compact_string(bytes).no_tags();
  const SyncAnswer read = parse_sync({answer.bytes().data(), answer.size()});
  EXPECT_EQ(read.error, 0);
  EXPECT_EQ(read.partitions, (std::vector<std::int32_t>{4, 9}));
  EXPECT_THROW(parse_sync({answer.bytes().data(), answer.size() - 8}), std::runtime_error);
}

TEST(GroupWire, AMemberThatIsNoLeaderReadsAnEmptyShare) {
  Writer answer;
  answer.be(std::int32_t{0}).be(std::int16_t{27}).compact_null().compact_null();
  answer.compact_string("").no_tags();
  const SyncAnswer read = parse_sync({answer.bytes().data(), answer.size()});
  EXPECT_EQ(read.error, 27);
  EXPECT_TRUE(read.partitions.empty());
}

TEST(GroupWire, JoinAnswerNamesMembersAndLeader) {
  Writer answer;
  answer.be(std::int32_t{0}).be(std::int16_t{0}).be(std::int32_t{5});
  answer.compact_string("consumer").compact_string("range").compact_string("b");
  answer.be(std::int8_t{0}).compact_string("b").compact_array(2);
  for (const char* id : {"a", "b"}) {
    answer.compact_string(id).compact_null().compact_string("meta").no_tags();
  }
  answer.no_tags();
  const JoinAnswer read = parse_join({answer.bytes().data(), answer.size()});
  EXPECT_EQ(read.generation, 5);
  EXPECT_EQ(read.leader, "b");
  EXPECT_EQ(read.member_id, "b");
  EXPECT_EQ(read.members, (std::vector<std::string>{"a", "b"}));
  EXPECT_THROW(parse_join({answer.bytes().data(), 20}), std::runtime_error);
}

TEST(GroupWire, ConsumerHeartbeatAnswerWithAndWithoutAssignment) {
  Writer answer;
  answer.be(std::int32_t{0}).be(std::int16_t{0}).compact_null().compact_string("m");
  answer.be(std::int32_t{3}).be(std::int32_t{5000});
  Writer none = answer;
  none.be(std::int8_t{-1}).no_tags();
  EXPECT_FALSE(parse_consumer_heartbeat({none.bytes().data(), none.size()}).has_assignment);
  answer.be(std::int8_t{1}).compact_array(1);
  for (std::uint8_t i = 0; i < 16; ++i) answer.be(i);
  answer.compact_array(2).be(std::int32_t{1}).be(std::int32_t{8}).no_tags().no_tags().no_tags();
  const auto read = parse_consumer_heartbeat({answer.bytes().data(), answer.size()});
  EXPECT_EQ(read.epoch, 3);
  EXPECT_EQ(read.interval_ms, 5000);
  EXPECT_TRUE(read.has_assignment);
  EXPECT_EQ(read.topic_id[15], 15);
  EXPECT_EQ(read.partitions, (std::vector<std::int32_t>{1, 8}));
}

TEST(Member, StableSharesCoverEverythingOnceAndEvenly) {
  EXPECT_TRUE(are_equal_shares({{0, 1}, {2}, {3, 4}}, 5));
  EXPECT_FALSE(are_equal_shares({{0, 1}, {2}, {3}}, 5)) << "one is owned by nobody";
  EXPECT_FALSE(are_equal_shares({{0, 1}, {1, 2}}, 3)) << "one is owned twice";
  EXPECT_FALSE(are_equal_shares({{0, 1, 2}, {3}}, 4)) << "one has more than its share";
  EXPECT_FALSE(are_equal_shares({{0, 1}, {7}}, 3)) << "one does not exist";
  EXPECT_TRUE(are_equal_shares({{0}, {}}, 1));
}

TEST(Load, ASchedulesMomentsDoNotDrift) {
  EXPECT_EQ(due_ns(100, 0, 10'000), 100);
  EXPECT_EQ(due_ns(100, 36'000'000, 10'000), 100 + 3'600'000'000'000);
}

}  // namespace
}  // namespace moldau::mbench
