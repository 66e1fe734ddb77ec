#include "moldau/record/validation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "moldau/base/limits.hpp"
#include "moldau/record/compression.hpp"
#include "tests/support/record_maker.hpp"

namespace moldau::record {
namespace {

using base::as_bytes;
using base::Errc;
using base::SharedBytes;

constexpr std::int64_t hour_ms = 3'600'000;

// The referee's table: what Apache Kafka 4.3.1 answered to each mutation (referee_mutations.py).

struct Case {
  std::string name;
  std::string topic;
  std::int16_t version = 0;
  std::string error;          // Kafka's code, or "closed"
  std::string record_errors;  // JSON
  std::string message;        // JSON
  std::vector<std::uint8_t> bytes;
};

struct Table {
  std::int64_t now_ms = 0;
  std::vector<Case> cases;
};

std::vector<std::uint8_t> from_hex(std::string_view hex) {
  std::vector<std::uint8_t> bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, bytes[i], 16);
  }
  return bytes;
}

Table read_table() {
  std::ifstream in(MOLDAU_SOURCE_DIR "/tests/record/golden/mutations.txt");
  Table table;
  std::string line;
  while (std::getline(in, line)) {
    constexpr std::string_view now = "# now_ms ";
    if (line.starts_with(now)) {
      table.now_ms = std::stoll(line.substr(now.size()));
      continue;
    }
    std::array<std::string, 7> columns;
    std::istringstream fields(line);
    for (std::string& column : columns) std::getline(fields, column, '\t');
    if (columns[6] == "-") continue;  // null records: the API's to answer
    table.cases.push_back({columns[0], columns[1], static_cast<std::int16_t>(std::stoi(columns[2])),
                           columns[3], columns[4], columns[5], from_hex(columns[6])});
  }
  return table;
}

ProduceRules rules_of(const Case& c, std::int64_t now_ms) {
  static const std::map<std::string, std::string> partitions = {
      {"plain", "plain-0"}, {"compacted", "compacted-0"}, {"append_time", "append_time-0"},
      {"gzip", "gzip-0"},   {"small", "small-0"},         {"recent", "recent-0"},
      {"uncompressed", "uncompressed-0"}};
  ProduceRules rules;
  rules.produce_version = c.version;
  rules.now_ms = now_ms;
  rules.partition = partitions.at(c.topic);
  if (c.topic == "compacted") rules.compacted = true;
  if (c.topic == "append_time") rules.timestamp_type = TimestampType::log_append_time;
  if (c.topic == "gzip") rules.compression = Compression::gzip;
  if (c.topic == "uncompressed") rules.compression = Compression::none;
  if (c.topic == "small") rules.batch_bytes_max = 200;
  if (c.topic == "recent") rules.timestamp_before_max_ms = hour_ms;
  return rules;
}

std::string kafka_code(const base::Result<SharedBytes>& batch) {
  if (batch.has_value()) return "0";
  switch (batch.error().code) {
    case Errc::corrupt_message:
      return "2";
    case Errc::message_too_large:
      return "10";
    case Errc::invalid_timestamp:
      return "32";
    case Errc::invalid_producer_epoch:
      return "47";
    case Errc::unsupported_compression:
      return "76";
    case Errc::invalid_record:
      return "87";
    default:
      return "unexpected " + to_string(batch.error());
  }
}

/// Kafka's error after what is different here on purpose (src/record/README.md).
std::string expected_code(const Case& c) {
  const auto is = [&](std::string_view part) { return c.name.find(part) != std::string::npos; };
  // Kafka's API refuses transactional records without a transactional id before it looks at them.
  if (c.error == "53") return "87";
  // Kafka stumbles (UNKNOWN_SERVER_ERROR); a code that says what is wrong and is not retried.
  if (c.error == "-1" && is("timestamp_negative")) return "0";
  if (c.error == "-1") return is("codec_5") || is("codec_6") || is("codec_7") ? "76" : "87";
  // Kafka stores these though no consumer can make sense of them.
  if (c.error == "0" && c.name.starts_with("raw_offset_delta")) return "87";
  if (c.error == "0" && c.name.starts_with("gzip_length_")) return "87";
  return c.error;
}

std::string json_of(const std::vector<RecordError>& errors) {
  std::string json;
  for (const auto& error : errors) {
    json += (json.empty() ? "" : ", ") + ("[" + std::to_string(error.batch_index) + ", \"") +
            error.message + "\"]";
  }
  return "[" + json + "]";
}

/// Without the range of allowed timestamps, which moved while the table was recorded.
std::string without_range(const std::string& text) {
  static const std::regex range("within \\[-?[0-9]+, [0-9]+\\]");
  return std::regex_replace(text, range, "within []");
}

TEST(PrepareProduced, AnswersEveryMutationAsKafkaDoes) {
  const Table table = read_table();
  ASSERT_GT(table.cases.size(), 500u);
  for (const Case& c : table.cases) {
    ProduceRules rules = rules_of(c, table.now_ms);
    rules.strict = true;
    const auto prepared = prepare_produced(SharedBytes::copy_of(c.bytes), rules);
    const std::string where = c.name + " to " + c.topic + " v" + std::to_string(c.version) +
                              (prepared.batch ? "" : ": " + to_string(prepared.batch.error()));
    EXPECT_EQ(kafka_code(prepared.batch), expected_code(c)) << where;
    // Versions before 8 have no record errors on the wire.
    if (c.version < 8 || c.error != kafka_code(prepared.batch)) continue;
    EXPECT_EQ(without_range(json_of(prepared.record_errors)), without_range(c.record_errors))
        << where;
    if (prepared.batch.has_error() && c.record_errors != "[]") {
      EXPECT_EQ(without_range('"' + prepared.batch.error().message + '"'), without_range(c.message))
          << where;
    }
  }
}

TEST(PrepareProduced, WhatItAcceptsIsReadableAndAsTheTopicWantsIt) {
  const Table table = read_table();
  int accepted = 0;
  for (const Case& c : table.cases) {
    ProduceRules rules = rules_of(c, table.now_ms);
    rules.strict = true;
    const auto prepared = prepare_produced(SharedBytes::copy_of(c.bytes), rules);
    if (prepared.batch.has_error()) continue;
    ++accepted;
    const auto view = BatchView::parse(prepared.batch.value().view(), BatchView::Check::crc);
    ASSERT_TRUE(view.has_value()) << c.name;
    EXPECT_EQ(view.value().size(), prepared.batch.value().size()) << c.name;
    EXPECT_EQ(view.value().timestamp_type(), rules.timestamp_type) << c.name;
    if (rules.compression) {
      EXPECT_EQ(view.value().compression(), *rules.compression) << c.name;
    }
    const auto records = support::records_of(view.value());
    EXPECT_EQ(static_cast<std::int32_t>(records.size()), view.value().record_count()) << c.name;
    std::int64_t max_timestamp_ms = -1;
    for (const auto& record : records) {
      max_timestamp_ms = std::max(max_timestamp_ms, record.timestamp_ms);
    }
    EXPECT_EQ(view.value().max_timestamp_ms(), max_timestamp_ms) << c.name;
  }
  EXPECT_GT(accepted, 100);
}

TEST(PrepareProduced, WithoutLookingAtRecordsOnlyTheirMistakesPass) {
  const Table table = read_table();
  std::set<std::string> passed;
  for (const Case& c : table.cases) {
    const ProduceRules rules = rules_of(c, table.now_ms);
    const auto prepared = prepare_produced(SharedBytes::copy_of(c.bytes), rules);
    const std::string code = kafka_code(prepared.batch);
    if (code == expected_code(c)) continue;
    EXPECT_EQ(code, "0") << c.name << ": never another refusal";
    EXPECT_TRUE(c.topic != "compacted") << c.name << ": always looked at";
    passed.insert(c.name);
  }
  for (const std::string& name : passed) {
    const bool only_inside = name.starts_with("raw_") || name.starts_with("gzip_") ||
                             name.ends_with("_garbage") || name == "attribute_bit_0" ||
                             name == "attribute_bit_1" || name == "attribute_bit_2" ||
                             name == "count_2_delta_1" || name == "count_4_delta_3";
    EXPECT_TRUE(only_inside) << name;
  }
}

// Beyond the table.

TEST(PrepareProduced, LeavesAnOrdinaryBatchAsItCame) {
  support::RecordMaker maker(1);
  for (int i = 0; i < 200; ++i) {
    const auto made = maker.random_batch();
    const SharedBytes copy = SharedBytes::copy_of(made.bytes.view());
    const auto prepared =
        prepare_produced(made.bytes, {.now_ms = 1'700'000'000'000, .partition = "t-0"});
    ASSERT_TRUE(prepared.batch.has_value());
    EXPECT_EQ(prepared.batch.value().data(), made.bytes.data()) << "not copied";
    EXPECT_TRUE(std::ranges::equal(prepared.batch.value().view(), copy.view()));
  }
}

TEST(PrepareProduced, RecompressesEveryCodecToEveryOther) {
  support::RecordMaker maker(2);
  for (int i = 0; i < 200; ++i) {
    const auto made = maker.random_batch();
    for (std::uint8_t codec = 0; codec <= compression_last; ++codec) {
      const auto prepared =
          prepare_produced(SharedBytes::copy_of(made.bytes.view()),
                           {.compression = static_cast<Compression>(codec),
                            .now_ms = 1'700'000'000'000});
      ASSERT_TRUE(prepared.batch.has_value());
      const auto view =
          BatchView::parse(prepared.batch.value().view(), BatchView::Check::crc).value();
      EXPECT_EQ(view.compression(), static_cast<Compression>(codec));
      EXPECT_EQ(support::records_of(view), made.records);
      EXPECT_EQ(view.producer_id(), made.options.producer_id);
      EXPECT_EQ(view.base_sequence(), made.options.base_sequence);
      EXPECT_EQ(view.is_transactional(), made.options.transactional);
    }
  }
}

TEST(PrepareProduced, StampsLogAppendTimeOnRecompressedBatches) {
  const auto prepared =
      prepare_produced(support::plain_batch(3, 100), {.timestamp_type = TimestampType::log_append_time,
                                                      .compression = Compression::zstd,
                                                      .now_ms = 1'800'000'000'000});
  const auto view = BatchView::parse(prepared.batch.value().view(), BatchView::Check::crc).value();
  EXPECT_EQ(view.timestamp_type(), TimestampType::log_append_time);
  EXPECT_EQ(support::records_of(view)[2].timestamp_ms, 1'800'000'000'000);
}

TEST(PrepareProduced, RefusesWhatIsTooLargeOnlyAfterRecompression) {
  BatchOptions options;
  options.compression = Compression::zstd;
  const auto small = support::plain_batch(1, 50'000, options);
  ASSERT_LT(small.size(), 1000u);
  const auto prepared = prepare_produced(small, {.batch_bytes_max = 10'000,
                                                 .compression = Compression::none,
                                                 .now_ms = 1'700'000'000'000});
  EXPECT_EQ(prepared.batch.error().code, Errc::message_too_large);
}

TEST(PrepareProduced, RefusesABombWithoutUnpackingIt) {
  BatchOptions options;
  options.compression = Compression::zstd;
  const auto bomb = support::plain_batch(1, limits::decompression_floor_bytes + 1, options);
  const auto prepared =
      prepare_produced(bomb, {.strict = true, .now_ms = 1'700'000'000'000});
  EXPECT_EQ(prepared.batch.error().code, Errc::message_too_large);
}

TEST(PrepareProduced, CutsOffWhatFollowsTheBatch) {
  const auto batch = support::plain_batch(3, 10);
  std::vector<std::uint8_t> more(batch.view().begin(), batch.view().end());
  more.insert(more.end(), batch.view().begin(), batch.view().begin() + 30);
  const auto prepared =
      prepare_produced(SharedBytes::copy_of(more), {.now_ms = 1'700'000'000'000});
  EXPECT_TRUE(std::ranges::equal(prepared.batch.value().view(), batch.view()));
}

TEST(ValidateRecords, NamesABoundedNumberOfThem) {
  BatchBuilder builder({});
  for (int i = 0; i < 5000; ++i) builder.append(1, std::nullopt, as_bytes("v"));
  const auto prepared = prepare_produced(builder.build().value(),
                                         {.compacted = true, .now_ms = 1, .partition = "t-0"});
  EXPECT_EQ(prepared.batch.error().code, Errc::invalid_record);
  EXPECT_EQ(prepared.record_errors.size(), limits::record_errors_max);
  EXPECT_NE(prepared.batch.error().message.find("5000 record errors in total"), std::string::npos);
}

TEST(ValidateProduced, SurvivesEveryTruncationAndByteFlip) {
  const auto batch = support::plain_batch(3, 10);
  const ProduceRules rules{.strict = true, .now_ms = 1'700'000'000'000};
  for (std::size_t size = 0; size < batch.size(); ++size) {
    EXPECT_EQ(validate_produced(batch.view().first(size), rules).error().code,
              Errc::invalid_record);
  }
  for (std::size_t at = 0; at < batch.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bytes = SharedBytes::copy_of(batch.view());
      bytes.mutable_view()[at] ^= static_cast<std::uint8_t>(1 << bit);
      const bool outside_the_crc = at >= batch_format::leader_epoch_at && at < batch_format::magic_at;
      EXPECT_EQ(prepare_produced(bytes, rules).batch.has_value(), outside_the_crc) << at;
    }
  }
}

TEST(Recompress, RefusesALevelTheCodecHasNot) {
  const auto bytes = support::plain_batch(1, 10);
  const auto view = BatchView::parse(bytes.view(), BatchView::Check::crc).value();
  EXPECT_EQ(recompress(view, Compression::gzip, 99).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace moldau::record
