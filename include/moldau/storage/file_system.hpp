#pragma once
// All file access of the broker's data goes through here: the real disk, a strict in-memory model for
// crash tests (tests/support) and one that fails on demand.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "moldau/base/payload.hpp"
#include "moldau/base/result.hpp"

namespace moldau::storage {

using base::ByteView;
using base::MutableByteView;

/// An open file.  Thread rule: read_at from any thread; writes by one thread at a time.
/// After a failed write_at or sync the file's contents are unknown: the caller stops using the log
/// directory (reliability.md R7) and never calls sync again.
class File : public base::ReadableFile {
 public:
  /// Reads as many bytes as are there, at most out.size().
  [[nodiscard]] virtual base::Result<std::size_t> read(std::uint64_t position,
                                                       MutableByteView out) const = 0;
  /// Reads only what is in the page cache: fewer bytes than asked (also none) when it would wait for
  /// the disk.
  [[nodiscard]] virtual base::Result<std::size_t> read_cached(std::uint64_t position,
                                                              MutableByteView out) const = 0;
  /// Writes all parts, one after the other, from `position` on.  Errors: io, no_space.
  virtual base::Status write(std::uint64_t position, const std::vector<ByteView>& parts) = 0;
  base::Status write(std::uint64_t position, ByteView bytes);
  /// Returns once the contents and the size survive a power cut (fdatasync).
  virtual base::Status sync() = 0;
  /// Has the system begin to write that range to the disk, so that a later sync() finds less to do.  What was written
  /// survives a power cut no more than before.  An error means what it means of a write; it is never no_space.
  virtual base::Status start_writeback(std::uint64_t position, std::uint64_t size) = 0;
  [[nodiscard]] virtual base::Result<std::uint64_t> size() const = 0;
  virtual base::Status truncate(std::uint64_t size) = 0;
  /// Reserves room without changing the size; a file system that cannot is no error.
  virtual base::Status reserve(std::uint64_t position, std::uint64_t size) = 0;
};

/// Held until destroyed; released by the kernel when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct FileInfo {
  std::uint64_t size = 0;
  std::int64_t modified_ms = 0;  // wall clock
  bool is_directory = false;
};

struct Space {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;
};

class FileSystem {
 public:
  enum class Open {
    read,           // must exist
    read_write,     // must exist
    create,         // read and write; made when absent
    create_new,     // read and write; already_exists when there
    direct,         // as create, bypassing the page cache: positions, sizes and memory aligned to 4 KiB.
                    // Falls back to ordinary writes where the file system refuses.
  };
  virtual ~FileSystem() = default;
  virtual base::Result<std::shared_ptr<File>> open(const std::string& path, Open mode) = 0;
  virtual base::Status rename(const std::string& from, const std::string& to) = 0;
  virtual base::Status remove(const std::string& path) = 0;            // a file
  virtual base::Status remove_directory(const std::string& path) = 0;  // with all in it
  virtual base::Status make_directory(const std::string& path) = 0;    // 0700; no error when there
  /// A created, renamed or removed entry survives a power cut only after this.
  virtual base::Status sync_directory(const std::string& path) = 0;
  /// Names (not paths), sorted, without . and ..
  virtual base::Result<std::vector<std::string>> list(const std::string& path) = 0;
  virtual base::Result<FileInfo> info(const std::string& path) = 0;  // not_found
  virtual base::Result<Space> space(const std::string& path) = 0;
  /// An exclusive lock on a file that is made when absent.  Errors: locked.
  virtual base::Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

/// The operating system's.
std::unique_ptr<FileSystem> make_real_file_system();

/// Small whole files.  write_whole goes through `path`.tmp, sync, rename and sync of the directory: after
/// a crash there is the old contents or the new.
base::Result<std::string> read_whole(FileSystem& fs, const std::string& path);
base::Status write_whole(FileSystem& fs, const std::string& path, std::string_view contents);

}  // namespace moldau::storage
