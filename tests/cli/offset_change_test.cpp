#include "cli/offset_change.hpp"

#include <gtest/gtest.h>

namespace moldau::cli {
namespace {

using Kind = ResetTarget::Kind;
using Entry = group::OffsetTrailRecord::Entry;

constexpr PartitionFacts facts{Offset{40}, Offset{10}, Offset{100}, Offset{55}};

std::int64_t target(Kind kind, std::int64_t value = 0) {
  return target_offset({kind, value}, facts).value().value();
}

TEST(TopicSelection, IsATopicOrSomeOfItsPartitions) {
  EXPECT_EQ(parse_topic_selection("a").value().topic, "a");
  EXPECT_TRUE(parse_topic_selection("a").value().partitions.empty());
  const auto some = parse_topic_selection("a.b:0,12").value();
  EXPECT_EQ(some.topic, "a.b");
  EXPECT_EQ(some.partitions, (std::vector<PartitionIndex>{PartitionIndex{0}, PartitionIndex{12}}));
}

TEST(TopicSelection, RefusesWhatIsNone) {
  for (const char* text : {"", ":0", "a:", "a:,", "a:0,", "a:x", "a:-1", "a:0x", "a:99999999999"})
    EXPECT_FALSE(parse_topic_selection(text)) << text;
}

TEST(ResetTarget, GoesWhereItIsTold) {
  EXPECT_EQ(target(Kind::earliest), 10);
  EXPECT_EQ(target(Kind::latest), 100);
  EXPECT_EQ(target(Kind::offset, 42), 42);
  EXPECT_EQ(target(Kind::time), 55);
  EXPECT_EQ(target(Kind::shift, 5), 45);
  EXPECT_EQ(target(Kind::shift, -5), 35);
}

TEST(ResetTarget, StaysInTheLog) {
  EXPECT_EQ(target(Kind::offset, 3), 10);
  EXPECT_EQ(target(Kind::offset, 300), 100);
  EXPECT_EQ(target(Kind::shift, -300), 10);
  EXPECT_EQ(target(Kind::shift, 300), 100);
  EXPECT_EQ(target(Kind::shift, INT64_MAX), 100);
  EXPECT_EQ(target(Kind::shift, INT64_MIN), 10);
}

TEST(ResetTarget, OfATimeAfterTheLastRecordIsTheEnd) {
  auto late = facts;
  late.at_time.reset();
  EXPECT_EQ(target_offset({Kind::time, 0}, late).value(), Offset{100});
}

TEST(ResetTarget, CannotShiftFromNowhere) {
  auto fresh = facts;
  fresh.committed.reset();
  EXPECT_FALSE(target_offset({Kind::shift, 1}, fresh));
  EXPECT_EQ(target_offset({Kind::earliest, 0}, fresh).value(), Offset{10});
}

Entry entry(std::int64_t offset, std::int64_t replaced_at_ms) {
  return {Offset{offset}, LeaderEpoch{1}, "m", 0, replaced_at_ms};
}

TopicPartition partition(std::int32_t index) {
  return {"a", PartitionIndex{index}};
}

group::OffsetTrailRecord trail(const std::string& group_id, std::int32_t index,
                               std::optional<std::vector<Entry>> entries) {
  return {group_id, "a", PartitionIndex{index}, std::move(entries)};
}

TEST(Trails, AreTheNewestRecordsOfTheGroup) {
  Trails trails;
  collect_trail(trails, "g", trail("g", 0, {{entry(1, 10)}}));
  collect_trail(trails, "g", group::OffsetCommitRecord{"g", "a", PartitionIndex{0}, std::nullopt});
  collect_trail(trails, "g", trail("g", 0, {{entry(2, 20), entry(1, 10)}}));
  collect_trail(trails, "g", trail("h", 0, {{entry(7, 70)}}));
  collect_trail(trails, "g", trail("g", 1, {{entry(3, 30)}}));
  collect_trail(trails, "g", trail("g", 1, std::nullopt));
  ASSERT_EQ(trails.size(), 1U);
  EXPECT_EQ(trails[partition(0)], (std::vector<Entry>{entry(2, 20), entry(1, 10)}));
}

TEST(UndoPlan, RestoresWhatTheLastResetReplaced) {
  const Trails trails{{partition(0), {entry(2, 20), entry(1, 10)}},
                      {partition(1), {entry(4, 20)}},
                      {partition(2), {entry(5, 10)}}};
  const auto plan = plan_undo(trails, 1).value();
  EXPECT_EQ(plan.reset_at_ms, 20);
  const std::map<TopicPartition, Entry> expected{{partition(0), entry(2, 20)},
                                                 {partition(1), entry(4, 20)}};
  EXPECT_EQ(plan.offsets, expected);
}

TEST(UndoPlan, GoesBackSeveralResets) {
  const Trails trails{{partition(0), {entry(2, 20), entry(1, 10)}},
                      {partition(1), {entry(4, 20)}},
                      {partition(2), {entry(5, 10)}}};
  const auto plan = plan_undo(trails, 2).value();
  EXPECT_EQ(plan.reset_at_ms, 10);
  const std::map<TopicPartition, Entry> expected{
      {partition(0), entry(1, 10)}, {partition(1), entry(4, 20)}, {partition(2), entry(5, 10)}};
  EXPECT_EQ(plan.offsets, expected);
}

TEST(UndoPlan, OfMoreThanIsRememberedIsAnError) {
  EXPECT_FALSE(plan_undo({}, 1));
  const Trails trails{{partition(0), {entry(2, 20), entry(1, 10)}}};
  EXPECT_TRUE(plan_undo(trails, 2));
  EXPECT_FALSE(plan_undo(trails, 3));
  EXPECT_FALSE(plan_undo(trails, 0));
}

}  // namespace
}  // namespace moldau::cli
