// What a start makes of a directory that was not closed.

#include <gtest/gtest.h>

#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::storage {

using base::Errc;
using support::MemoryFileSystem;
using support::plain_batch;

TEST(Recovery, AKilledProcessLosesNothingThatWasCommitted) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(test.append(*log, plain_batch(3, 50)).has_value());
    ASSERT_TRUE(test.directory->commit().has_value());
  }
  const auto expected = read_all(*log).value();
  ASSERT_TRUE(test.append(*log, plain_batch(3, 50)).has_value());  // not committed
  const auto left = fs.after_kill();
  for (int start = 0; start < 2; ++start) {  // killed again right after the first
    TestDirectory again(*left, small_options(), 2);
    ASSERT_TRUE(again.open().has_value());
    EXPECT_FALSE(again.directory->opened().clean);
    const auto found = again.log().value();
    EXPECT_EQ(read_all(*found).value(), expected);
    EXPECT_EQ(found->durable_offset(), Offset{30});
  }
}

TEST(Recovery, TheLaneIsUsedInTurnAndReplayedAcrossItsFiles) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  LogOptions options;
  options.segment_bytes = 300 * 1024;
  const auto log = test.log(0, options).value();
  const auto other = test.log(1, options).value();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(test.append(*log, plain_batch(1, 10'000)).has_value());
    if (i % 3 == 0) {
      ASSERT_TRUE(test.append(*other, plain_batch(2, 100)).has_value());
    }
    ASSERT_TRUE(test.directory->commit().has_value());
    if (i % 50 == 0) {
      ASSERT_TRUE(test.directory->write_behind().has_value());
    }
    if (i % 17 != 0) continue;
    const auto left = fs.after_kill();
    TestDirectory again(*left, small_options(), 2);
    ASSERT_TRUE(again.open().has_value());
    EXPECT_EQ(read_all(*again.log(0).value()).value(), read_all(*log).value());
    EXPECT_EQ(read_all(*again.log(1).value()).value(), read_all(*other).value());
  }
}

TEST(Recovery, AppendsGoOnAfterIt) {
  MemoryFileSystem fs;
  std::vector<StoredBatch> expected;
  auto disk = fs.after_kill();
  for (int life = 0; life < 6; ++life) {
    TestDirectory test(*disk, small_options(), static_cast<std::uint64_t>(life));
    ASSERT_TRUE(test.open().has_value());
    const auto log = test.log().value();
    EXPECT_EQ(read_all(*log).value(), expected);
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(test.append(*log, plain_batch(2, 3000), life).has_value());
      ASSERT_TRUE(test.directory->commit().has_value());
      if (i == life * 3) {
        ASSERT_TRUE(test.directory->checkpoint().has_value());
      }
    }
    expected = read_all(*log).value();
    EXPECT_EQ(log->end_of_epoch(LeaderEpoch{life}).end_offset, log->end_offset());
    disk = disk->after_kill();
  }
}

TEST(Recovery, RemembersFiveBatchesOfAProducer) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  const auto batch = [](int sequence) {
    record::BatchOptions options;
    options.producer_id = ProducerId{5};
    options.producer_epoch = ProducerEpoch{0};
    options.base_sequence = sequence;
    return plain_batch(1, 10, options);
  };
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(test.append(*log, batch(i)).has_value());
    ASSERT_TRUE(test.directory->commit().has_value());
    if (i == 5) {
      ASSERT_TRUE(test.directory->checkpoint().has_value());
    }
  }
  ASSERT_TRUE(test.append(*log, batch(8)).has_value());  // lost
  const auto left = fs.after_kill();
  TestDirectory again(*left, small_options(), 2);
  ASSERT_TRUE(again.open().has_value());
  const auto found = again.log().value();
  for (int i = 3; i < 8; ++i) EXPECT_TRUE(again.append(*found, batch(i)).value().duplicate) << i;
  EXPECT_FALSE(again.append(*found, batch(8)).value().duplicate);
}

TEST(Recovery, ASnapshotOfARollThatACrashUndidIsNotKept) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  LogOptions options;
  options.segment_bytes = 2500;
  const auto log = test.log(0, options).value();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
    ASSERT_TRUE(test.directory->commit().has_value());
    if (i == 1) {
      ASSERT_TRUE(test.directory->checkpoint().has_value());
    }
  }
  test.clock.advance(std::chrono::seconds(2));
  ASSERT_TRUE(test.directory->write_behind().has_value());  // rolls at 2; no checkpoint follows
  const auto left = fs.after_kill();
  const std::string path = "data/topic-0/00000000000000000002.snapshot";
  ASSERT_TRUE(left->open(path, FileSystem::Open::read_write).value()->truncate(0).has_value());
  TestDirectory again(*left, small_options(), 2);
  ASSERT_TRUE(again.open().has_value());
  EXPECT_EQ(again.log(0).value()->end_offset(), Offset{3});
  ASSERT_TRUE(again.directory->close(1).has_value());
  EXPECT_EQ(left->info(path).error().code, Errc::not_found);  // or else it is torn for ever
}

TEST(Recovery, ASegmentThatLostSyncedBytesIsOfflineAndNothingIsDeleted) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log(0).value();
  const auto other = test.log(1).value();
  ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
  ASSERT_TRUE(test.append(*other, plain_batch(1, 1000)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  ASSERT_TRUE(test.directory->checkpoint().has_value());
  const auto left = fs.after_kill();
  const std::string path = "data/topic-0/00000000000000000000.log";
  ASSERT_TRUE(left->open(path, FileSystem::Open::read_write).value()->truncate(500).has_value());
  TestDirectory again(*left, small_options(), 2);
  ASSERT_TRUE(again.open().has_value());
  const auto damaged = again.log(0).value();
  ASSERT_TRUE(damaged->offline().has_value());
  EXPECT_EQ(damaged->offline()->code, Errc::damaged);
  EXPECT_EQ(again.append(*damaged, plain_batch(1, 10)).error().code, Errc::damaged);
  EXPECT_EQ(left->info(path).value().size, 500U);
  EXPECT_EQ(read_all(*again.log(1).value()).value().size(), 1U);
  // It stays offline over an orderly stop and another crash, and comes back with its bytes.
  ASSERT_TRUE(again.directory->close(1).has_value());
  again.directory.reset();
  for (int start = 0; start < 2; ++start) {
    TestDirectory later(*left, small_options(), 5);
    ASSERT_TRUE(later.open().has_value());
    EXPECT_TRUE(later.log(0).value()->offline().has_value());
    EXPECT_EQ(later.log(1).value()->end_offset(), Offset{1});
  }
  EXPECT_EQ(left->info(path).value().size, 500U);
  const auto whole = read_whole(fs, path).value();
  ASSERT_TRUE(write_whole(*left, path, whole).has_value());
  TestDirectory healed(*left, small_options(), 6);
  ASSERT_TRUE(healed.open().has_value());
  EXPECT_EQ(read_all(*healed.log(0).value()).value().size(), 1U);
}

TEST(Recovery, RotThatShowsWhenTheIndexIsMadeAnewCutsNothing) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  LogOptions options;
  options.index_interval_bytes = 300;
  const auto log = test.log(0, options).value();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  ASSERT_TRUE(test.directory->checkpoint().has_value());
  const auto left = fs.after_kill();
  const std::string path = "data/topic-0/00000000000000000000.log";
  left->flip_bit(path, left->info(path).value().size / 2, 0);
  ASSERT_TRUE(left->remove("data/topic-0/00000000000000000000.index").has_value());
  const auto contents = read_whole(*left, path).value();
  {
    TestDirectory again(*left, small_options(), 2);
    ASSERT_TRUE(again.open().has_value());
    const auto found = again.log(0, options).value();
    ASSERT_TRUE(again.append(*found, plain_batch(1, 10)).has_value());
    ASSERT_TRUE(again.directory->commit().has_value());
    again.clock.advance(std::chrono::seconds(2));
    ASSERT_TRUE(again.directory->write_behind().has_value());
    EXPECT_EQ(read_all(*found).error().code, Errc::damaged);
    EXPECT_EQ(found->offline()->code, Errc::damaged);
    ASSERT_TRUE(again.directory->checkpoint().has_value());
  }
  TestDirectory later(*left, small_options(), 3);
  ASSERT_TRUE(later.open().has_value());
  EXPECT_EQ(read_whole(*left, path).value().substr(0, contents.size()), contents);
}

TEST(Recovery, WhatTheLaneHasForADamagedLogIsSetAside) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log(0).value();
  ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  ASSERT_TRUE(test.directory->checkpoint().has_value());
  const auto later = plain_batch(1, 500);
  ASSERT_TRUE(test.append(*log, later).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  const auto left = fs.after_kill();
  const std::string path = "data/topic-0/00000000000000000000.log";
  ASSERT_TRUE(left->open(path, FileSystem::Open::read_write).value()->truncate(500).has_value());
  for (int start = 0; start < 3; ++start) {
    TestDirectory again(*left, small_options(), static_cast<std::uint64_t>(start) + 2);
    ASSERT_TRUE(again.open().has_value());
    ASSERT_TRUE(again.log(0).value()->offline().has_value());
    EXPECT_EQ(read_whole(*left, "data/.moldau/offline.topic-0.00000000000000000001").value(),
              base::as_text(later.view()));
    if (start == 1) {
      ASSERT_TRUE(again.directory->close(1).has_value());
    }
  }
}

TEST(Recovery, ALaneBlockThatWasDurableAndIsLostStopsTheStart) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
    ASSERT_TRUE(test.directory->commit().has_value());
  }
  const auto left = fs.after_kill();
  left->flip_bit("data/.moldau/lane.0", 4096 + 300, 1);  // the second of four commits
  TestDirectory again(*left, small_options(), 2);
  EXPECT_EQ(again.open().error().code, Errc::damaged);
  // The last block may have been torn by the crash itself: it is cut.
  const auto torn = fs.after_kill();
  torn->flip_bit("data/.moldau/lane.0", 3 * 4096 + 300, 1);
  TestDirectory shorter(*torn, small_options(), 3);
  ASSERT_TRUE(shorter.open().has_value());
  EXPECT_EQ(shorter.log().value()->end_offset(), Offset{3});
}

TEST(Recovery, DeletedLogsStayDeletedAndNamesMayBeUsedAgain) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  ASSERT_TRUE(test.directory->delete_log({test_topic, PartitionIndex{0}}).has_value());
  EXPECT_TRUE(log->offline().has_value());
  const auto new_id = *base::Uuid::parse("AAAAAAAAAAAAAAAAAAAABg");
  const auto next =
      test.directory->create_log({"topic", PartitionIndex{0}}, new_id, LogOptions{}).value();
  ASSERT_TRUE(test.append(*next, plain_batch(7, 10)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  const auto left = fs.after_kill();
  TestDirectory again(*left, small_options(), 2);
  ASSERT_TRUE(again.open().has_value());
  EXPECT_EQ(again.directory->find({test_topic, PartitionIndex{0}}), nullptr);
  EXPECT_EQ(again.directory->find({new_id, PartitionIndex{0}})->end_offset(), Offset{7});
  ASSERT_TRUE(again.directory->remove_deleted().has_value());
  for (const auto& name : left->list("data").value()) EXPECT_FALSE(name.ends_with("-delete")) << name;
}

TEST(Recovery, ADirectoryThatIsMissingIsNotServedEmpty) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  ASSERT_TRUE(test.directory->checkpoint().has_value());
  const auto left = fs.after_kill();
  ASSERT_TRUE(left->remove_directory("data/topic-0").has_value());
  TestDirectory again(*left, small_options(), 2);
  ASSERT_TRUE(again.open().has_value());
  EXPECT_EQ(again.log().value()->offline()->code, Errc::damaged);
}

TEST(Recovery, AStaleMarkerIsNotBelieved) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  ASSERT_TRUE(test.append(*log, plain_batch(5, 10)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  const auto left = fs.after_kill();
  ASSERT_TRUE(write_whole(*left, "data/.kafka_cleanshutdown", "{\"version\":0,\"brokerEpoch\":3}")
                  .has_value());
  TestDirectory again(*left, small_options(), 2);
  ASSERT_TRUE(again.open().has_value());
  EXPECT_FALSE(again.directory->opened().clean);
  EXPECT_EQ(again.log().value()->end_offset(), Offset{5});
}

TEST(Recovery, ACrashOfKafkaIsCutAtTheFirstBadBatch) {
  MemoryFileSystem fs;
  {
    TestDirectory test(fs);
    ASSERT_TRUE(test.open().has_value());
    const auto log = test.log().value();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(test.append(*log, plain_batch(2, 100)).has_value());
    ASSERT_TRUE(test.directory->close(1).has_value());
  }
  // Kafka would not start beside a folder that is no partition's.
  EXPECT_EQ(fs.list("data").value(),
            (std::vector<std::string>{".kafka_cleanshutdown", ".lock", ".moldau.closed",
                                      "log-start-offset-checkpoint", "meta.properties",
                                      "recovery-point-offset-checkpoint",
                                      "replication-offset-checkpoint", "topic-0"}));
  // As Kafka leaves it: no marker, an older recovery point, and a torn tail.
  ASSERT_TRUE(fs.remove("data/.kafka_cleanshutdown").has_value());
  ASSERT_TRUE(write_whole(fs, "data/recovery-point-offset-checkpoint", "0\n1\ntopic 0 4\n")
                  .has_value());
  const std::string path = "data/topic-0/00000000000000000000.log";
  const auto file = fs.open(path, FileSystem::Open::read_write).value();
  const auto size = file->size().value();
  ASSERT_TRUE(file->truncate(size - 5).has_value());
  TestDirectory again(fs, small_options(), 2);
  ASSERT_TRUE(again.open().has_value());
  const auto log = again.log().value();
  EXPECT_EQ(log->end_offset(), Offset{8});
  EXPECT_GT(again.directory->opened().truncated_bytes, 0U);
  EXPECT_EQ(read_all(*log).value().size(), 4U);
  again.directory.reset();
  // Below the recovery point nothing is cut.
  const auto left = fs.after_kill();
  ASSERT_TRUE(left->remove_directory("data/.moldau").has_value());
  left->flip_bit(path, 250, 1);
  TestDirectory damaged(*left, small_options(), 3);
  ASSERT_TRUE(damaged.open().has_value());
  EXPECT_EQ(damaged.log().value()->offline()->code, Errc::damaged);
  ASSERT_TRUE(damaged.directory->close(1).has_value());
  damaged.directory.reset();
  TestDirectory still(*left, small_options(), 4);
  ASSERT_TRUE(still.open().has_value());
  EXPECT_TRUE(still.log().value()->offline().has_value());
}

TEST(Recovery, RefusesForeignLockedAndUnknownDirectories) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  TestDirectory second(fs);
  EXPECT_EQ(second.open().error().code, Errc::locked);
  ASSERT_TRUE(test.directory->close(1).has_value());
  test.directory.reset();
  support::ManualClock clock;
  base::SeededRandom random(1);
  EXPECT_EQ(LogDirectory::open(fs, "data", {"other", BrokerId{1}, {}}, {}, clock, random)
                .error().code,
            Errc::foreign_directory);
  EXPECT_EQ(LogDirectory::open(fs, "data", {"", BrokerId{2}, {}}, {}, clock, random).error().code,
            Errc::foreign_directory);
  ASSERT_TRUE(fs.make_directory("home").has_value());
  ASSERT_TRUE(write_whole(fs, "home/thesis.txt", "x").has_value());
  EXPECT_EQ(LogDirectory::open(fs, "home", {"", BrokerId{1}, {}}, {}, clock, random).error().code,
            Errc::foreign_directory);
}

/// A directory on `disk` takes a batch, and after a power cut that leaves nothing that was not synced it has it.
void expect_batches_to_survive(MemoryFileSystem& disk) {
  TestDirectory test(disk, small_options(), 2);
  ASSERT_TRUE(test.open().has_value());
  ASSERT_TRUE(test.append(*test.log().value(), plain_batch(1, 10)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  const auto left = disk.after_power_cut(std::vector<std::uint64_t>{});
  TestDirectory again(*left, small_options(), 3);
  ASSERT_TRUE(again.open().has_value());
  const auto log = again.directory->find({test_topic, PartitionIndex{0}});
  ASSERT_NE(log, nullptr);
  ASSERT_FALSE(log->offline().has_value()) << log->offline()->message;
  EXPECT_EQ(log->end_offset(), Offset{1});
}

TEST(Recovery, ALogThatAKilledProcessWasMakingIsMadeDurable) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  ASSERT_TRUE(test.log().has_value());  // and its entry in the lane is not committed
  expect_batches_to_survive(*fs.after_kill());
}

TEST(Recovery, ALogThatAPowerCutLeftInPiecesIsMadeDurable) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  ASSERT_TRUE(test.log().has_value());
  std::vector<std::uint64_t> survivors;  // all but its segment
  for (const auto operation : fs.unsynced_operations())
    if (!fs.describe(operation).ends_with(".log")) survivors.push_back(operation);
  expect_batches_to_survive(*fs.after_power_cut(survivors));
}

TEST(Recovery, ALogOfNoTopicIsMovedAsideWithItsFiles) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log(0).value();
  ASSERT_TRUE(test.append(*log, plain_batch(1, 100)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  const TopicIdPartition id{test_topic, PartitionIndex{0}};
  const auto moved = test.directory->move_aside(id);
  ASSERT_TRUE(moved.has_value());
  EXPECT_TRUE(moved.value().starts_with("data/topic-0."));
  EXPECT_TRUE(moved.value().ends_with("-stray"));
  EXPECT_TRUE(log->offline().has_value());
  EXPECT_EQ(test.directory->move_aside(id).error().code, Errc::not_found);
  ASSERT_TRUE(test.log(0).has_value());  // the name is free again
  ASSERT_TRUE(test.directory->commit().has_value());
  test.clock.advance(std::chrono::hours(1));
  ASSERT_TRUE(test.directory->remove_deleted().has_value());
  EXPECT_TRUE(fs.info(moved.value() + "/00000000000000000000.log").has_value());
  const auto left = fs.after_kill();
  TestDirectory again(*left, small_options(), 2);
  ASSERT_TRUE(again.open().has_value());
  EXPECT_EQ(again.directory->logs().size(), 1U);
  EXPECT_EQ(again.log(0).value()->end_offset(), Offset{0});
}

}  // namespace moldau::storage
