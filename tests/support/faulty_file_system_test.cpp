#include "tests/support/faulty_file_system.hpp"

#include <gtest/gtest.h>

#include "tests/support/memory_file_system.hpp"

namespace moldau::support {
namespace {

using base::as_bytes;
using base::Errc;
using Open = storage::FileSystem::Open;
using Operation = FaultyFileSystem::Operation;

class FaultyFileSystemTest : public testing::Test {
 protected:
  MemoryFileSystem inner_;
  FaultyFileSystem fs_{inner_};
};

TEST_F(FaultyFileSystemTest, PassesEverythingThrough) {
  ASSERT_TRUE(fs_.make_directory("d").has_value());
  ASSERT_TRUE(storage::write_whole(fs_, "d/a", "contents").has_value());
  EXPECT_EQ(storage::read_whole(fs_, "d/a").value(), "contents");
  EXPECT_EQ(storage::read_whole(inner_, "d/a").value(), "contents");
  EXPECT_EQ(fs_.list("d").value(), std::vector<std::string>{"a"});
  EXPECT_EQ(fs_.info("d/a").value().size, 8u);
  EXPECT_TRUE(fs_.lock("d/.lock").has_value());
  EXPECT_TRUE(fs_.remove("d/a").has_value());
  EXPECT_TRUE(fs_.remove_directory("d").has_value());
  EXPECT_EQ(fs_.failures(), 0u);
}

TEST_F(FaultyFileSystemTest, FailsTheNthOfAKindOnce) {
  const auto file = fs_.open("a", Open::create).value();
  ASSERT_TRUE(file->sync().has_value());
  fs_.fail(Operation::sync, 2);
  EXPECT_TRUE(file->sync().has_value());
  EXPECT_EQ(file->sync().error().code, Errc::io);
  EXPECT_TRUE(file->sync().has_value());
  EXPECT_EQ(fs_.count(Operation::sync), 4u);
  EXPECT_EQ(fs_.failures(), 1u);
  EXPECT_EQ(inner_.counts().syncs, 3u);
}

TEST_F(FaultyFileSystemTest, FailsEveryKind) {
  ASSERT_TRUE(fs_.make_directory("d").has_value());
  const auto file = fs_.open("d/a", Open::create).value();
  for (std::size_t i = 0; i < FaultyFileSystem::operation_kinds; ++i) {
    fs_.fail_from(static_cast<Operation>(i), 1, Errc::no_space);
  }
  std::uint8_t byte = 0;
  EXPECT_EQ(fs_.open("d/a", Open::read).error().code, Errc::no_space);
  EXPECT_EQ(file->read(0, {&byte, 1}).error().code, Errc::no_space);
  EXPECT_EQ(file->read_cached(0, {&byte, 1}).error().code, Errc::no_space);
  EXPECT_LT(file->read_at(0, {&byte, 1}), 0);
  EXPECT_EQ(file->write(0, as_bytes("x")).error().code, Errc::no_space);
  EXPECT_EQ(file->sync().error().code, Errc::no_space);
  EXPECT_EQ(file->start_writeback(0, 1).error().code, Errc::no_space);
  EXPECT_EQ(file->truncate(0).error().code, Errc::no_space);
  EXPECT_EQ(file->reserve(0, 1).error().code, Errc::no_space);
  EXPECT_EQ(fs_.rename("d/a", "d/b").error().code, Errc::no_space);
  EXPECT_EQ(fs_.remove("d/a").error().code, Errc::no_space);
  EXPECT_EQ(fs_.remove_directory("d").error().code, Errc::no_space);
  EXPECT_EQ(fs_.make_directory("e").error().code, Errc::no_space);
  EXPECT_EQ(fs_.sync_directory("d").error().code, Errc::no_space);
  EXPECT_EQ(fs_.list("d").error().code, Errc::no_space);
  EXPECT_EQ(fs_.info("d").error().code, Errc::no_space);
  EXPECT_EQ(fs_.space("d").error().code, Errc::no_space);
  EXPECT_EQ(fs_.lock("d/.lock").error().code, Errc::no_space);
  EXPECT_EQ(inner_.list("d").value(), std::vector<std::string>{"a"});
  fs_.heal();
  EXPECT_TRUE(file->write(0, as_bytes("x")).has_value());
}

TEST_F(FaultyFileSystemTest, CutsAWriteShort) {
  const auto file = fs_.open("a", Open::create).value();
  fs_.cut_write(2, 4, Errc::no_space);
  ASSERT_TRUE(file->write(0, as_bytes("abc")).has_value());
  EXPECT_EQ(file->write(3, {as_bytes("def"), as_bytes("ghi")}).error().code, Errc::no_space);
  EXPECT_EQ(storage::read_whole(inner_, "a").value(), "abcdefg");
}

TEST_F(FaultyFileSystemTest, StoresWhatFitsOnAFullDisk) {
  const auto file = fs_.open("a", Open::create).value();
  fs_.set_bytes_left(10);
  EXPECT_EQ(fs_.space("a").value().available_bytes, 10u);
  EXPECT_TRUE(file->write(0, as_bytes("12345678")).has_value());
  EXPECT_TRUE(file->write(0, as_bytes("ABCD")).has_value()) << "overwriting needs no room";
  EXPECT_EQ(file->reserve(8, 3).error().code, Errc::no_space);
  EXPECT_EQ(file->write(6, as_bytes("efghij")).error().code, Errc::no_space);
  EXPECT_EQ(storage::read_whole(inner_, "a").value(), "ABCD56efgh");
  EXPECT_EQ(file->write(10, as_bytes("x")).error().code, Errc::no_space);
  fs_.set_bytes_left(100);
  EXPECT_TRUE(file->write(10, as_bytes("x")).has_value());
}

TEST_F(FaultyFileSystemTest, MindsOnlyThePathsAskedFor) {
  fs_.only_paths_with(".log");
  fs_.fail_from(Operation::open, 1);
  EXPECT_TRUE(fs_.open("a.index", Open::create).has_value());
  EXPECT_EQ(fs_.open("a.log", Open::create).error().code, Errc::io);
}

}  // namespace
}  // namespace moldau::support
