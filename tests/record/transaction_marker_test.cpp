#include "moldau/record/transaction_marker.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace moldau::record
