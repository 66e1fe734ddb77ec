#include "group/offset_store.hpp"

#include <gtest/gtest.h>

#include <map>

#include "moldau/metadata/image_builder.hpp"
#include "tests/support/rounds.hpp"

namespace moldau::group {
namespace {

using metadata::ImageBuilder;
using metadata::MetadataImage;
using protocol::ErrorCode;
using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::OffsetDeleteRequest;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using protocol::TxnOffsetCommitRequest;

using Image = std::shared_ptr<const MetadataImage>;
using Fetched = OffsetFetchResponse::Group::Topic::Partition;

constexpr std::int64_t start_ms = 1'700'000'000'000;
constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::int16_t by_name = 9;
constexpr std::int16_t by_id = 10;

TopicId id(std::uint8_t number) {
  TopicId topic_id;
  topic_id.bytes[15] = number;
  topic_id.bytes[0] = 7;
  return topic_id;
}

Image with_topic(const Image& base, const std::string& name, std::uint8_t number,
                 std::int32_t partitions = 3) {
  ImageBuilder builder(base);
  EXPECT_TRUE(builder.apply(metadata::TopicRecord{name, id(number)}));
  for (std::int32_t i = 0; i < partitions; ++i) {
    metadata::PartitionRecord record;
    record.partition_id = i;
    record.topic_id = id(number);
    record.replicas = {1};
    record.isr = {1};
    record.leader = 1;
    EXPECT_TRUE(builder.apply(record));
  }
  return builder.build(base->offset() + 1, 1).image;
}

Image without_topic(const Image& base, std::uint8_t number) {
  ImageBuilder builder(base);
  EXPECT_TRUE(builder.apply(metadata::RemoveTopicRecord{id(number)}));
  return builder.build(base->offset() + 1, 1).image;
}

/// A group in whatever state a test needs.
class FakeGroup final : public Group {
 public:
  FakeGroup() : Group("g") {}
  Type kind = Type::classic;
  std::string state = "Empty";
  std::string protocol = "consumer";
  bool has_members = false;
  std::vector<std::string> topics;
  std::optional<std::int64_t> since_ms;

  Type type() const override { return kind; }
  std::string_view state_name() const override { return state; }
  std::string_view protocol_type() const override { return protocol; }
  bool is_empty() const override { return !has_members; }
  bool subscribes_to(std::string_view topic) const override {
    return std::find(topics.begin(), topics.end(), topic) != topics.end();
  }
  std::optional<std::int64_t> state_since_ms() const override { return since_ms; }
  ErrorCode check_commit(Step&, const OffsetClient&) override { return ErrorCode::none; }
  ErrorCode check_fetch(const OffsetClient&) const override { return ErrorCode::none; }
  ErrorCode check_delete() const override { return ErrorCode::none; }
  void write_tombstones(Effects&) const override {}
  void on_deadline(Step&, const DeadlineKey&) override {}
};

struct Commit {
  std::string topic = "a";
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string> metadata = "";
  std::int32_t leader_epoch = -1;
};

/// A store and all that a step of it needs.
class OffsetStoreTest : public ::testing::Test {
 protected:
  OffsetStoreTest() {
    image_ = with_topic(with_topic(MetadataImage::empty(), "a", 1), "b", 2);
    options_.offset_metadata_bytes_max = 8;
    options_.offsets_retention = base::Milliseconds{day_ms};
    options_.retention_policy = OffsetRetention::kafka;
  }

  Step step() { return {Now{{}, now_ms_}, *image_, options_, random_, deadlines_, effects_}; }

  static OffsetCommitRequest request_of(const Commit& commit) {
    OffsetCommitRequest request;
    request.group_id = "g";
    auto& topic = request.topics.emplace_back();
    topic.name = commit.topic;
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = PartitionIndex{commit.partition};
    partition.committed_offset = Offset{commit.offset};
    partition.committed_metadata = commit.metadata;
    partition.committed_leader_epoch = LeaderEpoch{commit.leader_epoch};
    return request;
  }
  ErrorCode commit(const OffsetCommitRequest& request, bool by_admin = false,
                   std::int16_t version = by_name) {
    auto now = step();
    const auto response = store_.commit(now, group_, by_admin, request, version);
    return response.topics.at(0).partitions.at(0).error_code;
  }
  ErrorCode commit(const Commit& one) { return commit(request_of(one)); }
  ErrorCode reset(const Commit& one) { return commit(request_of(one), true); }

  static TxnOffsetCommitRequest txn_request_of(std::int64_t producer, const Commit& commit) {
    TxnOffsetCommitRequest request;
    request.group_id = "g";
    request.producer_id = ProducerId{producer};
    auto& topic = request.topics.emplace_back();
    topic.name = commit.topic;
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = PartitionIndex{commit.partition};
    partition.committed_offset = Offset{commit.offset};
    partition.committed_metadata = commit.metadata;
    partition.committed_leader_epoch = LeaderEpoch{commit.leader_epoch};
    return request;
  }
  ErrorCode txn_commit(const TxnOffsetCommitRequest& request, std::int16_t version = 5) {
    auto now = step();
    const auto response = store_.commit_pending(now, request, version);
    return response.topics.at(0).partitions.at(0).error_code;
  }
  ErrorCode txn_commit(std::int64_t producer, const Commit& one) {
    return txn_commit(txn_request_of(producer, one));
  }
  void end(std::int64_t producer, bool is_commit) {
    store_.end_transaction(ProducerId{producer}, is_commit);
  }

  OffsetFetchResponse::Group fetch_all(std::int16_t version = by_name,
                                       bool require_stable = true) const {
    OffsetFetchRequest::Group request;
    request.group_id = "g";
    request.topics.reset();
    return store_.fetch(*image_, request, version, require_stable);
  }
  OffsetFetchResponse::Group::Topic fetch(const OffsetFetchRequest::Group::Topic& topic,
                                          std::int16_t version, bool require_stable = true) const {
    OffsetFetchRequest::Group request;
    request.group_id = "g";
    request.topics.emplace().push_back(topic);
    return store_.fetch(*image_, request, version, require_stable).topics.at(0);
  }
  Fetched fetch(const std::string& topic, std::int32_t partition = 0,
                bool require_stable = true) const {
    OffsetFetchRequest::Group::Topic asked;
    asked.name = topic;
    asked.partition_indexes = {PartitionIndex{partition}};
    return fetch(asked, by_name, require_stable).partitions.at(0);
  }
  bool is_unstable(const std::string& topic, std::int32_t partition = 0) const {
    return fetch(topic, partition).error_code == ErrorCode::unstable_offset_commit;
  }
  Fetched fetch_by_id(std::uint8_t number, std::int32_t partition = 0) const {
    OffsetFetchRequest::Group::Topic asked;
    asked.topic_id = id(number);
    asked.partition_indexes = {PartitionIndex{partition}};
    return fetch(asked, by_id).partitions.at(0);
  }
  /// What a reader sees that does not mind whether it may still change.
  std::int64_t offset_of(const std::string& topic, std::int32_t partition = 0) const {
    return fetch(topic, partition, false).committed_offset.value();
  }

  /// The newest trail that was written for a-0, as offsets.
  std::vector<std::int64_t> trail() const {
    std::vector<std::int64_t> offsets;
    for (const auto& record : effects_.records)
      if (const auto* one = std::get_if<OffsetTrailRecord>(&record)) {
        offsets.clear();
        if (one->value)
          for (const auto& entry : *one->value) offsets.push_back(entry.offset.value());
      }
    return offsets;
  }
  template <class R>
  std::size_t written() const {
    std::size_t count = 0;
    for (const auto& record : effects_.records) count += std::holds_alternative<R>(record) ? 1 : 0;
    return count;
  }
  bool expire() {
    auto now = step();
    return store_.expire(now, "g", group_, [this](std::string_view topic, PartitionIndex) {
      const auto end = ends_.find(topic);
      return end == ends_.end() ? std::optional<Offset>{} : Offset{end->second};
    });
  }

  Image image_;
  GroupOptions options_;
  base::SeededRandom random_{1};
  Deadlines deadlines_;
  Effects effects_;
  std::int64_t now_ms_ = start_ms;
  Group* group_ = nullptr;
  std::map<std::string, std::int64_t, std::less<>> ends_;
  OffsetStore store_;
};

class OffsetCommit : public OffsetStoreTest {};
class OffsetFetch : public OffsetStoreTest {};
class OffsetTrail : public OffsetStoreTest {};
class OffsetDelete : public OffsetStoreTest {};
class OffsetExpiry : public OffsetStoreTest {};
class TopicDeletion : public OffsetStoreTest {};
class TransactionalCommit : public OffsetStoreTest {};

TEST_F(OffsetCommit, IsFetchedAsItWasCommitted) {
  EXPECT_EQ(commit({"a", 1, 42, "note", 7}), ErrorCode::none);
  const auto fetched = fetch("a", 1);
  EXPECT_EQ(fetched.committed_offset, Offset{42});
  EXPECT_EQ(fetched.metadata, "note");
  EXPECT_EQ(fetched.committed_leader_epoch, LeaderEpoch{7});
  EXPECT_EQ(fetched.error_code, ErrorCode::none);
}

TEST_F(OffsetCommit, WritesOneRecordThatSaysAll) {
  commit({"a", 1, 42, "note", 7});
  OffsetCommitRecord expected{"g", "a", PartitionIndex{1}, OffsetCommitRecord::Value{}};
  expected.value->offset = Offset{42};
  expected.value->leader_epoch = LeaderEpoch{7};
  expected.value->metadata = "note";
  expected.value->commit_timestamp_ms = start_ms;
  expected.value->topic_id = id(1);
  ASSERT_EQ(effects_.records.size(), 1U);
  EXPECT_EQ(std::get<OffsetCommitRecord>(effects_.records[0]), expected);
}

TEST_F(OffsetCommit, TakesNullMetadataForNone) {
  EXPECT_EQ(commit({"a", 0, 1, std::nullopt}), ErrorCode::none);
  EXPECT_EQ(fetch("a").metadata, "");
}

TEST_F(OffsetCommit, MetadataIsMeasuredAsJavaMeasuresIt) {
  EXPECT_EQ(commit({"a", 0, 1, "12345678"}), ErrorCode::none);
  EXPECT_EQ(commit({"a", 0, 2, "123456789"}), ErrorCode::offset_metadata_too_large);
  // Eight letters of two bytes are eight; five of four bytes are ten.
  EXPECT_EQ(commit({"a", 0, 3, "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4"}),
            ErrorCode::none);
  EXPECT_EQ(commit({"a", 0, 4, "\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600"}),
            ErrorCode::offset_metadata_too_large);
  EXPECT_EQ(offset_of("a"), 3);
}

TEST_F(OffsetCommit, RefusesWhatTheImageDoesNotHaveAndStoresTheRest) {
  auto request = request_of({"a", 0, 5});
  request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
  request.topics[0].partitions[1].partition_index = PartitionIndex{3};
  request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
  request.topics[0].partitions[2].partition_index = PartitionIndex{-1};
  request.topics.push_back(request_of({"nowhere", 0, 5}).topics[0]);
  auto now = step();
  const auto response = store_.commit(now, nullptr, false, request, by_name);
  ASSERT_EQ(response.topics.size(), 2U);
  EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[0].partitions[1].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics[0].partitions[2].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(effects_.records.size(), 1U);
  EXPECT_EQ(store_.count(), 1U);
}

TEST_F(OffsetCommit, ByTopicIdIsOfThatTopic) {
  auto request = request_of({"", 0, 5});
  request.topics[0].topic_id = id(1);
  EXPECT_EQ(commit(request, false, by_id), ErrorCode::none);
  EXPECT_EQ(offset_of("a"), 5);
  request.topics[0].topic_id = id(9);
  EXPECT_EQ(commit(request, false, by_id), ErrorCode::unknown_topic_id);
  request.topics[0].topic_id = TopicId{};
  EXPECT_EQ(commit(request, false, by_id), ErrorCode::unknown_topic_id);
  request.topics[0].topic_id = id(1);
  request.topics[0].partitions[0].partition_index = PartitionIndex{3};
  EXPECT_EQ(commit(request, false, by_id), ErrorCode::unknown_topic_or_partition);
}

TEST_F(OffsetCommit, RetentionAndTimestampOfOldVersionsAreKept) {
  auto request = request_of({"a", 0, 1});
  request.retention_time_ms = 500;
  commit(request);
  auto stored = std::get<OffsetCommitRecord>(effects_.records.back()).value.value();
  EXPECT_EQ(stored.expire_timestamp_ms, start_ms + 500);
  request.retention_time_ms = -1;
  request.topics[0].partitions[0].commit_timestamp = 77;
  commit(request);
  stored = std::get<OffsetCommitRecord>(effects_.records.back()).value.value();
  EXPECT_EQ(stored.commit_timestamp_ms, 77);
  EXPECT_EQ(stored.expire_timestamp_ms, std::nullopt);
}

TEST_F(OffsetCommit, ARetentionBeyondAllTimeDoesNotExpire) {
  auto request = request_of({"a", 0, 1});
  request.retention_time_ms = INT64_MAX;
  commit(request);
  now_ms_ += 1000 * day_ms;
  EXPECT_FALSE(expire());
  EXPECT_EQ(offset_of("a"), 1);
}

TEST_F(OffsetCommit, ARefusalAnswersEveryPartition) {
  auto request = request_of({"a", 0, 1});
  request.topics.push_back(request_of({"nowhere", 4, 1}).topics[0]);
  const auto refused =
      OffsetStore::refuse(request, ErrorCode::illegal_generation, *image_, by_name);
  ASSERT_EQ(refused.topics.size(), 2U);
  EXPECT_EQ(refused.topics[0].name, "a");
  EXPECT_EQ(refused.topics[0].partitions[0].error_code, ErrorCode::illegal_generation);
  EXPECT_EQ(refused.topics[1].partitions[0].partition_index, PartitionIndex{4});
  EXPECT_EQ(refused.topics[1].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(OffsetFetch, WhatIsNotThereIsMinusOneWithoutAnError) {
  commit({"a", 0, 1});
  for (const auto& fetched : {fetch("a", 1), fetch("a", 77), fetch("b"), fetch("nowhere")}) {
    EXPECT_EQ(fetched.committed_offset, no_offset);
    EXPECT_EQ(fetched.committed_leader_epoch, no_leader_epoch);
    EXPECT_EQ(fetched.metadata, "");
    EXPECT_EQ(fetched.error_code, ErrorCode::none);
  }
}

TEST_F(OffsetFetch, NoTopicsMeansAll) {
  EXPECT_TRUE(fetch_all().topics.empty());
  commit({"b", 2, 22});
  commit({"b", 0, 20});
  commit({"a", 1, 11});
  const auto all = fetch_all();
  ASSERT_EQ(all.topics.size(), 2U);
  EXPECT_EQ(all.topics[0].name, "a");
  EXPECT_EQ(all.topics[1].partitions[0].committed_offset, Offset{20});
  EXPECT_EQ(all.topics[1].partitions[1].committed_offset, Offset{22});
  EXPECT_EQ(fetch_all(by_id).topics[0].topic_id, id(1));
}

TEST_F(OffsetFetch, ByTopicIdFindsWhatWasCommittedByName) {
  commit({"a", 0, 5});
  EXPECT_EQ(fetch_by_id(1).committed_offset, Offset{5});
  EXPECT_EQ(fetch_by_id(2).committed_offset, no_offset);
  EXPECT_EQ(fetch_by_id(9).error_code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(fetch_by_id(9).committed_offset, no_offset);
}

TEST_F(OffsetFetch, OffsetsOfADeletedTopicAreNotThoseOfItsSuccessor) {
  commit({"a", 0, 5});
  image_ = with_topic(without_topic(image_, 1), "a", 3);
  EXPECT_EQ(fetch_by_id(3).committed_offset, no_offset);
  EXPECT_EQ(offset_of("a"), -1);
  EXPECT_TRUE(fetch_all().topics.empty());
}

TEST_F(OffsetFetch, OfATopicThatIsGoneIsAnsweredByNameOnly) {
  commit({"a", 0, 5});
  image_ = without_topic(image_, 1);
  EXPECT_EQ(offset_of("a"), 5);
  EXPECT_EQ(fetch_all(by_name).topics.size(), 1U);
  EXPECT_TRUE(fetch_all(by_id).topics.empty());
}

TEST_F(OffsetFetch, AnOffsetWithoutTopicIdIsOfAnyTopicOfTheName) {
  OffsetCommitRecord record{"g", "a", PartitionIndex{0}, OffsetCommitRecord::Value{}};
  record.value->offset = Offset{5};
  store_.apply(record);
  EXPECT_EQ(fetch_by_id(1).committed_offset, Offset{5});
}

TEST_F(OffsetTrail, KeepsWhatAnAdministratorReplaced) {
  FakeGroup group;
  group_ = &group;
  commit({"a", 0, 100, "m", 3});
  now_ms_ += 1000;
  reset({"a", 0, 7});
  ASSERT_EQ(written<OffsetTrailRecord>(), 1U);
  const auto& record = std::get<OffsetTrailRecord>(effects_.records.at(1));
  EXPECT_EQ(record.topic, "a");
  const OffsetTrailRecord::Entry expected{Offset{100}, LeaderEpoch{3}, "m", start_ms,
                                          start_ms + 1000};
  EXPECT_EQ(record.value.value().at(0), expected);
  EXPECT_EQ(offset_of("a"), 7);
}

TEST_F(OffsetTrail, HasTheNewestTenInFront) {
  FakeGroup group;
  group_ = &group;
  for (std::int64_t i = 0; i < 14; ++i) reset({"a", 0, i});
  EXPECT_EQ(trail(), (std::vector<std::int64_t>{12, 11, 10, 9, 8, 7, 6, 5, 4, 3}));
}

TEST_F(OffsetTrail, IsNotLeftByMembersNorByTheFirstCommit) {
  FakeGroup group;
  group_ = &group;
  reset({"a", 0, 1});
  commit({"a", 0, 2});
  commit({"a", 0, 1});
  EXPECT_EQ(written<OffsetTrailRecord>(), 0U);
}

TEST_F(OffsetTrail, IsNotLeftWhereNothingChanges) {
  FakeGroup group;
  group_ = &group;
  commit({"a", 0, 5, "m", 1});
  reset({"a", 0, 5, "m"});
  EXPECT_EQ(written<OffsetTrailRecord>(), 0U);
  reset({"a", 0, 5, "other"});
  EXPECT_EQ(written<OffsetTrailRecord>(), 1U);
}

TEST_F(OffsetTrail, OfAConsumerWithoutAGroupIsNotWrittenAsItReadsOn) {
  commit({"a", 0, 1, "", 4});
  reset({"a", 0, 2, "", 4});
  reset({"a", 0, 3, "", 4});
  EXPECT_EQ(written<OffsetTrailRecord>(), 0U);
  reset({"a", 0, 9, "", -1});  // as an administrator's tool commits
  EXPECT_EQ(trail(), (std::vector<std::int64_t>{3}));
  reset({"a", 0, 0, "", -1});
  EXPECT_EQ(trail(), (std::vector<std::int64_t>{9, 3}));
}

TEST_F(OffsetTrail, GoesWithItsOffset) {
  FakeGroup group;
  group_ = &group;
  commit({"a", 0, 5});
  reset({"a", 0, 1});
  effects_.records.clear();
  store_.write_tombstones(effects_, "g");
  ASSERT_EQ(effects_.records.size(), 2U);
  EXPECT_EQ(std::get<OffsetCommitRecord>(effects_.records[0]).value, std::nullopt);
  EXPECT_EQ(std::get<OffsetTrailRecord>(effects_.records[1]).value, std::nullopt);
  EXPECT_TRUE(store_.group_ids().empty());
  EXPECT_EQ(store_.count(), 0U);
}

TEST_F(OffsetTrail, WithoutAnOffsetIsSweptAway) {
  OffsetTrailRecord record{"g", "a", PartitionIndex{0}, {}};
  record.value.emplace().push_back({});
  store_.apply(record);
  EXPECT_FALSE(store_.has_offsets("g"));
  EXPECT_EQ(store_.group_ids(), std::vector<std::string>{"g"});
  EXPECT_TRUE(expire());
  EXPECT_EQ(written<OffsetTrailRecord>(), 1U);
  EXPECT_TRUE(store_.group_ids().empty());
}

TEST_F(OffsetDelete, RemovesWhatIsThereAndNamesWhatIsNot) {
  commit({"a", 0, 5});
  OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics = {{"a", {{PartitionIndex{1}}, {PartitionIndex{0}}, {PartitionIndex{9}}}},
                    {"nowhere", {{PartitionIndex{0}}}}};
  effects_.records.clear();
  auto now = step();
  const auto response = store_.remove(now, nullptr, request);
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).partitions.at(1).error_code, ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).partitions.at(2).error_code,
            ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics.at(1).partitions.at(0).error_code,
            ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(effects_.records.size(), 1U);
  EXPECT_FALSE(store_.has_offsets("g"));
}

TEST_F(OffsetDelete, LeavesTopicsThatAMemberReads) {
  FakeGroup group;
  group.state = "Stable";
  group.has_members = true;
  group.topics = {"a"};
  group_ = &group;
  commit({"a", 0, 5});
  commit({"b", 0, 6});
  OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics = {{"a", {{PartitionIndex{0}}}}, {"b", {{PartitionIndex{0}}}}};
  auto now = step();
  const auto response = store_.remove(now, group_, request);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code,
            ErrorCode::group_subscribed_to_topic);
  EXPECT_EQ(response.topics.at(1).partitions.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(offset_of("a"), 5);
  EXPECT_EQ(offset_of("b"), -1);
}

TEST_F(OffsetDelete, IsRefusedAsAWholeForUnknownGroupsAndForeignMembers) {
  OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics = {{"a", {{PartitionIndex{0}}}}};
  auto now = step();
  EXPECT_EQ(store_.remove(now, nullptr, request).error_code, ErrorCode::group_id_not_found);
  FakeGroup group;
  group.protocol = "connect";
  group.state = "Stable";
  group.has_members = true;
  commit({"a", 0, 5});
  const auto response = store_.remove(now, &group, request);
  EXPECT_EQ(response.error_code, ErrorCode::non_empty_group);
  EXPECT_TRUE(response.topics.empty());
  EXPECT_EQ(offset_of("a"), 5);
}

TEST_F(OffsetDelete, OfUnknownTopicsOnlyDoesNotAskTheGroup) {
  OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics = {{"nowhere", {{PartitionIndex{0}}}}};
  auto now = step();
  const auto response = store_.remove(now, nullptr, request);
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code,
            ErrorCode::unknown_topic_or_partition);
}

TEST_F(OffsetDelete, TakesAPartitionThatIsNamedTwice) {
  commit({"a", 0, 5});
  effects_.records.clear();
  OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics = {{"a", {{PartitionIndex{0}}, {PartitionIndex{0}}}}};
  auto now = step();
  store_.remove(now, nullptr, request);
  EXPECT_EQ(effects_.records.size(), 1U);
}

TEST_F(TopicDeletion, TakesItsOffsetsFromEveryGroup) {
  commit({"a", 0, 5});
  commit({"b", 0, 6});
  auto other = request_of({"a", 1, 7});
  other.group_id = "h";
  commit(other);
  effects_.records.clear();
  auto now = step();
  store_.on_topic_deleted(now, "a", id(1));
  EXPECT_EQ(effects_.records.size(), 2U);
  EXPECT_EQ(store_.group_ids(), std::vector<std::string>{"g"});
  EXPECT_EQ(offset_of("a"), -1);
  EXPECT_EQ(offset_of("b"), 6);
}

TEST_F(TopicDeletion, LeavesOffsetsOfTheTopicThatTookTheName) {
  image_ = with_topic(without_topic(image_, 1), "a", 3);
  commit({"a", 0, 5});
  auto now = step();
  store_.on_topic_deleted(now, "a", id(1));
  EXPECT_EQ(offset_of("a"), 5);
}

TEST_F(TopicDeletion, TakesOffsetsThatDoNotSayOfWhichTopicTheyAre) {
  store_.apply(OffsetCommitRecord{"g", "a", PartitionIndex{0}, OffsetCommitRecord::Value{}});
  auto now = step();
  store_.on_topic_deleted(now, "a", id(1));
  EXPECT_FALSE(store_.has_offsets("g"));
}

TEST_F(OffsetExpiry, OfAGroupWithoutOffsetsHasNothingToDo) {
  EXPECT_TRUE(expire());
}

TEST_F(OffsetExpiry, WithoutMembersRunsFromTheCommit) {
  commit({"a", 0, 5});
  now_ms_ += day_ms - 1;
  commit({"a", 1, 6});
  EXPECT_FALSE(expire());
  EXPECT_EQ(offset_of("a", 0), 5);
  now_ms_ += 1;
  EXPECT_FALSE(expire());
  EXPECT_EQ(offset_of("a", 0), -1);
  EXPECT_EQ(offset_of("a", 1), 6);
  now_ms_ += day_ms;
  EXPECT_TRUE(expire());
  EXPECT_EQ(store_.count(), 0U);
}

TEST_F(OffsetExpiry, OfAnEmptyGroupRunsFromWhenItBecameEmpty) {
  FakeGroup group;
  group_ = &group;
  commit({"a", 0, 5});
  now_ms_ += 10 * day_ms;
  group.since_ms = now_ms_ - day_ms + 1;
  EXPECT_FALSE(expire());
  now_ms_ += 1;
  EXPECT_TRUE(expire());
}

TEST_F(OffsetExpiry, OfAnEmptyGroupThatDoesNotKnowSinceWhenRunsFromTheCommit) {
  FakeGroup group;
  group_ = &group;
  commit({"a", 0, 5});
  now_ms_ += day_ms;
  EXPECT_TRUE(expire());
}

TEST_F(OffsetExpiry, OfAStableGroupTakesOnlyTopicsThatNobodyReads) {
  FakeGroup group;
  group.state = "Stable";
  group.has_members = true;
  group.topics = {"b"};
  group_ = &group;
  commit({"a", 0, 5});
  commit({"b", 0, 6});
  now_ms_ += day_ms;
  EXPECT_FALSE(expire());
  EXPECT_EQ(offset_of("a"), -1);
  EXPECT_EQ(offset_of("b"), 6);
}

TEST_F(OffsetExpiry, OfARebalancingGroupWaits) {
  FakeGroup group;
  group.state = "PreparingRebalance";
  group.has_members = true;
  group_ = &group;
  commit({"a", 0, 5});
  now_ms_ += 100 * day_ms;
  EXPECT_FALSE(expire());
  EXPECT_EQ(offset_of("a"), 5);
}

TEST_F(OffsetExpiry, OfMembersThatAreNoConsumersWaits) {
  FakeGroup group;
  group.state = "Stable";
  group.protocol = "connect";
  group.has_members = true;
  group_ = &group;
  commit({"a", 0, 5});
  now_ms_ += 100 * day_ms;
  EXPECT_FALSE(expire());
  EXPECT_EQ(offset_of("a"), 5);
}

TEST_F(OffsetExpiry, OfAConsumerGroupRunsFromTheCommitInEveryState) {
  FakeGroup group;
  group.kind = Group::Type::consumer;
  group.state = "Reconciling";
  group.has_members = true;
  group.topics = {"b"};
  group_ = &group;
  commit({"a", 0, 5});
  commit({"b", 0, 6});
  now_ms_ += day_ms;
  EXPECT_FALSE(expire());
  EXPECT_EQ(offset_of("a"), -1);
  EXPECT_EQ(offset_of("b"), 6);
}

TEST_F(OffsetExpiry, AnExplicitTimeCountsForItself) {
  FakeGroup group;
  group.since_ms = start_ms;
  group_ = &group;
  auto request = request_of({"a", 0, 5});
  request.retention_time_ms = 10 * day_ms;
  commit(request);
  now_ms_ += 10 * day_ms - 1;
  EXPECT_FALSE(expire());
  now_ms_ += 1;
  EXPECT_TRUE(expire());
}

TEST_F(OffsetExpiry, KeepsAllOfAGroupThatHasNotReadEverything) {
  options_.retention_policy = OffsetRetention::keep;
  commit({"a", 0, 5});
  commit({"b", 0, 6});
  ends_ = {{"a", 5}, {"b", 7}};
  now_ms_ += 100 * day_ms;
  EXPECT_FALSE(expire());
  EXPECT_EQ(store_.count(), 2U);
  ends_["b"] = 6;
  EXPECT_TRUE(expire());
  EXPECT_EQ(store_.count(), 0U);
}

TEST_F(OffsetExpiry, KafkasRuleDoesNotAskForTheEnd) {
  commit({"a", 0, 5});
  ends_ = {{"a", 50}};
  now_ms_ += day_ms;
  EXPECT_TRUE(expire());
}

TEST_F(OffsetExpiry, ATopicThatIsGoneHoldsNothingBack) {
  options_.retention_policy = OffsetRetention::keep;
  commit({"a", 0, 5});
  now_ms_ += day_ms;
  EXPECT_TRUE(expire());
}

TEST_F(OffsetExpiry, ATopicThatTookTheNameHoldsNothingBack) {
  options_.retention_policy = OffsetRetention::keep;
  commit({"a", 0, 5});
  image_ = with_topic(without_topic(image_, 1), "a", 3);
  ends_ = {{"a", 50}};
  now_ms_ += day_ms;
  EXPECT_TRUE(expire());
}

TEST_F(TransactionalCommit, IsSeenFromItsCommitMarkerOn) {
  commit({"a", 0, 5});
  EXPECT_EQ(txn_commit(1, {"a", 0, 9, "note", 7}), ErrorCode::none);
  EXPECT_EQ(offset_of("a"), 5);
  EXPECT_TRUE(is_unstable("a"));
  end(1, true);
  const auto fetched = fetch("a");
  EXPECT_EQ(fetched.error_code, ErrorCode::none);
  EXPECT_EQ(fetched.committed_offset, Offset{9});
  EXPECT_EQ(fetched.metadata, "note");
  EXPECT_EQ(fetched.committed_leader_epoch, LeaderEpoch{7});
}

TEST_F(TransactionalCommit, OfAnAbortedTransactionIsNeverSeen) {
  commit({"a", 0, 5});
  txn_commit(1, {"a", 0, 9});
  end(1, false);
  EXPECT_EQ(offset_of("a"), 5);
  EXPECT_FALSE(is_unstable("a"));
}

TEST_F(TransactionalCommit, IsWrittenForItsProducer) {
  auto request = txn_request_of(4711, {"a", 0, 9});
  request.producer_epoch = ProducerEpoch{3};
  txn_commit(request);
  ASSERT_EQ(effects_.records.size(), 1U);
  EXPECT_EQ(effects_.producer, (coordinator::Producer{ProducerId{4711}, ProducerEpoch{3}}));
}

TEST_F(TransactionalCommit, BlocksOnlyItsOwnPartitionAndOnlyThoseWhoMind) {
  commit({"a", 0, 5});
  commit({"a", 1, 6});
  txn_commit(1, {"a", 0, 9});
  const auto all = fetch_all();
  EXPECT_EQ(all.topics.at(0).partitions.at(0).error_code, ErrorCode::unstable_offset_commit);
  EXPECT_EQ(all.topics.at(0).partitions.at(0).committed_offset, no_offset);
  EXPECT_EQ(all.topics.at(0).partitions.at(1).committed_offset, Offset{6});
  EXPECT_EQ(fetch_all(by_name, false).topics.at(0).partitions.at(0).committed_offset, Offset{5});
}

TEST_F(TransactionalCommit, OfANewPartitionIsNotListed) {
  txn_commit(1, {"a", 0, 9});
  EXPECT_TRUE(fetch_all().topics.empty());
  EXPECT_TRUE(is_unstable("a"));
  EXPECT_EQ(offset_of("a"), -1);
}

TEST_F(TransactionalCommit, IsReplacedByTheNextOfItsTransaction) {
  txn_commit(1, {"a", 0, 9});
  txn_commit(1, {"a", 0, 4});
  end(1, true);
  EXPECT_EQ(offset_of("a"), 4);
}

TEST_F(TransactionalCommit, DoesNotOverwriteWhatWasCommittedAfterIt) {
  txn_commit(1, {"a", 0, 9});
  commit({"a", 0, 5});
  EXPECT_TRUE(is_unstable("a"));
  end(1, true);
  EXPECT_EQ(offset_of("a"), 5);
  EXPECT_FALSE(is_unstable("a"));
}

TEST_F(TransactionalCommit, OfTheLaterRecordWinsWhateverMarkerComesFirst) {
  txn_commit(1, {"a", 0, 1});
  txn_commit(2, {"a", 0, 2});
  end(2, true);
  EXPECT_TRUE(is_unstable("a"));
  end(1, true);
  EXPECT_EQ(offset_of("a"), 2);

  txn_commit(1, {"a", 1, 1});
  txn_commit(2, {"a", 1, 2});
  end(1, true);
  EXPECT_EQ(offset_of("a", 1), 1);
  end(2, true);
  EXPECT_EQ(offset_of("a", 1), 2);
}

TEST_F(TransactionalCommit, IsKeptOutOnlyByWhatCounts) {
  txn_commit(1, {"a", 0, 1});
  txn_commit(2, {"a", 0, 2});
  end(2, false);
  end(1, true);
  EXPECT_EQ(offset_of("a"), 1);
}

TEST_F(TransactionalCommit, OfOneTransactionLeavesTheNextAlone) {
  txn_commit(1, {"a", 0, 1});
  end(1, false);
  txn_commit(1, {"a", 0, 2});
  end(1, true);
  EXPECT_EQ(offset_of("a"), 2);
  end(1, true);
  EXPECT_EQ(offset_of("a"), 2);
}

TEST_F(TransactionalCommit, IsRefusedForEachPartitionOnItsOwn) {
  EXPECT_EQ(txn_commit(1, {"a", 3, 9}), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(txn_commit(1, {"c", 0, 9}), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(txn_commit(1, {"a", 0, 9, "123456789"}), ErrorCode::offset_metadata_too_large);
  EXPECT_TRUE(effects_.records.empty());
  EXPECT_EQ(effects_.producer, std::nullopt);
  EXPECT_TRUE(store_.group_ids().empty());
}

TEST_F(TransactionalCommit, NamesTopicsByIdFromVersionSixOn) {
  auto request = txn_request_of(1, {"", 0, 9});
  request.topics[0].topic_id = id(1);
  EXPECT_EQ(txn_commit(request, 6), ErrorCode::none);
  EXPECT_TRUE(is_unstable("a"));
  request.topics[0].topic_id = id(9);
  EXPECT_EQ(txn_commit(request, 6), ErrorCode::unknown_topic_id);
}

TEST_F(TransactionalCommit, GoesWhenTheOffsetIsDeleted) {
  txn_commit(1, {"a", 0, 9});
  OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics.push_back({"a", {{PartitionIndex{0}}}});
  auto now = step();
  EXPECT_EQ(store_.remove(now, nullptr, request).error_code, ErrorCode::none);
  EXPECT_EQ(effects_.records.size(), 2U);
  EXPECT_FALSE(is_unstable("a"));
  end(1, true);
  EXPECT_EQ(offset_of("a"), -1);
  EXPECT_TRUE(store_.group_ids().empty());
}

TEST_F(TransactionalCommit, GoesWithItsGroupAndComesAgain) {
  txn_commit(1, {"a", 0, 9});
  store_.write_tombstones(effects_, "g");
  EXPECT_FALSE(store_.has_offsets("g"));
  EXPECT_EQ(store_.pending_count(), 0U);
  txn_commit(1, {"a", 0, 10});
  end(1, true);
  EXPECT_EQ(offset_of("a"), 10);
}

TEST_F(TransactionalCommit, GoesWithItsTopic) {
  txn_commit(1, {"a", 0, 9});
  auto now = step();
  store_.on_topic_deleted(now, "a", id(1));
  end(1, true);
  EXPECT_TRUE(store_.group_ids().empty());
}

TEST_F(TransactionalCommit, OfATopicThatTookTheNameStays) {
  image_ = with_topic(without_topic(image_, 1), "a", 3);
  txn_commit(1, {"a", 0, 9});
  auto now = step();
  store_.on_topic_deleted(now, "a", id(1));
  end(1, true);
  EXPECT_EQ(offset_of("a"), 9);
}

TEST_F(TransactionalCommit, KeepsTheOffsetThatItWouldReplaceFromExpiring) {
  commit({"a", 0, 5});
  txn_commit(1, {"a", 0, 9});
  now_ms_ += 10 * day_ms;
  EXPECT_FALSE(expire());
  EXPECT_EQ(offset_of("a"), 5);
  end(1, false);
  EXPECT_TRUE(expire());
  EXPECT_EQ(offset_of("a"), -1);
}

TEST_F(TransactionalCommit, IsAnOffsetOfItsGroup) {
  txn_commit(1, {"a", 0, 9});
  EXPECT_TRUE(store_.has_offsets("g"));
  EXPECT_FALSE(expire());
  EXPECT_EQ(store_.group_ids(), std::vector<std::string>{"g"});
  EXPECT_EQ(store_.count(), 0U);
  EXPECT_EQ(store_.pending_count(), 1U);
  end(1, true);
  EXPECT_EQ(store_.count(), 1U);
  EXPECT_EQ(store_.pending_count(), 0U);
}

/// What compaction leaves of a log is the latest record of each key, whenever its transaction ended.
TEST_F(TransactionalCommit, TheLatestRecordThatCountsIsTheOffset) {
  struct Written {
    std::int64_t producer = 0;  // 0: in no transaction
    std::int64_t offset = -1;   // -1: a tombstone
    enum class Fate { open, counts, aborted } fate = Fate::counts;
  };
  std::vector<Written> log;
  base::SeededRandom random(4242);
  for (int round = 0; round < support::rounds(20'000); ++round) {
    const auto producer = static_cast<std::int64_t>(1 + random.next() % 3);
    const Commit one{"a", 0, static_cast<std::int64_t>(random.next() % 1000)};
    switch (random.next() % 8) {
      case 0:
        store_.write_tombstones(effects_, "g");
        log.push_back({});
        break;
      case 1:
      case 2:
        commit(one);
        log.push_back({0, one.offset});
        break;
      case 3:
      case 4:
        txn_commit(producer, one);
        log.push_back({producer, one.offset, Written::Fate::open});
        break;
      default: {
        const bool is_commit = random.next() % 3 != 0;
        end(producer, is_commit);
        for (auto& written : log)
          if (written.producer == producer && written.fate == Written::Fate::open)
            written.fate = is_commit ? Written::Fate::counts : Written::Fate::aborted;
      }
    }
    std::int64_t latest = -1;
    bool is_open = false;
    for (const auto& written : log) {
      if (written.fate == Written::Fate::counts) latest = written.offset;
      is_open = written.offset >= 0 && (is_open || written.fate == Written::Fate::open);
    }
    ASSERT_EQ(offset_of("a"), latest) << "round " << round;
    ASSERT_EQ(is_unstable("a"), is_open) << "round " << round;
    ASSERT_EQ(store_.pending_count(), is_open ? 1U : 0U);
    if (!is_open && log.size() > 100) log.erase(log.begin(), log.end() - 50);
  }
}

TEST_F(OffsetStoreTest, IsTheFoldOfItsRecords) {
  FakeGroup group;
  group_ = &group;
  OffsetStore copy;
  const auto compare = [&] {
    for (const auto& record : effects_.records) {
      const auto* commit = std::get_if<OffsetCommitRecord>(&record);
      if (commit != nullptr && effects_.producer)
        copy.apply_pending(effects_.producer->id, *commit);
      else if (commit != nullptr)
        copy.apply(*commit);
      if (const auto* trail = std::get_if<OffsetTrailRecord>(&record)) copy.apply(*trail);
    }
    effects_ = {};
    EXPECT_EQ(store_.count(), copy.count());
    EXPECT_EQ(store_.pending_count(), copy.pending_count());
    OffsetFetchRequest::Group request;
    request.group_id = "g";
    request.topics.reset();
    const auto mine = store_.fetch(*image_, request, by_name, true);
    const auto other = copy.fetch(*image_, request, by_name, true);
    ASSERT_EQ(mine.topics.size(), other.topics.size());
    for (std::size_t t = 0; t < mine.topics.size(); ++t) {
      ASSERT_EQ(mine.topics[t].name, other.topics[t].name);
      ASSERT_EQ(mine.topics[t].partitions.size(), other.topics[t].partitions.size());
      for (std::size_t p = 0; p < mine.topics[t].partitions.size(); ++p) {
        const auto& one = mine.topics[t].partitions[p];
        const auto& two = other.topics[t].partitions[p];
        EXPECT_EQ(one.error_code, two.error_code);
        EXPECT_EQ(one.partition_index, two.partition_index);
        EXPECT_EQ(one.committed_offset, two.committed_offset);
        EXPECT_EQ(one.committed_leader_epoch, two.committed_leader_epoch);
        EXPECT_EQ(one.metadata, two.metadata);
      }
    }
  };
  base::SeededRandom random(4711);
  for (int round = 0; round < 1000; ++round) {
    const std::string topic = random.next() % 2 == 0 ? "a" : "b";
    const Commit one{topic, static_cast<std::int32_t>(random.next() % 3),
                     static_cast<std::int64_t>(random.next() % 100)};
    now_ms_ += static_cast<std::int64_t>(random.next() % 60'000);
    auto now = step();
    const auto producer = static_cast<std::int64_t>(random.next() % 3);
    switch (random.next() % 16) {
      case 12:
      case 13:
        txn_commit(producer, one);
        break;
      case 14:
      case 15: {
        const bool is_commit = random.next() % 2 == 0;
        end(producer, is_commit);
        copy.end_transaction(ProducerId{producer}, is_commit);
        break;
      }
      case 0:
        store_.write_tombstones(effects_, "g");
        break;
      case 1:
        store_.on_topic_deleted(now, topic, topic == "a" ? id(1) : id(2));
        break;
      case 2:
        now_ms_ += day_ms / 2;
        expire();
        break;
      case 3:
      case 4:
        reset(one);
        break;
      default:
        commit(one);
    }
    compare();
  }
  // The trails are the same, too: what both write at the end is.
  for (std::int32_t partition = 0; partition < 3; ++partition) reset({"a", partition, 1000});
  compare();
  Effects mine;
  Effects other;
  store_.write_tombstones(mine, "g");
  copy.write_tombstones(other, "g");
  EXPECT_EQ(mine.records, other.records);
}

TEST_F(OffsetStoreTest, ATombstoneOfNothingLeavesNothing) {
  store_.apply(OffsetCommitRecord{"g", "a", PartitionIndex{0}, std::nullopt});
  store_.apply(OffsetTrailRecord{"g", "a", PartitionIndex{0}, std::nullopt});
  store_.apply(
      OffsetTrailRecord{"g", "a", PartitionIndex{0}, std::vector<OffsetTrailRecord::Entry>{}});
  EXPECT_TRUE(store_.group_ids().empty());
  EXPECT_EQ(store_.count(), 0U);
}

}  // namespace
}  // namespace moldau::group
