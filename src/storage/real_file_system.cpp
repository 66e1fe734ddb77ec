// The operating system's files (Linux).
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "moldau/storage/file_system.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

namespace {

constexpr mode_t file_mode = 0600;
constexpr mode_t directory_mode = 0700;
/// Parts handed to the kernel at once; a compromise between calls and stack.
constexpr std::size_t parts_per_write = 256;
static_assert(parts_per_write <= IOV_MAX);

Errc code_of(int error) {
  switch (error) {
    case ENOENT:
      return Errc::not_found;
    case EEXIST:
      return Errc::already_exists;
    case ENOSPC:
    case EDQUOT:
      return Errc::no_space;
    default:
      return Errc::io;
  }
}

base::Error os_error(std::string_view operation, const std::string& path, int error) {
  return fail(code_of(error),
              fmt::format("{} {}: {}", operation, path, std::generic_category().message(error)));
}

/// Repeats a call that was interrupted by a signal.
template <class Call>
auto retry(Call call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// The parts of a write that are not on their way yet.
class PartCursor {
 public:
  explicit PartCursor(const std::vector<ByteView>& parts) : parts_(parts) { skip_empty(); }
  [[nodiscard]] bool done() const { return index_ == parts_.size(); }
  /// Fills `out` from the current position on; returns how many entries.
  [[nodiscard]] int fill(std::array<iovec, parts_per_write>& out) const {
    std::size_t count = 0;
    std::size_t skipped = offset_;
    for (std::size_t i = index_; i < parts_.size() && count < out.size(); ++i) {
      const ByteView part = parts_[i].subspan(std::exchange(skipped, 0));
      if (part.empty()) continue;
      out[count].iov_base = const_cast<std::uint8_t*>(part.data());  // read only: a C interface
      out[count++].iov_len = part.size();
    }
    return static_cast<int>(count);
  }
  void advance(std::size_t bytes) {
    while (bytes > 0) {
      const std::size_t taken = std::min(bytes, parts_[index_].size() - offset_);
      offset_ += taken;
      bytes -= taken;
      skip_empty();
    }
  }

 private:
  void skip_empty() {
    while (index_ < parts_.size() && offset_ == parts_[index_].size()) {
      ++index_;
      offset_ = 0;
    }
  }
  const std::vector<ByteView>& parts_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;
};

/// Thread rule: as File.
class RealFile final : public File {
 public:
  /// `reader`: a second, buffered descriptor of a file that is written directly, so that reads need no
  /// alignment and can be sent from.
  RealFile(std::string path, Descriptor writer, Descriptor reader)
      : path_(std::move(path)),
        writer_(std::move(writer)),
        reader_(std::move(reader)),
        direct_(reader_.valid()) {}

  [[nodiscard]] int descriptor() const override { return read_fd(); }

  std::int64_t read_at(std::uint64_t position, MutableByteView out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t read = retry([&] {
        return ::pread(read_fd(), out.data() + done, out.size() - done,
                       static_cast<off_t>(position + done));
      });
      if (read < 0) return -errno;
      if (read == 0) break;
      done += static_cast<std::size_t>(read);
    }
    return static_cast<std::int64_t>(done);
  }

  base::Result<std::size_t> read(std::uint64_t position, MutableByteView out) const override {
    const std::int64_t read = read_at(position, out);
    if (read < 0) return os_error("read", path_, static_cast<int>(-read));
    return static_cast<std::size_t>(read);
  }

  base::Result<std::size_t> read_cached(std::uint64_t position,
                                        MutableByteView out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const iovec part{out.data() + done, out.size() - done};
      const ssize_t read = retry([&] {
        return ::preadv2(read_fd(), &part, 1, static_cast<off_t>(position + done), RWF_NOWAIT);
      });
      if (read < 0) {
        // A file system without RWF_NOWAIT may wait for anything: nothing is known to be cached.
        if (errno == EAGAIN || errno == EOPNOTSUPP || errno == ENOSYS) break;
        return os_error("read", path_, errno);
      }
      if (read == 0) break;
      done += static_cast<std::size_t>(read);
    }
    return done;
  }

  base::Status write(std::uint64_t position, const std::vector<ByteView>& parts) override {
    PartCursor cursor(parts);
    std::array<iovec, parts_per_write> vectors;
    while (!cursor.done()) {
      const int count = cursor.fill(vectors);
      const ssize_t written = retry([&] {
        return ::pwritev(writer_.get(), vectors.data(), count, static_cast<off_t>(position));
      });
      if (written < 0) {
        if (errno == EINVAL && leave_direct_mode()) continue;
        return os_error("write", path_, errno);
      }
      if (written == 0) return os_error("write", path_, EIO);
      cursor.advance(static_cast<std::size_t>(written));
      position += static_cast<std::uint64_t>(written);
    }
    return {};
  }
  using File::write;

  base::Status sync() override {
    if (retry([&] { return ::fdatasync(writer_.get()); }) < 0) {
      return os_error("sync", path_, errno);
    }
    return {};
  }

  base::Status start_writeback(std::uint64_t position, std::uint64_t size) override {
    const int result = retry([&] {
      return ::sync_file_range(writer_.get(), static_cast<off_t>(position), static_cast<off_t>(size),
                               SYNC_FILE_RANGE_WRITE);
    });
    // A file system that cannot begins when it likes.
    if (result >= 0 || errno == EINVAL || errno == ESPIPE || errno == ENOSYS) return {};
    // Pages that found no room are gone: writing again does not help, as it does where write() says so.
    return os_error("write back", path_, errno == ENOSPC || errno == EDQUOT ? EIO : errno);
  }

  base::Result<std::uint64_t> size() const override {
    struct stat status {};
    if (::fstat(writer_.get(), &status) < 0) return os_error("stat", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  base::Status truncate(std::uint64_t size) override {
    if (retry([&] { return ::ftruncate(writer_.get(), static_cast<off_t>(size)); }) < 0) {
      return os_error("truncate", path_, errno);
    }
    return {};
  }

  base::Status reserve(std::uint64_t position, std::uint64_t size) override {
    if (size == 0) return {};
    const int result = retry([&] {
      return ::fallocate(writer_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(position),
                         static_cast<off_t>(size));
    });
    if (result < 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
      return os_error("reserve", path_, errno);
    }
    return {};
  }

 private:
  [[nodiscard]] int read_fd() const { return reader_.valid() ? reader_.get() : writer_.get(); }

  /// Some file systems accept O_DIRECT when opening and refuse the first write.
  bool leave_direct_mode() {
    if (!direct_) return false;
    direct_ = false;
    const int flags = ::fcntl(writer_.get(), F_GETFL);
    return flags >= 0 && ::fcntl(writer_.get(), F_SETFL, flags & ~O_DIRECT) == 0;
  }

  std::string path_;
  Descriptor writer_;
  Descriptor reader_;
  bool direct_;  // of the writing thread
};

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;
};

Descriptor open_descriptor(const std::string& path, int flags) {
  return Descriptor(retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, file_mode); }));
}

int flags_of(FileSystem::Open mode) {
  switch (mode) {
    case FileSystem::Open::read:
      return O_RDONLY;
    case FileSystem::Open::read_write:
      return O_RDWR;
    case FileSystem::Open::create:
    case FileSystem::Open::direct:
      return O_RDWR | O_CREAT;
    case FileSystem::Open::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

base::Result<std::shared_ptr<File>> open_direct(const std::string& path) {
  const int flags = flags_of(FileSystem::Open::direct);
  Descriptor writer = open_descriptor(path, flags | O_DIRECT);
  if (!writer.valid() && errno == EINVAL) {
    writer = open_descriptor(path, flags);
    if (!writer.valid()) return os_error("open", path, errno);
    return std::make_shared<RealFile>(path, std::move(writer), Descriptor(-1));
  }
  if (!writer.valid()) return os_error("open", path, errno);
  Descriptor reader = open_descriptor(path, O_RDONLY);
  if (!reader.valid()) return os_error("open", path, errno);
  return std::make_shared<RealFile>(path, std::move(writer), std::move(reader));
}

/// Thread rule: any thread.
class RealFileSystem final : public FileSystem {
 public:
  base::Result<std::shared_ptr<File>> open(const std::string& path, Open mode) override {
    if (mode == Open::direct) return open_direct(path);
    Descriptor fd = open_descriptor(path, flags_of(mode));
    if (!fd.valid()) return os_error("open", path, errno);
    return std::make_shared<RealFile>(path, std::move(fd), Descriptor(-1));
  }

  base::Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) {
      return os_error("rename", fmt::format("{} to {}", from, to), errno);
    }
    return {};
  }

  base::Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) < 0) return os_error("remove", path, errno);
    return {};
  }

  base::Status remove_directory(const std::string& path) override {
    std::error_code error;
    const auto removed = std::filesystem::remove_all(path, error);
    if (error) return os_error("remove", path, error.value());
    if (removed == 0) return os_error("remove", path, ENOENT);
    return {};
  }

  base::Status make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), directory_mode) == 0) return {};
    const int error = errno;
    struct stat status {};
    const bool is_there = error == EEXIST && ::stat(path.c_str(), &status) == 0;
    if (is_there && S_ISDIR(status.st_mode)) return {};
    return os_error("make directory", path, error);
  }

  base::Status sync_directory(const std::string& path) override {
    const Descriptor fd = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!fd.valid()) return os_error("open directory", path, errno);
    if (retry([&] { return ::fsync(fd.get()); }) < 0) {
      return os_error("sync directory", path, errno);
    }
    return {};
  }

  base::Result<std::vector<std::string>> list(const std::string& path) override {
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error) return os_error("list", path, error.value());
    std::sort(names.begin(), names.end());
    return names;
  }

  base::Result<FileInfo> info(const std::string& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) < 0) return os_error("stat", path, errno);
    constexpr std::int64_t ms_per_s = 1000;
    constexpr std::int64_t ns_per_ms = 1'000'000;
    return FileInfo{
        .size = static_cast<std::uint64_t>(status.st_size),
        .modified_ms = status.st_mtim.tv_sec * ms_per_s + status.st_mtim.tv_nsec / ns_per_ms,
        .is_directory = S_ISDIR(status.st_mode)};
  }

  base::Result<Space> space(const std::string& path) override {
    struct statvfs status {};
    if (retry([&] { return ::statvfs(path.c_str(), &status); }) < 0) {
      return os_error("free space of", path, errno);
    }
    return Space{.total_bytes = std::uint64_t{status.f_blocks} * status.f_frsize,
                 .available_bytes = std::uint64_t{status.f_bavail} * status.f_frsize};
  }

  base::Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    Descriptor fd = open_descriptor(path, O_RDWR | O_CREAT);
    if (!fd.valid()) return os_error("open", path, errno);
    // A lock of the open file: held against other processes (Apache Kafka's POSIX lock on the same
    // file too) and against a second opening in this one.
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (retry([&] { return ::fcntl(fd.get(), F_OFD_SETLK, &whole); }) < 0) {
      if (errno == EAGAIN || errno == EACCES) {
        return fail(Errc::locked, fmt::format("{} is locked: the directory is in use", path));
      }
      return os_error("lock", path, errno);
    }
    return std::make_unique<RealFileLock>(std::move(fd));
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_real_file_system() { return std::make_unique<RealFileSystem>(); }

}  // namespace moldau::storage
