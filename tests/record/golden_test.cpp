// Batches of other implementations, as Apache Kafka stored them (referee_golden.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "moldau/record/compression.hpp"
#include "moldau/record/validation.hpp"
#include "tests/support/record_maker.hpp"

namespace moldau::record {
namespace {

struct Golden {
  std::string client;
  Compression codec{};
  std::string bytes;
};

std::vector<Golden> read_all() {
  std::vector<Golden> all;
  const std::filesystem::path folder = MOLDAU_SOURCE_DIR "/tests/record/golden";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".bin") continue;
    const std::string stem = entry.path().stem().string();
    const std::size_t split = stem.rfind('_');
    std::ifstream in(entry.path(), std::ios::binary);
    all.push_back({stem.substr(0, split), compression_by_name(stem.substr(split + 1)).value(),
                   {std::istreambuf_iterator<char>(in), {}}});
  }
  return all;
}

TEST(GoldenBatches, AreReadWhateverClientMadeThem) {
  std::set<std::pair<std::string, Compression>> seen;
  for (const Golden& golden : read_all()) {
    const std::string where = golden.client + " " + std::string(name(golden.codec));
    std::vector<support::MadeRecord> records;
    base::ByteView rest = base::as_bytes(golden.bytes);
    while (!rest.empty()) {
      const auto batch = BatchView::parse(rest, BatchView::Check::crc);
      ASSERT_TRUE(batch.has_value()) << where << ": " << to_string(batch.error());
      EXPECT_EQ(batch.value().compression(), golden.codec) << where;
      for (auto& record : support::records_of(batch.value())) records.push_back(std::move(record));
      rest = rest.subspan(batch.value().size());
    }
    ASSERT_EQ(records.size(), 10u) << where;
    for (std::size_t i = 0; i < records.size(); ++i) {
      std::string value;
      for (int repeat = 0; repeat < 100; ++repeat) value += "value" + std::to_string(i) + ' ';
      EXPECT_EQ(records[i].key, "key" + std::to_string(i)) << where;
      EXPECT_EQ(records[i].value, value) << where;
      EXPECT_GT(records[i].timestamp_ms, 1'700'000'000'000) << where;
    }
    seen.emplace(golden.client, golden.codec);
  }
  EXPECT_EQ(seen.size(), 4u * 5u) << "java, librdkafka, confluent, kafka_python by five codecs";
}

TEST(GoldenBatches, PassEveryCheckOfALeader) {
  for (const Golden& golden : read_all()) {
    auto bytes = base::SharedBytes::copy_of(base::as_bytes(golden.bytes));
    const auto first = BatchView::parse(bytes.view(), BatchView::Check::crc).value();
    const auto prepared = prepare_produced(
        bytes.slice(0, first.size()), {.strict = true, .now_ms = first.max_timestamp_ms()});
    EXPECT_TRUE(prepared.batch.has_value()) << golden.client;
  }
}

TEST(GoldenBatches, KeepTheirRecordsInEveryOtherCodec) {
  for (const Golden& golden : read_all()) {
    const auto batch =
        BatchView::parse(base::as_bytes(golden.bytes), BatchView::Check::crc).value();
    for (std::uint8_t codec = 0; codec <= compression_last; ++codec) {
      const auto made = recompress(batch, static_cast<Compression>(codec)).value();
      const auto view = BatchView::parse(made.view(), BatchView::Check::crc).value();
      EXPECT_EQ(support::records_of(view), support::records_of(batch)) << golden.client;
    }
  }
}

}  // namespace
}  // namespace moldau::record
