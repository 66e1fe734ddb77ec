#include "lane_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "file_names.hpp"
#include "moldau/base/check.hpp"
#include "moldau/base/crc32c.hpp"

namespace moldau::storage {

namespace format = lane_format;

namespace {

/// A block holds about so much; a larger entry gets a block of its own.
constexpr std::size_t block_bytes_max = 1024 * 1024;
/// One write holds about so much.
constexpr std::size_t write_bytes_max = 4 * 1024 * 1024;
/// Staging memory beyond this is given back after the write that needed it.
constexpr std::size_t staging_kept_bytes = 8 * 1024 * 1024;
/// A file that is used for the first time is filled with zeros so far ahead of its blocks.
constexpr std::uint64_t zero_step_bytes = 2 * 1024 * 1024;
constexpr std::uint64_t first_zeros_bytes = 256 * 1024;
/// The next one is filled in such steps, so that a commit never waits for many of these bytes.
constexpr std::uint64_t prepared_step_bytes = 256 * 1024;
/// Past the page cache: the lane is read only by a start, and the kernel's copy of every byte cost more
/// than writing it.
constexpr FileSystem::Open open_mode = FileSystem::Open::direct;

alignas(format::alignment) const std::array<std::uint8_t, 64 * 1024> zeros{};

void append_zeros(std::uint64_t bytes, std::vector<base::ByteView>& parts) {
  while (bytes > 0) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), bytes));
    parts.push_back(base::ByteView(zeros).first(size));
    bytes -= size;
  }
}

std::vector<base::ByteView> zero_parts(std::uint64_t bytes) {
  std::vector<base::ByteView> parts;
  append_zeros(bytes, parts);
  return parts;
}

}  // namespace

std::string lane_file_path(const std::string& directory, std::uint32_t file) {
  return fmt::format("{}/lane.{}", directory, file);
}

LaneWriter::LaneWriter(FileSystem& fs, std::string directory, const LogDirectoryOptions& options,
                       std::uint64_t incarnation)
    : fs_(fs), directory_(std::move(directory)), options_(options), incarnation_(incarnation) {}

base::Status LaneWriter::start() {
  MOLDAU_ASSIGN(file_, fs_.open(lane_file_path(directory_, 0), open_mode));
  MOLDAU_ASSIGN(zeroed_, file_->size());
  zeroed_ = zeroed_ / format::alignment * format::alignment;
  if (zeroed_ == 0) {
    zeroed_ = std::min(first_zeros_bytes, format::aligned(options_.lane_file_bytes));
    MOLDAU_TRY(file_->write(0, zero_parts(zeroed_)));
    if (options_.sync) MOLDAU_TRY(file_->sync());
  }
  return {};
}

LaneWriter::Block LaneWriter::next_block(std::span<const LaneEntry> entries) const {
  Block block{0, format::block_header_bytes};
  for (const LaneEntry& entry : entries) {
    const std::size_t bytes = format::entry_header_bytes + entry.bytes.size();
    if (block.entries > 0 && block.bytes + bytes > block_bytes_max) break;
    block.bytes += bytes;
    ++block.entries;
  }
  return block;
}

// True when a block of that size fits where position_ is, after moving on to the next file if need be.
base::Result<bool> LaneWriter::make_room(std::uint64_t bytes) {
  const bool nothing_staged = staging_used_ == 0;
  if (position_.offset + bytes <= options_.lane_file_bytes) return true;
  if (position_.offset == 0 && nothing_staged) return true;  // larger than a whole file
  if (!nothing_staged) return false;                         // what is staged belongs to this file
  const auto next = (position_.file + 1) % static_cast<std::uint32_t>(options_.lane_files);
  if (next == free_below_.file) return false;
  {
    base::MutexLock lock(files_mutex_);
    MOLDAU_ASSIGN(file_, fs_.open(lane_file_path(directory_, next), open_mode));
    begun_ = next;
  }
  MOLDAU_ASSIGN(zeroed_, file_->size());
  zeroed_ = zeroed_ / format::alignment * format::alignment;
  if (zeroed_ == 0) MOLDAU_TRY(fs_.sync_directory(directory_));
  position_.file = next;
  position_.offset = 0;
  ++files_begun_;
  return true;
}

void LaneWriter::stage(const void* bytes, std::size_t size) {
  std::memcpy(staging_.get() + staging_used_, bytes, size);
  staging_used_ += size;
}

void LaneWriter::encode(std::span<const LaneEntry> entries, const Block& block) {
  const std::size_t header_at = staging_used_;
  std::array<std::uint8_t, format::block_header_bytes> header{};
  base::store_be(header.data() + format::magic_at, format::magic);
  base::store_be(header.data() + format::incarnation_at, incarnation_);
  base::store_be(header.data() + format::sequence_at, position_.sequence);
  base::store_be(header.data() + format::durable_sequence_at, durable_sequence_);
  base::store_be(header.data() + format::first_lsn_at, entries.front().lsn.value());
  base::store_be(header.data() + format::length_at,
                 static_cast<std::uint32_t>(block.bytes - format::block_header_bytes));
  base::store_be(header.data() + format::entry_count_at, static_cast<std::uint32_t>(block.entries));
  stage(header.data(), header.size());
  for (const LaneEntry& entry : entries.first(block.entries)) {
    std::array<std::uint8_t, format::entry_header_bytes> head{};
    head[format::kind_at] = static_cast<std::uint8_t>(entry.kind);
    base::store_be(head.data() + format::partition_at, entry.partition.partition.value());
    std::memcpy(head.data() + format::topic_id_at, entry.partition.topic_id.bytes.data(), 16);
    base::store_be(head.data() + format::value_at, entry.value);
    base::store_be(head.data() + format::size_at, static_cast<std::uint32_t>(entry.bytes.size()));
    stage(head.data(), head.size());
    if (!entry.bytes.empty()) stage(entry.bytes.data(), entry.bytes.size());
  }
  const std::size_t checked = header_at + format::incarnation_at;
  const std::uint32_t crc = base::crc32c({staging_.get() + checked, staging_used_ - checked});
  base::store_be(staging_.get() + header_at + format::crc_at, crc);
  const auto padding = static_cast<std::size_t>(format::aligned(block.bytes) - block.bytes);
  std::memset(staging_.get() + staging_used_, 0, padding);
  staging_used_ += padding;
}

base::Status LaneWriter::write_staged() {
  std::vector<base::ByteView> parts{{staging_.get(), staging_used_}};
  // Zeros go ahead of the blocks while the file is new: writing into them later allocates nothing.
  const std::uint64_t end = position_.offset + staging_used_;
  const std::uint64_t file_bytes = format::aligned(options_.lane_file_bytes);
  if (end > zeroed_) {
    const std::uint64_t ahead = std::max(end, std::min(end + zero_step_bytes, file_bytes));
    append_zeros(ahead - end, parts);
    zeroed_ = ahead;
  }
  const auto status = file_->write(position_.offset, parts);
  position_.offset = end;
  staging_used_ = 0;
  if (staging_capacity_ > staging_kept_bytes) {
    staging_.reset();
    staging_capacity_ = 0;
  }
  return status;
}

void LaneWriter::make_staging(std::size_t bytes) {
  if (staging_capacity_ >= bytes) return;
  staging_capacity_ = static_cast<std::size_t>(format::aligned(bytes));
  staging_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(format::alignment, staging_capacity_)));
  if (staging_ == nullptr) throw std::bad_alloc();
}

base::Result<LaneWriter::Written> LaneWriter::write(std::span<const LaneEntry> entries) {
  MOLDAU_CHECK(!entries.empty(), "a lane write has entries");
  Written written;
  std::size_t total = 0;
  std::size_t count = 0;
  for (const LaneEntry& entry : entries) {
    if (count > 0 && total > write_bytes_max) break;
    total += entry.bytes.size() + format::entry_header_bytes;
    ++count;
  }
  // At most one block more than full ones, each with a header and padding.
  make_staging(total + (2 * total / block_bytes_max + 2) * (format::block_header_bytes + format::alignment));
  std::uint64_t staged_end = 0;  // of the blocks staged, relative to position_.offset
  while (written.entries < count) {
    const auto rest = entries.subspan(written.entries, count - written.entries);
    const Block block = next_block(rest);
    const std::uint64_t bytes = format::aligned(block.bytes);
    MOLDAU_ASSIGN(const bool room, make_room(staged_end + bytes));
    if (!room && staged_end > 0) break;
    if (!room) {
      written.file_full = true;
      return written;
    }
    encode(rest, block);
    staged_end += bytes;
    ++position_.sequence;
    written.entries += block.entries;
  }
  MOLDAU_TRY(write_staged());
  return written;
}

base::Status LaneWriter::sync() {
  if (!options_.sync) return {};
  MOLDAU_TRY(file_->sync());
  durable_sequence_ = position_.sequence;
  return {};
}

base::Status LaneWriter::prepare_next(std::uint32_t current, std::uint32_t needed, std::uint64_t bytes) {
  const auto next = (current + 1) % static_cast<std::uint32_t>(options_.lane_files);
  const std::string path = lane_file_path(directory_, next);
  // The lane was faster, and may even have come round.
  if (preparation_ && (preparation_->number != next || next == needed)) {
    const auto given_up = *std::exchange(preparation_, std::nullopt);
    if (given_up.file != nullptr) MOLDAU_TRY(fs_.remove(given_up.path));
  }
  if (!preparation_) {
    const auto info = fs_.info(path);
    if (next == needed || next == current || (info && info->size >= options_.lane_file_bytes)) return {};
    Preparation preparation{next, path + ".new", nullptr, 0};
    MOLDAU_ASSIGN(preparation.file, fs_.open(preparation.path, FileSystem::Open::create));
    preparation_ = std::move(preparation);
  }
  std::uint64_t& done = preparation_->done;
  while (preparation_->file != nullptr && done < std::min(bytes, options_.lane_file_bytes)) {
    const std::uint64_t step = std::min(prepared_step_bytes, options_.lane_file_bytes - done);
    const auto written = preparation_->file->write(done, zero_parts(step));
    if (!written && written.error().code == base::Errc::no_space) {
      // Others need what room there is.
      preparation_->file.reset();
      return fs_.remove(preparation_->path);
    }
    MOLDAU_TRY(written);
    if (options_.sync) MOLDAU_TRY(preparation_->file->sync());
    done += step;
  }
  return done < options_.lane_file_bytes ? base::Status{} : put_prepared(current);
}

base::Status LaneWriter::put_prepared(std::uint32_t current) {
  const auto prepared = *std::exchange(preparation_, std::nullopt);
  base::MutexLock lock(files_mutex_);
  if (begun_ != current) return fs_.remove(prepared.path);
  MOLDAU_TRY(fs_.rename(prepared.path, lane_file_path(directory_, prepared.number)));
  MOLDAU_TRY(fs_.sync_directory(directory_));
  return {};
}

}  // namespace moldau::storage
