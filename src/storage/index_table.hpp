#pragma once
// A sorted table of fixed-size entries, in memory while its segment grows and in its file afterwards.
// Entry formats are those of Kafka's index files.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/crc32c.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::storage {

/// What is known of an index file: its first entries have this checksum.  The file itself has none, and one that lost
/// or changed entries gives wrong answers (a retention that deletes too early among them).
struct IndexFacts {
  std::uint32_t entries = 0;
  std::optional<std::uint32_t> crc = std::nullopt;  // earlier versions noted only how many there are
  friend bool operator==(const IndexFacts&, const IndexFacts&) = default;
};

/// `Format` has an Entry, its size in bytes, encode(to, entry) and decode(from).
/// Thread rule: its segment guards it.
template <class Format>
class IndexTable {
 public:
  using Entry = typename Format::Entry;
  struct Place {
    bool would_block = false;
    std::size_t index = 0;  // the first entry for which the predicate is false
  };

  /// A new, empty table in memory.
  IndexTable() = default;
  /// The first entries of a file, read when needed.  They are looked through here: nullopt when they are not what
  /// `facts` say or, without a checksum, do not rise.  (blocks)
  static base::Result<std::optional<IndexTable>> load(std::shared_ptr<File> file, const IndexFacts& facts) {
    IndexTable table;
    table.file_ = std::move(file);
    table.in_file_ = facts.entries;
    table.resident_ = false;
    std::vector<std::uint8_t> bytes;
    MOLDAU_ASSIGN(const bool there, table.read_all(bytes));
    table.crc_ = base::crc32c(bytes);
    bool good = there && (!facts.crc || *facts.crc == table.crc_);
    for (std::size_t i = 1; good && !facts.crc && i < facts.entries; ++i)
      good = Format::rises(Format::decode(bytes.data() + (i - 1) * Format::bytes),
                           Format::decode(bytes.data() + i * Format::bytes));
    if (!good) return std::optional<IndexTable>{};
    return std::optional<IndexTable>{std::move(table)};
  }

  [[nodiscard]] std::size_t size() const { return resident_ ? entries_.size() : in_file_; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] bool is_resident() const { return resident_; }
  /// Of a resident table.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  void append(const Entry& entry) { entries_.push_back(entry); }
  /// Of what its file has.
  [[nodiscard]] IndexFacts facts() const { return {static_cast<std::uint32_t>(in_file_), crc_}; }

  /// Entry `index`; false when it would have to wait for the disk.
  base::Result<bool> at(std::size_t index, bool may_block, Entry& out) const {
    if (resident_) {
      out = entries_[index];
      return true;
    }
    std::uint8_t bytes[Format::bytes];
    const std::uint64_t position = static_cast<std::uint64_t>(index) * Format::bytes;
    MOLDAU_ASSIGN(const std::size_t got, may_block ? file_->read(position, bytes)
                                                   : file_->read_cached(position, bytes));
    if (got < Format::bytes) {
      if (!may_block) return false;
      return base::fail(base::Errc::damaged, "an index file became shorter");
    }
    out = Format::decode(bytes);
    return true;
  }

  /// Binary search: entries for which `below` holds come first.
  template <class Below>
  base::Result<Place> find(bool may_block, Below below) const {
    std::size_t low = 0;
    std::size_t high = size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      Entry entry;
      MOLDAU_ASSIGN(const bool there, at(middle, may_block, entry));
      if (!there) return Place{true, 0};
      if (below(entry)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return Place{false, low};
  }

  /// Reads all entries into memory, so that the table can grow.
  base::Status make_resident() {
    if (resident_) return {};
    std::vector<std::uint8_t> bytes;
    MOLDAU_ASSIGN(const bool there, read_all(bytes));
    if (!there || base::crc32c(bytes) != crc_)
      return base::fail(base::Errc::damaged, "an index file is not what it was");
    entries_.reserve(in_file_);
    for (std::size_t i = 0; i < in_file_; ++i)
      entries_.push_back(Format::decode(bytes.data() + i * Format::bytes));
    resident_ = true;
    file_.reset();
    return {};
  }

  /// Writes the entries that the file does not have yet.
  base::Status save(FileSystem& fs, const std::string& path) {
    if (!resident_) return {};
    MOLDAU_ASSIGN(const auto file, fs.open(path, FileSystem::Open::create));
    MOLDAU_TRY(write_new_entries(*file));
    return {};
  }

  /// The same, exactly and durably, and from now on the entries are in the file only.
  base::Status finish(FileSystem& fs, const std::string& path) {
    if (!resident_) return {};
    MOLDAU_ASSIGN(auto file, fs.open(path, FileSystem::Open::create));
    MOLDAU_TRY(write_new_entries(*file));
    MOLDAU_ASSIGN(const std::uint64_t size, file->size());
    if (size != entries_.size() * Format::bytes)
      MOLDAU_TRY(file->truncate(entries_.size() * Format::bytes));
    file_ = std::move(file);
    resident_ = false;
    entries_ = {};
    return {};
  }
  [[nodiscard]] std::shared_ptr<File> file() const { return file_; }

 private:
  base::Result<bool> read_all(std::vector<std::uint8_t>& bytes) const {
    bytes.resize(in_file_ * Format::bytes);
    if (bytes.empty()) return true;
    MOLDAU_ASSIGN(const std::size_t got, file_->read(0, bytes));
    return got == bytes.size();
  }
  base::Status write_new_entries(File& file) {
    if (in_file_ == entries_.size()) return {};
    std::vector<std::uint8_t> bytes((entries_.size() - in_file_) * Format::bytes);
    for (std::size_t i = in_file_; i < entries_.size(); ++i)
      Format::encode(bytes.data() + (i - in_file_) * Format::bytes, entries_[i]);
    MOLDAU_TRY(file.write(static_cast<std::uint64_t>(in_file_) * Format::bytes,
                          base::ByteView(bytes)));
    crc_ = base::crc32c(bytes, crc_);
    in_file_ = entries_.size();
    return {};
  }

  std::vector<Entry> entries_;  // when resident
  std::shared_ptr<File> file_;  // when not; second owner: the list of files to sync
  std::size_t in_file_ = 0;     // entries that were written,
  std::uint32_t crc_ = 0;       // and their checksum
  bool resident_ = true;
};

}  // namespace moldau::storage
