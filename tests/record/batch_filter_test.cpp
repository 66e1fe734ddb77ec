#include "moldau/record/batch_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "moldau/base/crc32c.hpp"
#include "moldau/record/batch_builder.hpp"
#include "moldau/record/compression.hpp"
#include "tests/support/record_maker.hpp"
#include "tests/support/rounds.hpp"

namespace moldau::record {
namespace {

using base::as_bytes;
using base::Errc;
using base::store_be;
using What = FilteredBatch::What;

// What Apache Kafka's compaction makes of batches (referee_filter.py).

struct FilterCase {
  std::string name;
  std::string kept;  // places of the records that are kept, "-" for none
  FilterOptions options;
  std::vector<std::uint8_t> in;
  std::string expected;  // "unchanged", "removed", or bytes in hexadecimal
};

std::vector<std::uint8_t> bytes_of_hex(std::string_view hex) {
  std::vector<std::uint8_t> bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, bytes[i], 16);
  }
  return bytes;
}

std::vector<FilterCase> filter_cases() {
  std::ifstream in(MOLDAU_SOURCE_DIR "/tests/record/golden/filtered.txt");
  std::vector<FilterCase> cases;
  std::int64_t horizon_ms = -1;
  std::string line;
  while (std::getline(in, line)) {
    constexpr std::string_view horizon = "# horizon_ms ";
    if (line.starts_with(horizon)) {
      horizon_ms = std::stoll(line.substr(horizon.size()));
      continue;
    }
    std::array<std::string, 6> columns;
    std::istringstream fields(line);
    for (std::string& column : columns) std::getline(fields, column, '\t');
    cases.push_back({columns[0],
                     columns[1],
                     {.keep_empty = columns[2] == "keep_empty",
                      .delete_horizon_ms = horizon_ms,
                      .needs_horizon = columns[3] == "empty_transaction"},
                     bytes_of_hex(columns[4]),
                     columns[5]});
  }
  return cases;
}

std::vector<std::uint8_t> decompressed(const BatchView& batch) {
  return decompress(batch.compression(), batch.records(), 1'000'000).value();
}

/// All but what follows from how well the records are compressed: the length and the CRC.
std::vector<std::uint8_t> header_of(const BatchView& batch) {
  const ByteView bytes = batch.bytes();
  std::vector<std::uint8_t> header(bytes.begin(), bytes.begin() + batch_format::header_bytes);
  std::fill_n(header.begin() + batch_format::length_at, sizeof(std::int32_t), std::uint8_t{0});
  std::fill_n(header.begin() + batch_format::crc_at, sizeof(std::uint32_t), std::uint8_t{0});
  return header;
}

TEST(BatchFilter, MakesOfABatchWhatKafkaDoes) {
  const auto cases = filter_cases();
  EXPECT_EQ(cases.size(), 112u);
  int compressed = 0;
  for (const FilterCase& c : cases) {
    SCOPED_TRACE(c.name + " " + c.kept);
    const auto batch = BatchView::parse(c.in, BatchView::Check::crc).value();
    const auto made = filter_batch(batch, c.options, [&](const Record& record) {
                        const auto place = record.offset - batch.base_offset();
                        return c.kept.find(static_cast<char>('0' + place)) != std::string::npos;
                      }).value();
    EXPECT_EQ(made.kept, c.kept == "-" ? 0 : static_cast<std::int32_t>(c.kept.size()));
    if (c.expected == "unchanged" || c.expected == "removed") {
      EXPECT_EQ(made.what, c.expected == "unchanged" ? What::unchanged : What::removed);
      EXPECT_EQ(made.bytes.size(), 0u);
      continue;
    }
    ASSERT_EQ(made.what, What::rewritten);
    const auto bytes = bytes_of_hex(c.expected);
    const auto expected = BatchView::parse(bytes, BatchView::Check::crc).value();
    const auto got = BatchView::parse(made.bytes.view(), BatchView::Check::crc).value();
    EXPECT_EQ(got.size(), made.bytes.size());
    if (expected.compression() == Compression::none) {
      EXPECT_TRUE(std::ranges::equal(made.bytes.view(), bytes));
    } else {
      ++compressed;
      EXPECT_EQ(header_of(got), header_of(expected));
      EXPECT_EQ(decompressed(got), decompressed(expected));
    }
  }
  EXPECT_EQ(compressed, 28);
}

// Batches that know what is in them.

struct Placed {
  Offset offset{};
  support::MadeRecord record;
  friend bool operator==(const Placed&, const Placed&) = default;
};

std::vector<Placed> placed_records(const BatchView& batch) {
  auto records = RecordIterator::open(batch).value();
  auto contents = support::records_of(batch);
  std::vector<Placed> all;
  for (auto& content : contents) {
    all.push_back({records.next().value().value().offset, std::move(content)});
  }
  return all;
}

void restamp(MutableByteView batch) {
  store_be(batch.data() + batch_format::crc_at,
           base::crc32c(batch.subspan(batch_format::attributes_at)));
}

bool keep_all(const Record& /*record*/) {
  return true;
}
bool keep_none(const Record& /*record*/) {
  return false;
}

base::Result<FilteredBatch> filtered(ByteView bytes, bool (*keep)(const Record&),
                                     const FilterOptions& options = {}) {
  return filter_batch(BatchView::parse(bytes, BatchView::Check::bounds).value(), options, keep);
}

/// Drops some, and compares with a model; returns what is left.
base::SharedBytes drop_some(const base::SharedBytes& bytes, std::mt19937_64& random) {
  const auto batch = BatchView::parse(bytes.view(), BatchView::Check::crc).value();
  const FilterOptions options{.keep_empty = random() % 2 == 0,
                              .delete_horizon_ms = random() % 3 == 0 ? -1 : 1'800'000'000'000,
                              .needs_horizon = random() % 4 == 0};
  const auto drop_of_8 = random() % 9;
  std::vector<Placed> expected;
  const auto before = placed_records(batch);
  std::size_t asked = 0;
  const auto made = filter_batch(batch, options, [&](const Record& record) {
                      EXPECT_EQ(record.offset, before[asked].offset);
                      const bool keep = random() % 8 >= drop_of_8;
                      if (keep) expected.push_back(before[asked]);
                      ++asked;
                      return keep;
                    }).value();
  EXPECT_EQ(asked, before.size());
  EXPECT_EQ(made.kept, static_cast<std::int32_t>(expected.size()));
  if (expected.empty() && !options.keep_empty) {
    EXPECT_EQ(made.what, What::removed);
    return {};
  }
  const bool tombstone =
      std::ranges::any_of(expected, [](const Placed& p) { return !p.record.value; });
  std::optional<std::int64_t> horizon_ms = batch.delete_horizon_ms();
  if (!horizon_ms && options.delete_horizon_ms >= 0 && (tombstone || options.needs_horizon)) {
    horizon_ms = options.delete_horizon_ms;
  }
  if (expected.empty()) horizon_ms.reset();
  const bool same = expected == before && horizon_ms == batch.delete_horizon_ms();
  if (!expected.empty()) {
    EXPECT_EQ(made.what, same ? What::unchanged : What::rewritten);
  }
  const auto& left = made.what == What::unchanged ? bytes : made.bytes;
  const auto got = BatchView::parse(left.view(), BatchView::Check::crc).value();
  EXPECT_EQ(placed_records(got), expected);
  EXPECT_EQ(got.delete_horizon_ms(), horizon_ms);
  EXPECT_EQ(got.base_offset(), batch.base_offset());
  EXPECT_EQ(got.last_offset(), batch.last_offset());
  EXPECT_EQ(got.leader_epoch(), batch.leader_epoch());
  EXPECT_EQ(got.producer_id(), batch.producer_id());
  EXPECT_EQ(got.last_sequence(), batch.last_sequence());
  EXPECT_EQ(got.timestamp_type(), batch.timestamp_type());
  EXPECT_EQ(got.compression(), expected.empty() ? Compression::none : batch.compression());
  return left;
}

TEST(BatchFilter, KeepsWhatItIsToldToAgainAndAgain) {
  std::mt19937_64 random(20);
  support::RecordMaker maker(20);
  for (int round = 0; round < support::rounds(2000); ++round) {
    SCOPED_TRACE(round);
    auto bytes = maker.random_batch().bytes;
    set_base_offset(bytes.mutable_view(), Offset{static_cast<std::int64_t>(random() % 1'000'000)});
    if (random() % 3 == 0) set_log_append_time(bytes.mutable_view(), 1'700'000'000'777);
    while (bytes.size() != 0) {
      bytes = drop_some(bytes, random);
      if (HasFailure()) return;
      if (random() % 3 == 0) break;
    }
  }
}

// What cannot be right.

TEST(BatchFilter, RefusesRecordsThatAreCutOff) {
  const auto whole = support::plain_batch(3, 10);
  for (std::size_t size = batch_format::header_bytes; size < whole.size(); ++size) {
    auto cut = base::SharedBytes::copy_of(whole.view().first(size));
    store_be(cut.mutable_view().data() + batch_format::length_at,
             static_cast<std::int32_t>(size - batch_format::length_overhead));
    restamp(cut.mutable_view());
    for (const auto keep : {keep_all, keep_none}) {
      const auto made = filtered(cut.view(), keep, {.keep_empty = true});
      ASSERT_TRUE(made.has_error()) << size;
      EXPECT_EQ(made.error().code, Errc::invalid_record) << size;
    }
  }
}

TEST(BatchFilter, RefusesACountThatIsNotThatOfTheRecords) {
  for (const std::int32_t count : {0, 1, 2, 4, std::numeric_limits<std::int32_t>::max()}) {
    auto batch = support::plain_batch(3, 10);
    store_be(batch.mutable_view().data() + batch_format::record_count_at, count);
    restamp(batch.mutable_view());
    for (const auto keep : {keep_all, keep_none}) {
      const auto made = filtered(batch.view(), keep);
      ASSERT_TRUE(made.has_error()) << count;
      EXPECT_EQ(made.error().code, Errc::invalid_record) << count;
    }
  }
}

TEST(BatchFilter, RefusesOffsetsThatDoNotRise) {
  BatchBuilder builder({});
  builder.append(0, std::nullopt, as_bytes("1"));
  builder.append(0, std::nullopt, as_bytes("2"));
  auto batch = builder.build().value();
  constexpr std::size_t second_delta_at = batch_format::header_bytes + 8 + 3;
  ASSERT_EQ(batch.view()[second_delta_at], 2);  // 1 in zigzag
  batch.mutable_view()[second_delta_at] = 0;
  restamp(batch.mutable_view());
  EXPECT_EQ(filtered(batch.view(), keep_all).error().code, Errc::invalid_record);
  EXPECT_EQ(filtered(batch.view(), keep_none).value().what, What::removed);
}

TEST(BatchFilter, GivesNoNewCrcToADamagedBatch) {
  auto batch = support::plain_batch(3, 10);
  batch.mutable_view()[batch.size() - 2] ^= 1;  // in the last value
  EXPECT_EQ(filtered(batch.view(), keep_all).value().what, What::unchanged);
  EXPECT_EQ(filtered(batch.view(), keep_none).error().code, Errc::corrupt_message);
  const FilterOptions marks{.delete_horizon_ms = 5, .needs_horizon = true};
  EXPECT_EQ(filtered(batch.view(), keep_all, marks).error().code, Errc::corrupt_message);
}

TEST(BatchFilter, DoesNotDecompressWithoutBound) {
  const std::string zeros(70 << 20, '0');
  BatchBuilder builder({.compression = Compression::zstd});
  builder.append(0, std::nullopt, as_bytes(zeros));
  const auto batch = builder.build().value();
  EXPECT_EQ(filtered(batch.view(), keep_none).error().code, Errc::limit_exceeded);
}

TEST(BatchFilter, KeepsOffsetsAndTimestampsAtTheEndOfTheirRange) {
  constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
  BatchBuilder builder({.base_offset = Offset{last - 1}});
  builder.append(-last, as_bytes("a"), as_bytes("1"));
  builder.append(0, as_bytes("b"), std::nullopt);
  const auto batch = builder.build().value();
  const auto made = filtered(batch.view(), keep_all, {.delete_horizon_ms = last}).value();
  ASSERT_EQ(made.what, What::rewritten);
  EXPECT_EQ(placed_records(BatchView::parse(made.bytes.view(), BatchView::Check::crc).value()),
            placed_records(BatchView::parse(batch.view(), BatchView::Check::crc).value()));
}

TEST(BatchFilter, SurvivesAnyByteInTheRecords) {
  std::mt19937_64 random(7);
  support::RecordMaker maker(7);
  for (int round = 0; round < support::rounds(5000); ++round) {
    auto bytes = maker.random_batch().bytes;
    const auto at =
        batch_format::attributes_at + random() % (bytes.size() - batch_format::attributes_at);
    bytes.mutable_view()[at] = static_cast<std::uint8_t>(random());
    restamp(bytes.mutable_view());
    const auto batch = BatchView::parse(bytes.view(), BatchView::Check::crc);
    if (batch.has_error()) continue;
    const auto made = filter_batch(batch.value(), {.keep_empty = true, .delete_horizon_ms = 5},
                                   [&](const Record&) { return random() % 2 == 0; });
    if (made.has_error() || made.value().what != What::rewritten) continue;
    const auto view = made.value().bytes.view();
    EXPECT_EQ(static_cast<std::int32_t>(
                  placed_records(BatchView::parse(view, BatchView::Check::crc).value()).size()),
              made.value().kept);
  }
}

}  // namespace
}  // namespace moldau::record
