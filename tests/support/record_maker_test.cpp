#include "tests/support/record_maker.hpp"

#include <gtest/gtest.h>

#include <set>

namespace moldau::support {
namespace {

TEST(RecordMaker, BatchesHoldWhatTheySay) {
  RecordMaker maker(1);
  std::set<record::Compression> codecs;
  bool saw_producer = false;
  for (int i = 0; i < 300; ++i) {
    const MadeBatch made = maker.random_batch();
    EXPECT_EQ(records_of(made.view()), made.records);
    EXPECT_EQ(made.view().producer_id(), made.options.producer_id);
    codecs.insert(made.view().compression());
    saw_producer = saw_producer || made.view().has_producer_id();
  }
  EXPECT_EQ(codecs.size(), 5u);
  EXPECT_TRUE(saw_producer);
}

TEST(RecordMaker, TheSameSeedMakesTheSameBatches) {
  RecordMaker first(7);
  RecordMaker second(7);
  RecordMaker other(8);
  const MadeBatch made = first.random_batch();
  EXPECT_EQ(made.records, second.random_batch().records);
  EXPECT_NE(made.records, other.random_batch().records);
}

TEST(PlainBatch, HasTheRecordsAskedFor) {
  const auto bytes = plain_batch(3, 10);
  const auto view = record::BatchView::parse(bytes.view(), record::BatchView::Check::crc).value();
  const auto records = records_of(view);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[2].key, "key2");
  EXPECT_EQ(records[2].value, std::string(10, 'c'));
}

}  // namespace
}  // namespace moldau::support
