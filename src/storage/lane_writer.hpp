#pragma once
// The files of the write-ahead lane: blocks written one after the other, files taken in turn.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lane_queue.hpp"
#include "moldau/storage/file_system.hpp"
#include "moldau/storage/log_options.hpp"

namespace moldau::storage {

/// A place between two blocks.
struct LanePosition {
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
  std::uint64_t sequence = 0;  // of the block that comes there
  friend bool operator==(const LanePosition&, const LanePosition&) = default;
};

std::string lane_file_path(const std::string& directory, std::uint32_t file);

/// Every write is followed by a sync before the next one.  Thread rule: its owner's lock guards it, but
/// for prepare_next().
class LaneWriter {
 public:
  LaneWriter(FileSystem& fs, std::string directory, const LogDirectoryOptions& options,
             std::uint64_t incarnation);

  /// Makes the first file, small; it grows as it is used.
  base::Status start();

  struct Written {
    std::size_t entries = 0;  // how many of those given; fewer when a file is full
    bool file_full = false;   // the next file is not free: a checkpoint must come first
  };
  /// Writes as many entries as fit, without syncing.  An error is final.
  base::Result<Written> write(std::span<const LaneEntry> entries);
  base::Status sync();

  /// Where the next block goes.
  [[nodiscard]] LanePosition position() const { return position_; }
  /// Blocks before `position` are needed no more.
  void set_free_below(const LanePosition& position) { free_below_ = position; }
  [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
  /// Rises by one with each file that is begun.
  [[nodiscard]] std::uint64_t files_begun() const { return files_begun_; }
  /// Fills the file that follows `current` with zeros up to `bytes`, unless it is there, needed, or begun meanwhile.
  /// It takes its place once it is full.  From one other thread.
  base::Status prepare_next(std::uint32_t current, std::uint32_t needed, std::uint64_t bytes);

 private:
  struct Block {
    std::size_t entries = 0;
    std::size_t bytes = 0;  // with header, unpadded
  };
  Block next_block(std::span<const LaneEntry> entries) const;
  base::Result<bool> make_room(std::uint64_t bytes);
  void encode(std::span<const LaneEntry> entries, const Block& block);
  void stage(const void* bytes, std::size_t size);
  void make_staging(std::size_t bytes);
  base::Status write_staged();
  base::Status put_prepared(std::uint32_t current);

  FileSystem& fs_;
  const std::string directory_;
  const LogDirectoryOptions options_;
  const std::uint64_t incarnation_;
  std::shared_ptr<File> file_;
  LanePosition position_;
  LanePosition free_below_;
  std::uint64_t zeroed_ = 0;  // of the current file
  std::uint64_t durable_sequence_ = 0;
  base::Mutex files_mutex_;  // a file is begun, or replaced by a prepared one
  std::uint32_t begun_ MOLDAU_GUARDED_BY(files_mutex_) = 0;
  std::uint64_t files_begun_ = 1;
  struct Preparation {
    std::uint32_t number = 0;
    std::string path;
    std::shared_ptr<File> file;  // null: there was no room for it
    std::uint64_t done = 0;
  };
  std::optional<Preparation> preparation_;  // of the thread that prepares
  // One write, copied together: direct writes take aligned memory only.
  struct Free {
    void operator()(std::uint8_t* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<std::uint8_t[], Free> staging_;
  std::size_t staging_capacity_ = 0;
  std::size_t staging_used_ = 0;
};

}  // namespace moldau::storage
