// The records of __consumer_offsets against those of a real Kafka (golden/records.tsv, recorded by
// record_golden.py): the same bytes, and the same meaning as Kafka's own JSON converters give them.

#include "moldau/group/records.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "moldau/base/random.hpp"
#include "tests/support/rounds.hpp"

namespace moldau::group {
namespace {

using base::ByteView;
using base::Errc;

struct GoldenRecord {
  std::string line;
  Bytes key;
  std::optional<Bytes> value;
  std::string key_json;
  std::string value_json;

  [[nodiscard]] std::int16_t type() const { return base::load_be<std::int16_t>(key.data()); }
  [[nodiscard]] std::int16_t version() const { return base::load_be<std::int16_t>(value->data()); }
};

Bytes from_hex(std::string_view text) {
  Bytes bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, bytes[i], 16);
  return bytes;
}

std::vector<GoldenRecord> golden_records() {
  std::ifstream file(MOLDAU_SOURCE_DIR "/tests/group/golden/records.tsv");
  std::vector<GoldenRecord> records;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    std::string key;
    std::string value;
    GoldenRecord record{.line = line, .key = {}, .value = {}, .key_json = {}, .value_json = {}};
    std::getline(columns, key, '\t');
    std::getline(columns, value, '\t');
    std::getline(columns, record.key_json, '\t');
    std::getline(columns, record.value_json, '\t');
    record.key = from_hex(key);
    if (value != "-") record.value = from_hex(value);
    records.push_back(std::move(record));
  }
  return records;
}

base::Result<Record> decoded(const GoldenRecord& golden) {
  std::optional<ByteView> value;
  if (golden.value) value = *golden.value;
  return decode(golden.key, value);
}

constexpr std::array<std::int16_t, 10> known_types{0, 1, 2, 3, 4, 5, 6, 7, 8, 16};
bool is_known(std::int16_t type) {
  return std::ranges::find(known_types, type) != known_types.end();
}

/// The version of a value that Kafka 4.3.1 writes, and so do we.
bool is_version_written(const GoldenRecord& golden) {
  if (golden.type() == 0) return false;
  if (!golden.value) return true;
  if (golden.type() == 1) return golden.version() == 4 || golden.version() == 1;
  if (golden.type() == 2) return golden.version() == 3;
  return golden.type() != 4;
}

std::string camel_case(std::string_view name) {
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '_') {
      result += static_cast<char>(std::toupper(name[++i]));
    } else {
      result += name[i];
    }
  }
  return result;
}

std::string base64(ByteView bytes, bool is_uuid) {
  const std::string_view digits =
      is_uuid ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
              : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? bytes[i + j] : 0U);
    const std::size_t used = std::min<std::size_t>(bytes.size() - i, 3) + 1;
    for (std::size_t j = 0; j < used; ++j) text += digits[group >> (18 - 6 * j) & 63];
    if (!is_uuid) text.append(4 - used, '=');
  }
  return text;
}

/// A value as Kafka's JSON: its names, its order, its way to leave out tagged fields at their
/// default.
class JsonDump {
 public:
  explicit JsonDump(codec::Version version) : version_(version) {}

  template <class T>
  void operator()(const char* name, const T& value, codec::FieldSpec spec) {
    if (!spec.present(version_) || (spec.is_tagged(version_) && is_left_out(value))) return;
    text += text.ends_with('{') ? "\"" : ",\"";
    text += camel_case(name) + "\":";
    print(value);
  }

  void print(std::integral auto value) { text += std::to_string(value); }
  void print(const std::string& value) { text += '"' + value + '"'; }
  void print(const Bytes& value) { text += '"' + base64(value, false) + '"'; }
  void print(const base::Uuid& value) { text += '"' + base64(value.bytes, true) + '"'; }
  template <base::IsStrongType T>
  void print(T value) {
    print(value.value());
  }
  template <class T>
  void print(const std::vector<T>& values) {
    text += '[';
    for (const T& value : values) {
      if (!text.ends_with('[')) text += ',';
      print(value);
    }
    text += ']';
  }
  template <class T>
  void print(const std::optional<T>& value) {
    if (value) {
      print(*value);
    } else {
      text += "null";
    }
  }
  template <codec::FieldList T>
  void print(const T& value) {
    text += '{';
    T::fields(*this, value);
    text += '}';
  }

  std::string text;

 private:
  template <class T>
  static bool is_left_out(const T& value) {
    return !requires { value.has_value(); } && value == T{};
  }

  codec::Version version_;
};

std::string json(const auto& value, codec::Version version) {
  JsonDump dump(version);
  dump.print(value);
  return dump.text;
}

/// The value of an offset has no fields(): it is not in the shape of the wire.
std::string json(const OffsetCommitRecord::Value& value, codec::Version version) {
  std::string text = "{\"offset\":" + std::to_string(value.offset.value());
  if (version >= 3) text += ",\"leaderEpoch\":" + std::to_string(value.leader_epoch.value());
  text += ",\"metadata\":\"" + value.metadata +
          "\",\"commitTimestamp\":" + std::to_string(value.commit_timestamp_ms);
  if (value.expire_timestamp_ms)
    text += ",\"expireTimestamp\":" + std::to_string(*value.expire_timestamp_ms);
  if (value.topic_id != TopicId{})
    text += ",\"topicId\":\"" + base64(value.topic_id.bytes, true) + '"';
  return text + '}';
}

std::string json(const std::vector<TopicPartitions>& value, codec::Version version) {
  JsonDump dump(version);
  dump.print(value);
  return "{\"topicPartitions\":" + dump.text + '}';
}

std::string value_json(const Record& record, const GoldenRecord& golden) {
  return std::visit(
      [&](const auto& r) -> std::string {
        if constexpr (requires { r.value; }) {
          return r.value ? json(*r.value, golden.version()) : "-";
        } else {
          return r.is_tombstone ? "-" : golden.value_json;  // What it says is of no use to anybody.
        }
      },
      record);
}

std::string key_json(const Record& record) {
  return std::visit(
      [&](const auto& r) {
        const std::string group = '"' + r.group_id + '"';
        if constexpr (requires { r.topic; }) {
          return "{\"group\":" + group + ",\"topic\":\"" + r.topic +
                 "\",\"partition\":" + std::to_string(r.partition.value()) + '}';
        } else if constexpr (requires { r.member_id; }) {
          return "{\"groupId\":" + group + ",\"memberId\":\"" + r.member_id + "\"}";
        } else if constexpr (requires { r.regex; }) {
          return "{\"groupId\":" + group + ",\"regularExpression\":\"" + r.regex + "\"}";
        } else if constexpr (std::is_same_v<std::decay_t<decltype(r)>, GroupMetadataRecord>) {
          return "{\"group\":" + group + '}';
        } else {
          return "{\"groupId\":" + group + '}';
        }
      },
      record);
}

TEST(GroupRecordGolden, HasEveryTypeAndVersionThatKafkaReads) {
  std::map<std::int16_t, std::set<std::string>> seen;
  for (const auto& golden : golden_records())
    seen[golden.type()].insert(golden.value ? std::to_string(golden.version()) : "tombstone");
  const std::set<std::string> only_0{"0", "tombstone"};
  EXPECT_EQ(seen[0], (std::set<std::string>{"0"}));
  EXPECT_EQ(seen[1], (std::set<std::string>{"0", "1", "2", "3", "4", "tombstone"}));
  EXPECT_EQ(seen[2], (std::set<std::string>{"0", "1", "2", "3", "4", "tombstone"}));
  for (const int type : {3, 4, 5, 6, 7, 8, 16})
    EXPECT_EQ(seen[static_cast<std::int16_t>(type)], only_0) << type;
}

TEST(GroupRecordGolden, EveryRecordHasTheMeaningThatKafkaGivesIt) {
  for (const auto& golden : golden_records()) {
    SCOPED_TRACE(golden.line);
    if (!is_known(golden.type())) continue;
    const auto record = decoded(golden);
    ASSERT_TRUE(record) << to_string(record.error());
    EXPECT_EQ(key_json(*record), golden.key_json);
    EXPECT_EQ(value_json(*record, golden), golden.value_json);
  }
}

TEST(GroupRecordGolden, EveryRecordEncodesToTheBytesThatKafkaWrote) {
  int count = 0;
  for (const auto& golden : golden_records()) {
    SCOPED_TRACE(golden.line);
    if (!is_known(golden.type()) || !is_version_written(golden)) continue;
    const auto record = decoded(golden);
    ASSERT_TRUE(record) << to_string(record.error());
    const EncodedRecord encoded = encode(*record);
    EXPECT_EQ(encoded.key, golden.key);
    EXPECT_EQ(encoded.value, golden.value);
    ++count;
  }
  EXPECT_GT(count, 100);
}

TEST(GroupRecordGolden, OldVersionsComeBackInTheOneThatIsWritten) {
  for (const auto& golden : golden_records()) {
    SCOPED_TRACE(golden.line);
    if (!is_known(golden.type()) || is_version_written(golden) || golden.type() == 4) continue;
    const auto record = decoded(golden);
    ASSERT_TRUE(record) << to_string(record.error());
    const EncodedRecord encoded = encode(*record);
    ASSERT_TRUE(encoded.value);
    const auto again = decode(encoded.key, *encoded.value);
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(*again, *record);
  }
}

TEST(GroupRecords, OfOtherTypesAreUnsupported) {
  int count = 0;
  for (const auto& golden : golden_records()) {
    if (is_known(golden.type())) continue;
    const auto record = decoded(golden);
    ASSERT_FALSE(record) << golden.line;
    EXPECT_EQ(record.error().code, Errc::unsupported) << golden.line;
    ++count;
  }
  EXPECT_GT(count, 0) << "those of share groups";
}

TEST(GroupRecords, WithAValueOfAnotherVersionAreUnsupported) {
  for (auto golden : golden_records()) {
    if (!is_known(golden.type()) || !golden.value) continue;
    for (const int version : {-1, 5, 1000}) {
      base::store_be(golden.value->data(), static_cast<std::int16_t>(version));
      const auto record = decoded(golden);
      ASSERT_FALSE(record) << golden.line;
      EXPECT_EQ(record.error().code, Errc::unsupported) << golden.line;
    }
  }
}

TEST(GroupRecords, CutOffOrTooLongAreCorrupt) {
  for (const auto& golden : golden_records()) {
    SCOPED_TRACE(golden.line);
    if (!is_known(golden.type())) continue;
    std::optional<ByteView> value;
    if (golden.value) value = *golden.value;
    for (std::size_t size = 0; size < golden.key.size(); ++size) {
      const auto record = decode(ByteView(golden.key).first(size), value);
      ASSERT_FALSE(record) << size;
      EXPECT_EQ(record.error().code, Errc::corrupt_message) << size;
    }
    Bytes longer = golden.key;
    longer.push_back(0);
    EXPECT_EQ(decode(longer, value).error().code, Errc::corrupt_message);
    if (!golden.value || golden.type() == 4) continue;
    for (std::size_t size = 0; size < golden.value->size(); ++size) {
      const auto record = decode(golden.key, ByteView(*golden.value).first(size));
      ASSERT_FALSE(record) << size;
      EXPECT_EQ(record.error().code, Errc::corrupt_message) << size;
    }
    longer = *golden.value;
    longer.push_back(0);
    EXPECT_EQ(decode(golden.key, longer).error().code, Errc::corrupt_message);
  }
}

/// What is accepted is stable: it encodes to something that decodes to the same.
void expect_harmless(const Bytes& key, const std::optional<Bytes>& value) {
  std::optional<ByteView> view;
  if (value) view = *value;
  const auto record = decode(key, view);
  if (!record) {
    EXPECT_TRUE(record.error().code == Errc::corrupt_message ||
                record.error().code == Errc::unsupported)
        << to_string(record.error());
    EXPECT_FALSE(record.error().message.empty());
    return;
  }
  if (std::holds_alternative<ConsumerGroupPartitionMetadataRecord>(*record)) return;
  const EncodedRecord encoded = encode(*record);
  const auto again =
      encoded.value ? decode(encoded.key, *encoded.value) : decode(encoded.key, std::nullopt);
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(*again, *record);
}

TEST(GroupRecords, ChangedAtRandomAreHarmless) {
  base::SeededRandom random(11);
  const auto records = golden_records();
  for (int i = 0; i < support::rounds(20'000); ++i) {
    GoldenRecord golden = records[random.next() % records.size()];
    Bytes& bytes = golden.value && random.next() % 4 != 0 ? *golden.value : golden.key;
    for (std::uint64_t n = 1 + random.next() % 3; n > 0; --n)
      bytes[random.next() % bytes.size()] =
          static_cast<std::uint8_t>(random.next() % 3 == 0 ? 0xFF : random.next());
    ASSERT_NO_FATAL_FAILURE(expect_harmless(golden.key, golden.value)) << golden.line;
  }
}

TEST(GroupRecords, OfAMillionTopicsInFewBytesAreCorrupt) {
  const auto key = encode(RegularExpressionRecord{.group_id = "g", .regex = "r", .value = {}}).key;
  const Bytes value{0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F};
  EXPECT_EQ(decode(key, value).error().code, Errc::corrupt_message);
}

TEST(GroupRecords, AnAssignmentWhoseEpochsAreNullHasNone) {
  const auto key =
      encode(CurrentMemberAssignmentRecord{.group_id = "g", .member_id = "m", .value = {}}).key;
  Bytes value(2 + 4 + 4 + 1, 0);     // version, epochs, state
  value.push_back(2);                // one topic:
  value.insert(value.end(), 16, 7);  // its id,
  value.push_back(1);                // no partitions,
  const Bytes tag{1, 0, 1, 0};       // one tagged field: 0, of one byte, null
  value.insert(value.end(), tag.begin(), tag.end());
  value.insert(value.end(), {1, 0});  // nothing to revoke, and no tagged field
  const auto record = decode(key, value);
  ASSERT_TRUE(record) << to_string(record.error());
  const auto& owned = std::get<CurrentMemberAssignmentRecord>(*record).value->assigned.at(0);
  EXPECT_TRUE(owned.assignment_epochs.empty());
}

TEST(GroupRecords, AnOffsetWithItsOwnExpiryIsOfVersion1AndLosesWhatThatHasNot) {
  OffsetCommitRecord record{
      .group_id = "g", .topic = "t", .partition = PartitionIndex{3}, .value = {}};
  record.value = {.offset = Offset{7},
                  .leader_epoch = LeaderEpoch{5},
                  .metadata = "m",
                  .commit_timestamp_ms = 100,
                  .expire_timestamp_ms = 200,
                  .topic_id = TopicId{{1}}};
  const auto encoded = encode(record);
  ASSERT_TRUE(encoded.value);
  EXPECT_EQ(base::load_be<std::int16_t>(encoded.value->data()), 1);
  const auto again = decode(encoded.key, *encoded.value);
  ASSERT_TRUE(again);
  record.value->leader_epoch = no_leader_epoch;
  record.value->topic_id = {};
  EXPECT_EQ(*again, Record(record));
}

TEST(GroupRecords, TheTrailOfAnOffsetComesBack) {
  OffsetTrailRecord record{
      .group_id = "g", .topic = "t", .partition = PartitionIndex{3}, .value = {}};
  const auto tombstone = encode(record);
  EXPECT_EQ(base::load_be<std::int16_t>(tombstone.key.data()), 19789);
  EXPECT_FALSE(tombstone.value);
  record.value = std::vector<OffsetTrailRecord::Entry>{{.offset = Offset{9},
                                                        .leader_epoch = LeaderEpoch{2},
                                                        .metadata = "before",
                                                        .commit_timestamp_ms = 100,
                                                        .replaced_at_ms = 200},
                                                       {}};
  const auto encoded = encode(record);
  EXPECT_EQ(encoded.key, tombstone.key);
  ASSERT_TRUE(encoded.value);
  const auto again = decode(encoded.key, *encoded.value);
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(*again, Record(record));
}

TEST(GroupRecords, TheGroupOfAnyRecordIsKnown) {
  EXPECT_EQ(
      group_of(OffsetCommitRecord{.group_id = "a", .topic = "t", .partition = {}, .value = {}}),
      "a");
  EXPECT_EQ(group_of(ConsumerGroupPartitionMetadataRecord{.group_id = "b"}), "b");
}

}  // namespace
}  // namespace moldau::group
