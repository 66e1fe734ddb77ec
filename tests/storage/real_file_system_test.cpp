#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <string>

#include "moldau/storage/file_system.hpp"

namespace moldau::storage {
namespace {

using base::as_bytes;
using base::Errc;
using Open = FileSystem::Open;
using Bytes = std::vector<std::uint8_t>;

class RealFileSystemTest : public testing::Test {
 protected:
  RealFileSystemTest() {
    std::string name = (std::filesystem::temp_directory_path() / "moldau-fs-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~RealFileSystemTest() override { std::filesystem::remove_all(root_); }
  [[nodiscard]] std::string path(const std::string& name) const { return root_ + "/" + name; }
  static std::string text_of(const File& file) {
    std::string text(file.size().value(), '\0');
    const auto read =
        file.read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}).value();
    text.resize(read);
    return text;
  }

  std::string root_;
  std::unique_ptr<FileSystem> fs_ = make_real_file_system();
};

TEST_F(RealFileSystemTest, OpensAsAsked) {
  EXPECT_EQ(fs_->open(path("a"), Open::read).error().code, Errc::not_found);
  EXPECT_EQ(fs_->open(path("a"), Open::read_write).error().code, Errc::not_found);
  EXPECT_TRUE(fs_->open(path("a"), Open::create_new).has_value());
  EXPECT_EQ(fs_->open(path("a"), Open::create_new).error().code, Errc::already_exists);
  EXPECT_TRUE(fs_->open(path("a"), Open::create).has_value());
  EXPECT_TRUE(fs_->open(path("a"), Open::read).has_value());
  EXPECT_EQ(fs_->open(path("no/b"), Open::create).error().code, Errc::not_found);
}

TEST_F(RealFileSystemTest, WritebackChangesNothingThatCanBeRead) {
  for (const Open mode : {Open::create, Open::direct}) {
    const auto file = fs_->open(path("a"), mode).value();
    ASSERT_TRUE(file->write(0, as_bytes(mode == Open::direct ? "" : "contents")).has_value());
    EXPECT_TRUE(file->start_writeback(0, 8).has_value());
    EXPECT_TRUE(file->start_writeback(4096, 8).has_value());  // beyond the end
    EXPECT_EQ(text_of(*file), "contents");
  }
}

TEST_F(RealFileSystemTest, ErrorsNameThePathAndTheReason) {
  const auto error = fs_->open(path("absent"), Open::read).error();
  EXPECT_NE(error.message.find(path("absent")), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("No such file"), std::string::npos) << error.message;
}

TEST_F(RealFileSystemTest, NothingIsReadableByOthers) {
  ASSERT_TRUE(fs_->make_directory(path("d")).has_value());
  const auto file = fs_->open(path("d/f"), Open::create).value();
  struct stat status {};
  ASSERT_EQ(::stat(path("d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat(path("d/f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0077, 0u);
}

TEST_F(RealFileSystemTest, WritesPartsInOrderAtAPosition) {
  const auto file = fs_->open(path("a"), Open::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("0123456789")).has_value());
  ASSERT_TRUE(
      file->write(4, {as_bytes("ab"), as_bytes(""), as_bytes("c"), as_bytes("defg")}).has_value());
  EXPECT_EQ(text_of(*file), "0123abcdefg");
  EXPECT_EQ(file->size().value(), 11u);
  EXPECT_TRUE(file->write(0, std::vector<ByteView>{}).has_value());
  EXPECT_TRUE(file->write(0, {as_bytes(""), as_bytes("")}).has_value());
  EXPECT_TRUE(file->sync().has_value());
}

TEST_F(RealFileSystemTest, WritesMorePartsThanOneCallTakes) {
  const auto file = fs_->open(path("a"), Open::create).value();
  Bytes bytes(5000);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  std::vector<ByteView> parts;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    parts.push_back(ByteView(bytes).subspan(at, 1));
    if (at % 100 == 0) parts.emplace_back();
  }
  ASSERT_TRUE(file->write(3, parts).has_value());
  Bytes read(bytes.size());
  EXPECT_EQ(file->read(3, read).value(), bytes.size());
  EXPECT_EQ(read, bytes);
}

TEST_F(RealFileSystemTest, ReadsAreShortOnlyAtTheEnd) {
  const auto file = fs_->open(path("a"), Open::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("0123456789")).has_value());
  Bytes out(8);
  EXPECT_EQ(file->read(0, out).value(), 8u);
  EXPECT_EQ(file->read(5, out).value(), 5u);
  EXPECT_EQ(file->read(10, out).value(), 0u);
  EXPECT_EQ(file->read(100, out).value(), 0u);
  EXPECT_EQ(file->read_at(8, out), 2);
}

TEST_F(RealFileSystemTest, ReadCachedReturnsRightBytesOrFewer) {
  const auto file = fs_->open(path("a"), Open::create).value();
  const std::string text(100'000, 'x');
  ASSERT_TRUE(file->write(0, as_bytes(text)).has_value());
  Bytes out(text.size(), 0);
  const std::size_t read = file->read_cached(0, out).value();
  EXPECT_LE(read, text.size());
  for (std::size_t i = 0; i < read; ++i) ASSERT_EQ(out[i], 'x');
}

TEST_F(RealFileSystemTest, ReadingAFileOpenedForNothingElseFailsToWrite) {
  fs_->open(path("a"), Open::create).value();
  const auto file = fs_->open(path("a"), Open::read).value();
  EXPECT_EQ(file->write(0, as_bytes("x")).error().code, Errc::io);
}

TEST_F(RealFileSystemTest, ADirectFileIsReadAndWrittenLikeAnyOther) {
  const auto file = fs_->open(path("lane"), Open::direct).value();
  constexpr std::size_t page = 4096;
  auto* const memory = static_cast<std::uint8_t*>(std::aligned_alloc(page, 2 * page));
  std::fill_n(memory, 2 * page, std::uint8_t{7});
  ASSERT_TRUE(file->write(0, ByteView(memory, 2 * page)).has_value());
  std::fill_n(memory, page, std::uint8_t{8});
  ASSERT_TRUE(file->write(page, ByteView(memory, page)).has_value());
  std::free(memory);
  ASSERT_TRUE(file->sync().has_value());
  Bytes unaligned(10);
  EXPECT_EQ(file->read(page - 5, unaligned).value(), 10u);
  EXPECT_EQ(unaligned, (Bytes{7, 7, 7, 7, 7, 8, 8, 8, 8, 8}));
  EXPECT_EQ(file->size().value(), 2 * page);
}

TEST_F(RealFileSystemTest, ADirectFileFallsBackWhenAlignmentIsRefused) {
  const auto file = fs_->open(path("lane"), Open::direct).value();
  ASSERT_TRUE(file->write(1, as_bytes("odd")).has_value());
  EXPECT_EQ(text_of(*file), std::string("\0odd", 4));
}

TEST_F(RealFileSystemTest, ReserveLeavesTheSizeAlone) {
  const auto file = fs_->open(path("a"), Open::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("abc")).has_value());
  ASSERT_TRUE(file->reserve(0, 1 << 20).has_value());
  ASSERT_TRUE(file->reserve(0, 0).has_value());
  EXPECT_EQ(file->size().value(), 3u);
}

TEST_F(RealFileSystemTest, TruncateCutsAndExtends) {
  const auto file = fs_->open(path("a"), Open::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("abcdef")).has_value());
  ASSERT_TRUE(file->truncate(3).has_value());
  EXPECT_EQ(text_of(*file), "abc");
  ASSERT_TRUE(file->truncate(5).has_value());
  EXPECT_EQ(text_of(*file), std::string("abc\0\0", 5));
}

TEST_F(RealFileSystemTest, AWriteOverTheFileSizeLimitIsAnError) {
  // The kernel writes what fits, then refuses: a short write and an error, as on a full disk.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto file = fs_->open(path("a"), Open::create).value();
    const Bytes bytes(20'000, 1);
    const auto status = file->write(0, bytes);
    const bool as_promised = status.has_error() && status.error().code == Errc::io &&
                             file->size().value() == 10'000;
    ::_exit(as_promised ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(RealFileSystem, AFullDiskIsNoSpace) {
  const auto fs = make_real_file_system();
  const auto file = fs->open("/dev/full", Open::read_write).value();
  EXPECT_EQ(file->write(0, as_bytes("x")).error().code, Errc::no_space);
}

TEST_F(RealFileSystemTest, RenameReplacesAndRemoveRemoves) {
  ASSERT_TRUE(write_whole(*fs_, path("a"), "A").has_value());
  ASSERT_TRUE(write_whole(*fs_, path("b"), "B").has_value());
  ASSERT_TRUE(fs_->rename(path("a"), path("b")).has_value());
  EXPECT_EQ(read_whole(*fs_, path("b")).value(), "A");
  EXPECT_EQ(fs_->rename(path("a"), path("c")).error().code, Errc::not_found);
  EXPECT_TRUE(fs_->remove(path("b")).has_value());
  EXPECT_EQ(fs_->remove(path("b")).error().code, Errc::not_found);
}

TEST_F(RealFileSystemTest, DirectoriesAreMadeListedAndRemoved) {
  EXPECT_TRUE(fs_->make_directory(path("d")).has_value());
  EXPECT_TRUE(fs_->make_directory(path("d")).has_value());
  ASSERT_TRUE(write_whole(*fs_, path("d/b"), "B").has_value());
  ASSERT_TRUE(write_whole(*fs_, path("d/a"), "A").has_value());
  EXPECT_TRUE(fs_->make_directory(path("d/c")).has_value());
  EXPECT_EQ(fs_->make_directory(path("d/a")).error().code, Errc::already_exists);
  EXPECT_EQ(fs_->list(path("d")).value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(fs_->list(path("e")).error().code, Errc::not_found);
  EXPECT_TRUE(fs_->sync_directory(path("d")).has_value());
  EXPECT_EQ(fs_->sync_directory(path("e")).error().code, Errc::not_found);
  EXPECT_TRUE(fs_->remove_directory(path("d")).has_value());
  EXPECT_EQ(fs_->info(path("d")).error().code, Errc::not_found);
  EXPECT_EQ(fs_->remove_directory(path("d")).error().code, Errc::not_found);
}

TEST_F(RealFileSystemTest, InfoTellsSizeAndKind) {
  ASSERT_TRUE(write_whole(*fs_, path("a"), "12345").has_value());
  const FileInfo file = fs_->info(path("a")).value();
  EXPECT_EQ(file.size, 5u);
  EXPECT_FALSE(file.is_directory);
  EXPECT_GT(file.modified_ms, 1'500'000'000'000);
  EXPECT_TRUE(fs_->info(root_).value().is_directory);
}

TEST_F(RealFileSystemTest, SpaceIsOfTheFileSystem) {
  const Space space = fs_->space(root_).value();
  EXPECT_GT(space.total_bytes, 0u);
  EXPECT_LE(space.available_bytes, space.total_bytes);
}

TEST_F(RealFileSystemTest, ALockExcludesThisProcessAndOthers) {
  auto lock = fs_->lock(path(".lock"));
  ASSERT_TRUE(lock.has_value());
  EXPECT_EQ(fs_->lock(path(".lock")).error().code, Errc::locked);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // as Java's FileChannel.tryLock does it
    const int fd = ::open(path(".lock").c_str(), O_RDWR);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    ::_exit(::fcntl(fd, F_SETLK, &whole) < 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  lock.value().reset();
  EXPECT_TRUE(fs_->lock(path(".lock")).has_value());
}

TEST_F(RealFileSystemTest, WriteWholeReplacesAndLeavesNothingBehind) {
  ASSERT_TRUE(write_whole(*fs_, path("a"), "long contents").has_value());
  {  // what a crash in the middle leaves
    const auto leftover = fs_->open(path("a.tmp"), Open::create).value();
    ASSERT_TRUE(leftover->write(0, as_bytes("much longer than what follows")).has_value());
  }
  ASSERT_TRUE(write_whole(*fs_, path("a"), "short").has_value());
  EXPECT_EQ(read_whole(*fs_, path("a")).value(), "short");
  EXPECT_EQ(fs_->list(root_).value(), std::vector<std::string>{"a"});
  ASSERT_TRUE(write_whole(*fs_, path("a"), "").has_value());
  EXPECT_EQ(read_whole(*fs_, path("a")).value(), "");
  EXPECT_EQ(read_whole(*fs_, path("b")).error().code, Errc::not_found);
}

TEST_F(RealFileSystemTest, AnUnlinkedFileStaysReadable) {
  const auto file = fs_->open(path("a"), Open::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("still here")).has_value());
  ASSERT_TRUE(fs_->remove(path("a")).has_value());
  EXPECT_EQ(text_of(*file), "still here");
}

}  // namespace
}  // namespace moldau::storage
