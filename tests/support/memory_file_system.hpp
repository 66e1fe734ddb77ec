#pragma once
// A disk as strict as POSIX allows, in memory: contents survive a power cut only after File::sync, names
// only after sync_directory of their directory, and of everything else any part may survive, sector by
// sector.  Tests run code on it, cut the power anywhere, and look at every state that may be left.
//
//   for_each_crash({}, [](MemoryFileSystem& fs) { append_some(fs); },
//                  [](MemoryFileSystem& left, std::string_view what) { EXPECT_... recover(left); });
//
// Source: reliability.md B5 (a file is 512-byte sectors with a durable and a volatile version).

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::support {

struct DiskState;

/// Thread rule: any thread.  Files may outlive it.
class MemoryFileSystem final : public storage::FileSystem {
 public:
  /// What was asked for since the start, failed requests too.
  struct Counts {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t truncates = 0;
    std::uint64_t syncs = 0;
    std::uint64_t directory_syncs = 0;
    std::uint64_t creates = 0;  // files and directories
    std::uint64_t renames = 0;
    std::uint64_t removes = 0;  // files and directories
  };

  /// `clock` dates the files; without one they are of 1970.
  explicit MemoryFileSystem(const base::Clock* clock = nullptr);
  explicit MemoryFileSystem(std::shared_ptr<DiskState> state);
  ~MemoryFileSystem() override;

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

  [[nodiscard]] Counts counts() const;

  // Crashes.
  /// Operations that change something or sync, so far; each has its number, from 1 on.
  [[nodiscard]] std::uint64_t operations() const;
  /// The process dies in operation operations() + n (n >= 1): that operation has begun, so that any part
  /// of it may survive, and it and everything later, reads too, fails with `cancelled`.
  void crash_in(std::uint64_t n);
  [[nodiscard]] bool crashed() const;
  /// Operations that a power cut now may undo, wholly or in part.
  [[nodiscard]] std::vector<std::uint64_t> unsynced_operations() const;
  /// "write data/x 4096+512", for failure messages.
  [[nodiscard]] std::string describe(std::uint64_t operation) const;

  /// The disk after the process died and the system did not: everything written is there, still unsynced.
  [[nodiscard]] std::unique_ptr<MemoryFileSystem> after_kill() const;
  /// The disk after a power cut that let just these unsynced operations through, each of them whole.
  [[nodiscard]] std::unique_ptr<MemoryFileSystem> after_power_cut(
      const std::vector<std::uint64_t>& survivors) const;
  /// The disk after a power cut that kept any part: none, all, a prefix, or single sectors; now and then
  /// one sector torn in its middle.  The same seed gives the same disk.
  [[nodiscard]] std::unique_ptr<MemoryFileSystem> after_power_cut(std::uint64_t seed) const;

  // Faults.
  /// Reads that touch these bytes fail with `io`, until clear_read_errors().  The file exists.
  void fail_reads(const std::string& path, std::uint64_t position, std::uint64_t size);
  void clear_read_errors();
  /// Bit rot: flips one bit of what is stored, durably.  The byte exists.
  void flip_bit(const std::string& path, std::uint64_t position, int bit);
  /// A disk that lies: syncs succeed and do nothing.  A crash test that passes with it proves nothing.
  void ignore_syncs(bool ignore);

 private:
  std::shared_ptr<DiskState> state_;
};

struct CrashOptions {
  /// With at most so many unsynced operations every subset of them is tried (2^n states).
  std::size_t exhaustive_operations_max = 6;
  /// And so many random states, sector by sector.
  std::size_t samples = 8;
  std::uint64_t seed = 1;
  /// Looks at every n-th operation only.
  std::uint64_t stride = 1;
};

using CrashCheck = std::function<void(MemoryFileSystem& left, std::string_view what)>;

/// Calls `check` with the states that a power cut of `fs` now may leave.
void for_each_power_cut(const MemoryFileSystem& fs, const CrashOptions& options,
                        const CrashCheck& check);

/// Runs `work` on a new disk again and again, crashing in its first operation, its second and so on, and
/// at last after it ran through; calls `check` with every state that may be left each time.  Returns the
/// number of crash points.  `work` must take `cancelled` for what it is and return.
std::uint64_t for_each_crash(const CrashOptions& options,
                             const std::function<void(MemoryFileSystem&)>& work,
                             const CrashCheck& check);

}  // namespace moldau::support
