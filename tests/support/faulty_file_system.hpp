#pragma once
// Fails on demand what goes to another file system: the n-th operation of a kind, a write cut short, or
// everything that no longer fits on the disk.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "moldau/storage/file_system.hpp"

namespace moldau::support {

/// Thread rule: any thread.  `inner` outlives it and its files.
class FaultyFileSystem final : public storage::FileSystem {
 public:
  enum class Operation {
    open, read, write, sync, writeback, truncate, reserve,
    rename, remove, remove_directory, make_directory, sync_directory, list, info, space, lock,
  };
  static constexpr std::size_t operation_kinds = 16;

  explicit FaultyFileSystem(storage::FileSystem& inner);
  ~FaultyFileSystem() override;

  /// The n-th (n >= 1) `operation` from now on does nothing and fails with `code`; the next works again.
  void fail(Operation operation, std::uint64_t n, base::Errc code = base::Errc::io);
  /// As fail(), and every later one of that kind too.
  void fail_from(Operation operation, std::uint64_t n, base::Errc code = base::Errc::io);
  /// The n-th write from now on stores its first `bytes` bytes and fails with `code`.
  void cut_write(std::uint64_t n, std::size_t bytes, base::Errc code = base::Errc::io);
  /// Files may grow by so many bytes more; the write that does not fit stores what fits and fails with
  /// no_space, as does a reservation.  space() says how many are left.
  void set_bytes_left(std::uint64_t bytes);
  /// From now on only paths that contain `part` count and fail; empty: all.
  void only_paths_with(std::string part);
  /// No more faults.
  void heal();

  /// Operations of that kind since the start, on paths that count.
  [[nodiscard]] std::uint64_t count(Operation operation) const;
  /// Operations that were made to fail.
  [[nodiscard]] std::uint64_t failures() const;

  base::Result<std::shared_ptr<storage::File>> open(const std::string& path, Open mode) override;
  base::Status rename(const std::string& from, const std::string& to) override;
  base::Status remove(const std::string& path) override;
  base::Status remove_directory(const std::string& path) override;
  base::Status make_directory(const std::string& path) override;
  base::Status sync_directory(const std::string& path) override;
  base::Result<std::vector<std::string>> list(const std::string& path) override;
  base::Result<storage::FileInfo> info(const std::string& path) override;
  base::Result<storage::Space> space(const std::string& path) override;
  base::Result<std::unique_ptr<storage::FileLock>> lock(const std::string& path) override;

  struct Faults;

 private:
  storage::FileSystem& inner_;
  std::shared_ptr<Faults> faults_;  // shared with the open files
};

}  // namespace moldau::support
