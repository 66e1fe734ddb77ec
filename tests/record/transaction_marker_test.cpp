#include "moldau/record/transaction_marker.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::record {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(TransactionMarker, IsAControlBatchOfOneRecord) {
  const auto batch = build_marker_batch({.producer_id = ProducerId{7},
                                         .producer_epoch = ProducerEpoch{3},
                                         .commit = true,
                                         .coordinator_epoch = 0x01020304},
                                        1000).value();
  const auto view = BatchView::parse(batch.view(), BatchView::Check::crc).value();
  EXPECT_TRUE(view.is_control());
  EXPECT_TRUE(view.is_transactional());
  EXPECT_EQ(view.producer_id(), ProducerId{7});
  EXPECT_EQ(view.producer_epoch(), ProducerEpoch{3});
  EXPECT_EQ(view.base_sequence(), -1);
  EXPECT_EQ(view.record_count(), 1);
  auto records = RecordIterator::open(view).value();
  const auto record = records.next().value();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(Bytes(record->key->begin(), record->key->end()), (Bytes{0, 0, 0, 1}));
  EXPECT_EQ(Bytes(record->value->begin(), record->value->end()), (Bytes{0, 0, 1, 2, 3, 4}));
}

TEST(TransactionMarker, AnAbortHasTypeZero) {
  const auto batch = build_marker_batch({.producer_id = ProducerId{7}}, 0).value();
  const auto view = BatchView::parse(batch.view(), BatchView::Check::crc).value();
  auto records = RecordIterator::open(view).value();
  const auto record = records.next().value();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(Bytes(record->key->begin(), record->key->end()), (Bytes{0, 0, 0, 0}));
}

/// As Apache Kafka's log has them (referee_markers.py).
std::string golden(const std::string& name) {
  std::ifstream in(MOLDAU_SOURCE_DIR "/tests/record/golden/markers/" + name + ".bin", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(TransactionMarker, IsByteForByteWhatKafkaWrites) {
  const struct {
    const char* name;
    TransactionMarker marker;
  } cases[] = {
      {"commit", {ProducerId{4'294'967'301}, ProducerEpoch{3}, true, 7}},
      {"abort", {ProducerId{5}, ProducerEpoch{32767}, false, 0}},
      {"version_2", {ProducerId{0}, ProducerEpoch{1}, true, 0}},
  };
  for (const auto& c : cases) {
    const std::string kafka = golden(c.name);
    const auto view = BatchView::parse(base::as_bytes(kafka), BatchView::Check::crc);
    ASSERT_TRUE(view.has_value()) << c.name;
    auto made = build_marker_batch(c.marker, view.value().max_timestamp_ms()).value();
    set_base_offset(made.mutable_view(), view.value().base_offset());
    set_leader_epoch(made.mutable_view(), view.value().leader_epoch());
    EXPECT_EQ(base::as_text(made.view()), kafka) << c.name;
  }
}

}  // namespace
}  // namespace moldau::record
