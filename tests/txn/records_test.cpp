// The records of __transaction_state against those of a real Kafka (golden/records.tsv, recorded by referee.py): the
// same bytes, and the same meaning as Kafka's own dump-log gives them.  And what other bytes are taken for.

#include "moldau/txn/records.hpp"

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

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

struct GoldenRecord {
  coordinator::EncodedRecord bytes;
  std::string key_json;
  std::string value_json;
};

Bytes from_hex(std::string_view text) {
  Bytes bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, bytes[i], 16);
  return bytes;
}

std::vector<GoldenRecord> golden_records() {
  std::ifstream file(MOLDAU_SOURCE_DIR "/tests/txn/golden/records.tsv");
  std::vector<GoldenRecord> records;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    std::string key;
    std::string value;
    auto& record = records.emplace_back();
    std::getline(columns, key, '\t');
    std::getline(columns, value, '\t');
    std::getline(columns, record.key_json, '\t');
    std::getline(columns, record.value_json, '\t');
    record.bytes.key = from_hex(key);
    if (value != "-") record.bytes.value = from_hex(value);
  }
  return records;
}

/// As Kafka's converter writes a value: tagged fields are left out at their defaults.
class KafkasJson {
 public:
  explicit KafkasJson(std::int16_t version) : version_(version) {}
  template <class T>
  void operator()(const char* name, const T& value, codec::FieldSpec spec) {
    if (!spec.present(version_)) return;
    std::ostringstream printed;
    print(printed, value);
    if (spec.is_tagged(version_) && is_default(name, printed.str())) return;
    text += std::string(text.empty() ? "" : ",") + "\"" + camel_case(name) + "\":" + printed.str();
  }
  std::string text;

 private:
  static bool is_default(std::string_view name, std::string_view printed) {
    return printed == (name == "client_transaction_version" ? "0" : "-1");
  }
  static std::string camel_case(std::string_view name) {
    std::string result;
    for (std::size_t i = 0; i < name.size(); ++i)
      result += name[i] == '_' ? static_cast<char>(std::toupper(name[++i])) : name[i];
    return result;
  }
  static void print(std::ostream& out, std::integral auto value) { out << value; }
  template <base::IsStrongType T>
  static void print(std::ostream& out, T value) {
    out << value.value();
  }
  static void print(std::ostream& out, TransactionState state) { out << static_cast<int>(state); }
  static void print(std::ostream& out,
                    const std::optional<std::vector<TransactionRecord::Partitions>>& topics) {
    if (!topics) {
      out << "null";
      return;
    }
    const char* between = "[";
    if (topics->empty()) out << between;
    for (const auto& [topic, ids] : *topics) {
      out << std::exchange(between, ",") << "{\"topic\":\"" << topic << "\",\"partitionIds\":[";
      const char* comma = "";
      for (const auto id : ids) out << std::exchange(comma, ",") << id;
      out << "]}";
    }
    out << "]";
  }

  const std::int16_t version_;
};

std::string json_of(const TransactionRecord& record) {
  if (!record.value) return "<DELETE>";
  KafkasJson json(record.value_version);
  TransactionRecord::Value::fields(json, *record.value);
  return "{\"version\":\"" + std::to_string(record.value_version) + "\",\"data\":{" + json.text + "}}";
}

TEST(TransactionRecordGolden, HasEveryStateInBothVersionsAndTombstones) {
  std::map<std::string, int> seen;
  for (const auto& golden : golden_records()) {
    const auto record = decoded(golden.bytes);
    ASSERT_TRUE(record) << golden.key_json;
    if (!record->value) {
      ++seen["tombstone"];
      continue;
    }
    const auto& value = *record->value;
    ++seen[std::string(state_name(value.state))];
    ++seen["version " + std::to_string(record->value_version)];
    ++seen["client " + std::to_string(value.client_transaction_version)];
    if (value.next_producer_id != no_producer_id) ++seen["next producer id"];
    if (value.previous_producer_id != value.producer_id) ++seen["other producer id"];
    if (value.partitions && value.partitions->size() > 1) ++seen["several topics"];
  }
  for (const auto* what :
       {"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort",
        "tombstone", "version 0", "version 1", "client 0", "client 2", "next producer id",
        "other producer id", "several topics"})
    EXPECT_GT(seen[what], 0) << what;
}

TEST(TransactionRecordGolden, EveryRecordHasTheMeaningThatKafkaGivesIt) {
  for (const auto& golden : golden_records()) {
    const auto record = decoded(golden.bytes);
    ASSERT_TRUE(record) << to_string(record.error());
    EXPECT_EQ("{\"type\":\"0\",\"data\":{\"transactionalId\":\"" + record->transactional_id + "\"}}",
              golden.key_json);
    EXPECT_EQ(json_of(*record), golden.value_json);
  }
}

TEST(TransactionRecordGolden, EveryRecordEncodesToTheBytesThatKafkaWrote) {
  for (const auto& golden : golden_records()) {
    const auto encoded = encode(decoded(golden.bytes).value());
    EXPECT_EQ(encoded.key, golden.bytes.key) << golden.key_json;
    EXPECT_EQ(encoded.value, golden.bytes.value) << golden.value_json;
  }
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
