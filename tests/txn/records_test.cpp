// The records of __transaction_state, and what bytes that are none are taken for.

#include "moldau/txn/records.hpp"

#include <gtest/gtest.h>

#include <array>

#include "moldau/base/random.hpp"

namespace moldau::txn {
namespace {

using base::ByteView;
using base::Errc;
using Bytes = std::vector<std::uint8_t>;

constexpr std::array<std::int16_t, 2> both_versions{0, 1};

TransactionRecord record_with(std::int16_t version) {
  TransactionRecord record{.transactional_id = "a-transaction", .value = std::nullopt};
  record.value_version = version;
  auto& value = record.value.emplace();
  value.producer_id = ProducerId{4'000};
  value.producer_epoch = ProducerEpoch{7};
  value.timeout_ms = 60'000;
  value.state = TransactionState::prepare_commit;
  value.partitions = {{"bar", {0}}, {"foo", {0, 3}}};
  value.last_update_ms = 1'700'000'000'123;
  value.start_ms = 1'700'000'000'000;
  if (version > 0) {
    value.previous_producer_id = ProducerId{3'999};
    value.next_producer_id = ProducerId{4'001};
    value.client_transaction_version = 2;
    value.next_producer_epoch = ProducerEpoch{1};
  }
  return record;
}

base::Result<TransactionRecord> decoded(const coordinator::EncodedRecord& encoded) {
  std::optional<ByteView> value;
  if (encoded.value) value = *encoded.value;
  return decode(encoded.key, value);
}

TEST(TransactionRecords, ComeBackAsTheyWereWritten) {
  for (const auto version : both_versions) {
    auto record = record_with(version);
    EXPECT_EQ(decoded(encode(record)).value(), record) << version;
    record.value->partitions.reset();
    record.value->state = TransactionState::empty;
    EXPECT_EQ(decoded(encode(record)).value(), record) << version;
  }
  const TransactionRecord tombstone{.transactional_id = "t", .value = std::nullopt};
  EXPECT_FALSE(encode(tombstone).value);
  EXPECT_EQ(decoded(encode(tombstone)).value(), tombstone);
}

TEST(TransactionRecords, OfVersion0KnowNoMoreThanKafkasOf011) {
  auto record = record_with(1);
  record.value_version = 0;
  EXPECT_EQ(decoded(encode(record)).value(), record_with(0));
}

TEST(TransactionRecords, OfOtherTypesAndVersionsAreUnsupported) {
  for (const int type : {-1, 1, 1'000}) {
    auto encoded = encode(record_with(1));
    base::store_be(encoded.key.data(), static_cast<std::int16_t>(type));
    EXPECT_EQ(decoded(encoded).error().code, Errc::unsupported) << type;
  }
  for (const int version : {-1, 2, 1'000}) {
    auto encoded = encode(record_with(1));
    base::store_be(encoded.value->data(), static_cast<std::int16_t>(version));
    EXPECT_EQ(decoded(encoded).error().code, Errc::unsupported) << version;
  }
}

TEST(TransactionRecords, InAStateThatNoLogHasAreCorrupt) {
  for (const int state : {-1, 6, 7, 8, 127}) {
    auto record = record_with(1);
    record.value->state = static_cast<TransactionState>(state);
    EXPECT_EQ(decoded(encode(record)).error().code, Errc::corrupt_message) << state;
  }
}

TEST(TransactionRecords, CutOffOrTooLongAreCorrupt) {
  for (const auto version : both_versions) {
    const auto encoded = encode(record_with(version));
    const ByteView key(encoded.key);
    const ByteView value(*encoded.value);
    for (std::size_t size = 0; size < key.size(); ++size)
      EXPECT_EQ(decode(key.first(size), value).error().code, Errc::corrupt_message) << size;
    for (std::size_t size = 0; size < value.size(); ++size)
      EXPECT_EQ(decode(key, value.first(size)).error().code, Errc::corrupt_message) << size;
    Bytes longer = encoded.key;
    longer.push_back(0);
    EXPECT_EQ(decode(longer, value).error().code, Errc::corrupt_message);
    longer = *encoded.value;
    longer.push_back(0);
    EXPECT_EQ(decode(key, longer).error().code, Errc::corrupt_message);
  }
  // An id that is null, and one that says it is longer than there are bytes.
  EXPECT_EQ(decode(Bytes{0, 0, 0xff, 0xff}, std::nullopt).error().code, Errc::corrupt_message);
  EXPECT_EQ(decode(Bytes{0, 0, 0x7f, 0xff, 'a'}, std::nullopt).error().code, Errc::corrupt_message);
}

TEST(TransactionRecords, OfBytesThatWereChangedAreRefusedOrWhatTheySay) {
  base::SeededRandom random(7);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto encoded = encode(record_with(static_cast<std::int16_t>(i % 2)));
    for (auto left = 1 + random.next() % 3; left > 0; --left)
      (*encoded.value)[random.next() % encoded.value->size()] = static_cast<std::uint8_t>(random.next());
    const auto record = decoded(encoded);
    if (!record) continue;
    ++accepted;
    // What is accepted is stable.
    EXPECT_EQ(decoded(encode(*record)).value(), *record);
  }
  EXPECT_GT(accepted, 1'000);
}

TEST(TransactionStates, HaveKafkasNames) {
  for (int number = 0; number < 8; ++number) {
    const auto state = static_cast<TransactionState>(number);
    EXPECT_EQ(state_of(state_name(state)), state);
  }
  EXPECT_EQ(state_name(TransactionState::complete_abort), "CompleteAbort");
  EXPECT_FALSE(state_of("completeabort"));
  EXPECT_FALSE(state_of(""));
}

}  // namespace
}  // namespace moldau::txn
