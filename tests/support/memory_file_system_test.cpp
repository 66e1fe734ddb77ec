#include "tests/support/memory_file_system.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/support/manual_clock.hpp"

namespace moldau::support {
namespace {

using base::as_bytes;
using base::Errc;
using storage::read_whole;
using Open = storage::FileSystem::Open;

/// What is in `path`, or "-" when it is not there.
std::string contents(MemoryFileSystem& fs, const std::string& path) {
  const auto read = read_whole(fs, path);
  return read.has_value() ? read.value() : "-";
}

/// Every outcome of a power cut now.
std::set<std::string> outcomes(const MemoryFileSystem& fs, const std::string& path,
                               std::size_t samples = 200) {
  std::set<std::string> seen;
  for_each_power_cut(fs, {.samples = samples},
                     [&](MemoryFileSystem& left, std::string_view) {
                       seen.insert(contents(left, path));
                     });
  return seen;
}

/// A durable, empty file.
std::shared_ptr<storage::File> durable_file(MemoryFileSystem& fs, const std::string& path) {
  auto file = fs.open(path, Open::create).value();
  EXPECT_TRUE(file->sync().has_value());
  EXPECT_TRUE(fs.sync_directory(".").has_value());
  return file;
}

TEST(MemoryFileSystem, IsAFileSystem) {
  ManualClock clock(1234);
  MemoryFileSystem fs(&clock);
  EXPECT_EQ(fs.open("a", Open::read).error().code, Errc::not_found);
  EXPECT_EQ(fs.open("d/a", Open::create).error().code, Errc::not_found);
  ASSERT_TRUE(fs.make_directory("d").has_value());
  ASSERT_TRUE(fs.make_directory("/d/").has_value());
  const auto file = fs.open("d/a", Open::create_new).value();
  EXPECT_EQ(fs.open("./d//a", Open::create_new).error().code, Errc::already_exists);
  ASSERT_TRUE(file->write(2, {as_bytes("ab"), as_bytes("c")}).has_value());
  EXPECT_EQ(contents(fs, "d/a"), std::string("\0\0abc", 5));
  ASSERT_TRUE(file->truncate(3).has_value());
  EXPECT_EQ(file->size().value(), 3u);
  EXPECT_EQ(fs.info("d/a").value().modified_ms, 1234);
  ASSERT_TRUE(fs.rename("d/a", "d/b").has_value());
  EXPECT_EQ(fs.list("d").value(), std::vector<std::string>{"b"});
  EXPECT_EQ(fs.remove("d").error().code, Errc::io);
  ASSERT_TRUE(fs.remove_directory("d").has_value());
  EXPECT_EQ(fs.info("d").error().code, Errc::not_found);
  std::uint8_t byte = 0;
  EXPECT_EQ(file->read(2, {&byte, 1}).value(), 1u) << "an unlinked file stays readable";
  EXPECT_EQ(byte, 'a');
  EXPECT_EQ(fs.open("e", Open::create).value()->descriptor(), -1);
}

TEST(MemoryFileSystem, LocksExclude) {
  MemoryFileSystem fs;
  {
    const auto lock = fs.lock(".lock");
    ASSERT_TRUE(lock.has_value());
    EXPECT_EQ(fs.lock(".lock").error().code, Errc::locked);
    EXPECT_TRUE(fs.after_kill()->lock(".lock").has_value()) << "a dead process holds none";
  }
  EXPECT_TRUE(fs.lock(".lock").has_value());
}

TEST(MemoryFileSystem, DirectWritesMustBeAligned) {
  MemoryFileSystem fs;
  const auto file = fs.open("lane", Open::direct).value();
  alignas(4096) static std::uint8_t pages[8192] = {};
  EXPECT_TRUE(file->write(4096, base::ByteView(pages, 4096)).has_value());
  EXPECT_TRUE(file->write(100, base::ByteView(pages, 4096)).has_error());
  EXPECT_TRUE(file->write(0, base::ByteView(pages, 100)).has_error());
  EXPECT_TRUE(file->write(0, base::ByteView(pages + 1, 4096)).has_error());
}

TEST(PowerCut, KeepsWhatWasSynced) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  ASSERT_TRUE(file->write(0, as_bytes("hello")).has_value());
  ASSERT_TRUE(file->sync().has_value());
  EXPECT_TRUE(fs.unsynced_operations().empty());
  EXPECT_EQ(outcomes(fs, "a"), std::set<std::string>{"hello"});
}

TEST(PowerCut, MayLoseOrKeepAnUnsyncedWrite) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  ASSERT_TRUE(file->write(0, as_bytes("old")).has_value());
  ASSERT_TRUE(file->sync().has_value());
  ASSERT_TRUE(file->write(0, as_bytes("new")).has_value());
  const auto seen = outcomes(fs, "a", 0);
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST(PowerCut, TearsAWriteBetweenSectorsInAnyOrder) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  ASSERT_TRUE(file->write(0, as_bytes(std::string(1024, 'o'))).has_value());
  ASSERT_TRUE(file->sync().has_value());
  ASSERT_TRUE(file->write(0, as_bytes(std::string(1024, 'n'))).has_value());
  std::set<std::string> ends;
  for (const std::string& outcome : outcomes(fs, "a")) {
    ends.insert({outcome[0], outcome[511], outcome[512], outcome[1023]});
  }
  EXPECT_TRUE(ends.contains("oooo"));
  EXPECT_TRUE(ends.contains("nnnn"));
  EXPECT_TRUE(ends.contains("nnoo"));
  EXPECT_TRUE(ends.contains("oonn")) << "the later sector may be there without the earlier";
  EXPECT_TRUE(ends.contains("nooo") || ends.contains("oono")) << "a sector may be torn";
}

TEST(PowerCut, MayLeaveAHoleOrZerosWhereAFileGrew) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  ASSERT_TRUE(file->write(0, as_bytes(std::string(1024, 'n'))).has_value());
  std::set<std::pair<std::size_t, std::string>> seen;
  for (const std::string& outcome : outcomes(fs, "a")) {
    const std::string ends =
        outcome.empty() ? "" : std::string{outcome.front(), outcome.back()};
    seen.emplace(outcome.size(), ends);
  }
  EXPECT_TRUE(seen.contains({0, ""}));
  EXPECT_TRUE(seen.contains({512, "nn"}));
  EXPECT_TRUE(seen.contains({1024, "nn"}));
  EXPECT_TRUE(seen.contains({1024, std::string("\0n", 2)})) << "a hole before the second sector";
  EXPECT_TRUE(seen.contains({1024, std::string("\0\0", 2)})) << "the size without the data";
}

TEST(PowerCut, KeepsSectorsAsTheyWereInMemory) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  ASSERT_TRUE(file->write(0, as_bytes("first ")).has_value());
  ASSERT_TRUE(file->write(6, as_bytes("second")).has_value());
  const auto seen = outcomes(fs, "a", 0);
  EXPECT_TRUE(seen.contains("first "));
  EXPECT_TRUE(seen.contains("first second"));
  for (const std::string& outcome : seen) {
    EXPECT_EQ(outcome.find(std::string("\0second", 7)), std::string::npos) << "one sector is written as one";
  }
}

TEST(PowerCut, MayForgetATruncation) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  ASSERT_TRUE(file->write(0, as_bytes("abcdef")).has_value());
  ASSERT_TRUE(file->sync().has_value());
  ASSERT_TRUE(file->truncate(2).has_value());
  EXPECT_EQ(outcomes(fs, "a"), (std::set<std::string>{"abcdef", "ab"}));
  ASSERT_TRUE(file->sync().has_value());
  EXPECT_EQ(outcomes(fs, "a"), std::set<std::string>{"ab"});
}

TEST(PowerCut, MayLoseAFileWhoseDirectoryWasNotSynced) {
  MemoryFileSystem fs;
  const auto file = fs.open("a", Open::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("x")).has_value());
  ASSERT_TRUE(file->sync().has_value());
  EXPECT_EQ(outcomes(fs, "a"), (std::set<std::string>{"-", "x"}));
  ASSERT_TRUE(fs.sync_directory("/").has_value());
  EXPECT_EQ(outcomes(fs, "a"), std::set<std::string>{"x"});
}

TEST(PowerCut, MayLoseADirectoryWithAllInItWhoseParentWasNotSynced) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.make_directory("d").has_value());
  ASSERT_TRUE(fs.open("d/a", Open::create).value()->sync().has_value());
  ASSERT_TRUE(fs.sync_directory("d").has_value());
  EXPECT_TRUE(outcomes(fs, "d/a").contains("-"));
  ASSERT_TRUE(fs.sync_directory(".").has_value());
  EXPECT_EQ(outcomes(fs, "d/a"), std::set<std::string>{""});
}

TEST(PowerCut, LeavesTheOldOrTheNewNameAfterARename) {
  MemoryFileSystem fs;
  ASSERT_TRUE(durable_file(fs, "a")->write(0, as_bytes("A")).has_value());
  ASSERT_TRUE(fs.open("a", Open::read).value()->sync().has_value());
  ASSERT_TRUE(fs.rename("a", "b").has_value());
  std::set<std::vector<std::string>> seen;
  for_each_power_cut(fs, {}, [&](MemoryFileSystem& left, std::string_view) {
    seen.insert(left.list(".").value());
  });
  EXPECT_EQ(seen, (std::set<std::vector<std::string>>{{"a"}, {"b"}}));
}

TEST(PowerCut, ARenameMayComeBeforeTheContents) {
  MemoryFileSystem fs;
  ASSERT_TRUE(storage::write_whole(fs, "a", "old").has_value());
  const auto file = fs.open("a.tmp", Open::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("new")).has_value());
  ASSERT_TRUE(fs.rename("a.tmp", "a").has_value());  // without a sync of the file: a bug
  EXPECT_TRUE(outcomes(fs, "a").contains(""));
}

TEST(PowerCut, ReordersChangesOfADirectory) {
  MemoryFileSystem fs;
  durable_file(fs, "a");
  ASSERT_TRUE(fs.open("b", Open::create).has_value());
  ASSERT_TRUE(fs.remove("a").has_value());
  std::set<std::vector<std::string>> seen;
  for_each_power_cut(fs, {}, [&](MemoryFileSystem& left, std::string_view) {
    seen.insert(left.list(".").value());
  });
  EXPECT_EQ(seen, (std::set<std::vector<std::string>>{{"a"}, {"b"}, {"a", "b"}, {}}));
}

TEST(PowerCut, IsRepeatedByItsSeed) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  ASSERT_TRUE(file->write(0, as_bytes(std::string(50'000, 'x'))).has_value());
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::string first = contents(*fs.after_power_cut(seed), "a");
    EXPECT_EQ(first, contents(*fs.after_power_cut(seed), "a"));
    seen.insert(first);
  }
  EXPECT_GT(seen.size(), 5u);
}

TEST(PowerCut, OfALyingDiskLosesWhatWasSynced) {
  MemoryFileSystem fs;
  fs.ignore_syncs(true);
  ASSERT_TRUE(storage::write_whole(fs, "a", "x").has_value());
  EXPECT_TRUE(outcomes(fs, "a").contains("-"));
}

TEST(Kill, LosesNothingButTheProcess) {
  MemoryFileSystem fs;
  const auto file = fs.open("a", Open::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("x")).has_value());
  const auto left = fs.after_kill();
  EXPECT_EQ(contents(*left, "a"), "x");
  EXPECT_TRUE(outcomes(*left, "a").contains("-")) << "still not synced";
  ASSERT_TRUE(left->open("a", Open::read_write).value()->sync().has_value());
  ASSERT_TRUE(left->sync_directory(".").has_value());
  EXPECT_EQ(outcomes(*left, "a"), std::set<std::string>{"x"});
  EXPECT_TRUE(outcomes(fs, "a").contains("-")) << "the disk before is another";
}

TEST(Crash, StopsTheProcessInItsNthOperation) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  fs.crash_in(2);
  EXPECT_TRUE(file->write(0, as_bytes("1")).has_value());
  EXPECT_FALSE(fs.crashed());
  EXPECT_EQ(file->write(1, as_bytes("2")).error().code, Errc::cancelled);
  EXPECT_TRUE(fs.crashed());
  EXPECT_EQ(file->write(2, as_bytes("3")).error().code, Errc::cancelled);
  EXPECT_EQ(file->sync().error().code, Errc::cancelled);
  EXPECT_EQ(file->truncate(0).error().code, Errc::cancelled);
  std::uint8_t byte = 0;
  EXPECT_EQ(file->read(0, {&byte, 1}).error().code, Errc::cancelled);
  EXPECT_LT(file->read_at(0, {&byte, 1}), 0);
  EXPECT_EQ(fs.open("b", Open::create).error().code, Errc::cancelled);
  EXPECT_EQ(fs.rename("a", "b").error().code, Errc::cancelled);
  EXPECT_EQ(fs.remove("a").error().code, Errc::cancelled);
  EXPECT_EQ(fs.remove_directory("a").error().code, Errc::cancelled);
  EXPECT_EQ(fs.make_directory("d").error().code, Errc::cancelled);
  EXPECT_EQ(fs.sync_directory(".").error().code, Errc::cancelled);
  EXPECT_EQ(fs.list(".").error().code, Errc::cancelled);
  EXPECT_EQ(fs.info("a").error().code, Errc::cancelled);
  EXPECT_EQ(fs.lock("l").error().code, Errc::cancelled);
  EXPECT_EQ(contents(*fs.after_kill(), "a"), "12") << "the operation had begun";
  EXPECT_EQ(outcomes(fs, "a", 0), (std::set<std::string>{"", "1", "12"}));
}

TEST(Crash, InASyncMakesNothingDurable) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  ASSERT_TRUE(file->write(0, as_bytes("x")).has_value());
  fs.crash_in(1);
  EXPECT_EQ(file->sync().error().code, Errc::cancelled);
  EXPECT_EQ(outcomes(fs, "a", 0), (std::set<std::string>{"", "x"}));
}

TEST(Crash, CannotHurtWriteWholeAtAnyPoint) {
  std::map<std::string, int> seen;
  const std::uint64_t points = for_each_crash(
      {},
      [](MemoryFileSystem& fs) {
        if (storage::write_whole(fs, "a", "one").has_error()) return;
        (void)storage::write_whole(fs, "a", "two").has_value();
      },
      [&](MemoryFileSystem& left, std::string_view what) {
        const std::string now = contents(left, "a");
        EXPECT_TRUE(now == "-" || now == "one" || now == "two") << what << ": " << now;
        ++seen[now];
      });
  EXPECT_EQ(points, 13u);  // twice: create, truncate, write, sync, rename, sync directory; and none
  EXPECT_EQ(seen.size(), 3u);
}

TEST(Crash, FindsAReplacementWithoutSync) {
  bool found = false;
  for_each_crash(
      {},
      [](MemoryFileSystem& fs) {
        if (storage::write_whole(fs, "a", "old").has_error()) return;
        const auto file = fs.open("b", Open::create);
        if (file.has_error() || file.value()->write(0, as_bytes("new")).has_error()) return;
        (void)fs.rename("b", "a").has_value();
      },
      [&](MemoryFileSystem& left, std::string_view) {
        found = found || contents(left, "a").empty();
      });
  EXPECT_TRUE(found);
}

TEST(Crash, OperationsAreCountedAndDescribed) {
  MemoryFileSystem fs;
  const auto file = durable_file(fs, "a");
  ASSERT_TRUE(file->write(3, as_bytes("xy")).has_value());
  EXPECT_EQ(fs.operations(), 4u);
  EXPECT_EQ(fs.describe(4), "write a 3+2");
  EXPECT_EQ(fs.unsynced_operations(), std::vector<std::uint64_t>{4});
  const auto counts = fs.counts();
  EXPECT_EQ(counts.creates, 1u);
  EXPECT_EQ(counts.syncs, 1u);
  EXPECT_EQ(counts.directory_syncs, 1u);
  EXPECT_EQ(counts.writes, 1u);
  EXPECT_EQ(counts.written_bytes, 2u);
}

TEST(Faults, ReadsOfABadSectorFail) {
  MemoryFileSystem fs;
  ASSERT_TRUE(storage::write_whole(fs, "a", "0123456789").has_value());
  const auto file = fs.open("a", Open::read).value();
  fs.fail_reads("a", 4, 2);
  std::uint8_t bytes[4];
  EXPECT_TRUE(file->read(0, bytes).has_value());
  EXPECT_EQ(file->read(2, bytes).error().code, Errc::io);
  EXPECT_EQ(file->read(5, bytes).error().code, Errc::io);
  EXPECT_TRUE(file->read(6, bytes).has_value());
  fs.clear_read_errors();
  EXPECT_TRUE(file->read(2, bytes).has_value());
}

TEST(Faults, AFlippedBitStays) {
  MemoryFileSystem fs;
  ASSERT_TRUE(storage::write_whole(fs, "a", "AAAA").has_value());
  fs.flip_bit("a", 2, 1);
  EXPECT_EQ(contents(fs, "a"), "AACA");
  EXPECT_EQ(outcomes(fs, "a"), std::set<std::string>{"AACA"});
}

}  // namespace
}  // namespace moldau::support
