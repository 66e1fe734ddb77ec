#include "moldau/metadata/records.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "moldau/base/shared_bytes.hpp"
#include "moldau/metadata/image_builder.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::metadata {
namespace {

std::vector<std::uint8_t> golden(const std::string& name) {
  std::ifstream file(std::string(MOLDAU_SOURCE_DIR "/tests/metadata/golden/") + name,
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Calls `f` with the value of every record that is not a control record.
template <class F>
std::size_t for_each_value(const std::vector<std::uint8_t>& log, F&& f) {
  std::size_t count = 0;
  base::ByteView rest = log;
  while (!rest.empty()) {
    const auto batch = record::BatchView::parse(rest, record::BatchView::Check::crc);
    if (!batch) {
      ADD_FAILURE() << to_string(batch.error());
      return count;
    }
    rest = rest.subspan(batch->size());
    if (batch->is_control()) continue;
    auto records = record::RecordIterator::open(*batch).value();
    while (auto record = records.next().value()) {
      f(*record->value, record->offset);
      ++count;
    }
  }
  return count;
}

// Written by Apache Kafka 4.3.1 while topics, configurations, ACLs, SCRAM users, quotas, features
// and producers came and went, up to its orderly stop.
TEST(Records, ReadAndWriteEveryRecordOfARealLogToTheSameBytes) {
  std::map<std::string_view, int> seen;
  const std::size_t count =
      for_each_value(golden("cluster_metadata.log"), [&](base::ByteView value, Offset offset) {
        const auto decoded = decode_record(base::SharedBytes::copy_of(value));
        ASSERT_TRUE(decoded) << offset.value() << ": " << to_string(decoded.error());
        ++seen[name(decoded->record)];
        const auto bytes = encode_record(decoded->record, decoded->version);
        EXPECT_EQ(bytes, std::vector<std::uint8_t>(value.begin(), value.end()))
            << name(decoded->record) << " at offset " << offset.value();
      });
  EXPECT_GT(count, 90u);
  EXPECT_EQ(seen.size(), 19u);
  EXPECT_EQ(seen["PartitionRecord"], 18);
  EXPECT_EQ(seen["PartitionChangeRecord"], 14);
}

TEST(Records, MakeTheImageThatKafkaHad) {
  ImageBuilder builder(MetadataImage::empty());
  Offset last = no_offset;
  for_each_value(golden("cluster_metadata.log"), [&](base::ByteView value, Offset offset) {
    const auto decoded = decode_record(base::SharedBytes::copy_of(value));
    ASSERT_TRUE(decoded);
    const auto status = builder.apply(decoded->record);
    ASSERT_TRUE(status) << to_string(status.error());
    last = offset;
  });
  const auto built = builder.build(last, 1);
  const MetadataImage& image = *built.image;
  EXPECT_EQ(image.offset(), last);
  EXPECT_EQ(image.feature_level("metadata.version"), 30);
  EXPECT_EQ(image.next_producer_id(), 1000);
  const BrokerImage* broker = image.find_broker(BrokerId{1});
  ASSERT_NE(broker, nullptr);
  EXPECT_TRUE(broker->fenced);
  EXPECT_TRUE(broker->in_controlled_shutdown);
  ASSERT_NE(broker->endpoint("PLAINTEXT"), nullptr);
  EXPECT_EQ(broker->endpoint("PLAINTEXT")->port, 19592);
  const TopicImage* topic = image.find_topic("golden-a");
  ASSERT_NE(topic, nullptr);
  EXPECT_EQ(image.find_topic(topic->id), topic);
  EXPECT_EQ(topic->id.to_string(), "Fk0sXHr9Q3u6ShMOkLJbrg");
  ASSERT_EQ(topic->partitions.size(), 6u);
  // The stop took the leader away: one change, one epoch more.
  EXPECT_EQ(topic->partitions[0].leader, no_leader);
  EXPECT_EQ(topic->partitions[0].leader_epoch, LeaderEpoch{1});
  EXPECT_EQ(topic->partitions[0].eligible_leader_replicas, std::vector{BrokerId{1}});
  EXPECT_EQ(image.find_topic("golden-b"), nullptr);
  const ConfigMap* configs = image.find_configs(ConfigResourceType::topic, "golden-c");
  ASSERT_NE(configs, nullptr);
  EXPECT_EQ(configs->at("cleanup.policy"), "compact,delete");
  EXPECT_EQ(image.acls().size(), 1u);
  EXPECT_EQ(image.scram_credentials().size(), 1u);
  ASSERT_EQ(image.quotas().size(), 1u);
  EXPECT_EQ(image.quotas().begin()->first, (QuotaEntity{{"client-id", std::nullopt}}));
}

TEST(Records, RefuseWhatANewerBrokerWrote) {
  const auto decode = [](std::vector<std::uint8_t> bytes) {
    return decode_record(base::SharedBytes::copy_of(bytes)).error().code;
  };
  EXPECT_EQ(decode({2, 20, 0, 0}), base::Errc::unsupported);   // frame
  EXPECT_EQ(decode({1, 99, 0, 0}), base::Errc::unsupported);   // key
  EXPECT_EQ(decode({1, 20, 1, 0}), base::Errc::unsupported);   // version
  EXPECT_EQ(decode({1, 20, 0, 0, 7}), base::Errc::malformed);  // bytes after it
  EXPECT_EQ(decode({1, 12, 0, 200}), base::Errc::malformed);   // cut off
}

TEST(Records, AreWrittenInTheLowestVersionThatHoldsThem) {
  EXPECT_EQ(version_to_write(PartitionRecord{}), 1);
  PartitionRecord elr;
  elr.last_known_elr = Ids{1};
  EXPECT_EQ(version_to_write(elr), 2);
  EXPECT_EQ(version_to_write(RegisterBrokerRecord{}), 3);
  BrokerRegistrationChangeRecord change;
  EXPECT_EQ(version_to_write(change), 0);
  change.in_controlled_shutdown = 1;
  EXPECT_EQ(version_to_write(change), 1);
}

}  // namespace
}  // namespace moldau::metadata
