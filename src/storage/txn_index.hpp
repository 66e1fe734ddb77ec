#pragma once
// Kafka's .txnindex: the aborted transactions whose marker is in a segment (protocol.md 5.6).
//
// Nothing in that file tells whether it is whole, and an entry that is missing would show a consumer what
// was aborted.  So the checkpoint keeps how many entries there are and their checksum, and an index that
// does not fit is made anew out of the segment (PartitionLog::load_txn_index).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::storage {

struct TxnIndexEntry {
  ProducerId producer_id{};
  Offset first_offset{};
  Offset last_offset{};  // the marker's
  /// Every transaction that begins below it is decided when this one is.
  Offset last_stable_offset{};
  friend bool operator==(const TxnIndexEntry&, const TxnIndexEntry&) = default;
};

/// What is known of a segment's index without having read its file.
struct TxnIndexFacts {
  enum class Kind : std::uint8_t {
    exact,       // the first `entries` of the file, with this checksum
    as_found,    // what the file has, if it looks right: Kafka wrote it
    distrusted,  // the file is not to be believed
  };
  Kind kind = Kind::exact;
  std::uint32_t entries = 0;
  std::uint32_t crc = 0;
  [[nodiscard]] bool is_empty() const { return kind == Kind::exact && entries == 0; }
  friend bool operator==(const TxnIndexFacts&, const TxnIndexFacts&) = default;
};

/// The entries, in memory.  Thread rule: its segment guards it.
class TxnIndex {
 public:
  using Files = std::vector<std::shared_ptr<File>>;

  TxnIndex() = default;
  /// Of a segment without a usable file, out of its batches.
  explicit TxnIndex(const std::vector<TxnIndexEntry>& entries);
  /// What `facts` say is in the file, for a segment of offsets [base, end).  Errors: damaged.  (blocks)
  static base::Result<TxnIndex> load(FileSystem& fs, const std::string& path, const TxnIndexFacts& facts,
                                     Offset base, Offset end);

  /// In the order of markers; one that is there already is passed over.
  void append(const TxnIndexEntry& entry);
  /// Drops those whose marker is at or above `end`.
  void truncate(Offset end);
  /// Adds those that overlap [from, upper) to `out`.  True when no later segment can have more of them.
  bool collect(Offset from, Offset upper, std::vector<TxnIndexEntry>& out) const;

  /// Writes the entries that the file lacks, and adds it to `to_sync` if there were any.
  base::Status save(FileSystem& fs, const std::string& path, Files& to_sync);
  /// The same, and the file holds nothing else.
  base::Status finish(FileSystem& fs, const std::string& path, Files& to_sync);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] TxnIndexFacts facts() const;

 private:
  std::vector<TxnIndexEntry> entries_;
  std::uint32_t crc_ = 0;
  std::size_t in_file_ = 0;  // entries that were written
};

}  // namespace moldau::storage
