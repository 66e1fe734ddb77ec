#include "txn_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "moldau/base/crc32c.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

namespace {

constexpr std::size_t entry_bytes = 34;
constexpr std::int16_t entry_version = 0;
using EntryBytes = std::array<std::uint8_t, entry_bytes>;

EntryBytes encode(const TxnIndexEntry& entry) {
  EntryBytes bytes;
  base::store_be(bytes.data(), entry_version);
  base::store_be(bytes.data() + 2, entry.producer_id.value());
  base::store_be(bytes.data() + 10, entry.first_offset.value());
  base::store_be(bytes.data() + 18, entry.last_offset.value());
  base::store_be(bytes.data() + 26, entry.last_stable_offset.value());
  return bytes;
}

TxnIndexEntry decode(const std::uint8_t* from) {
  return {ProducerId{base::load_be<std::int64_t>(from + 2)},
          Offset{base::load_be<std::int64_t>(from + 10)},
          Offset{base::load_be<std::int64_t>(from + 18)},
          Offset{base::load_be<std::int64_t>(from + 26)}};
}

std::uint32_t checksum(const std::vector<TxnIndexEntry>& entries) {
  std::uint32_t crc = 0;
  for (const auto& entry : entries) crc = base::crc32c(base::ByteView(encode(entry)), crc);
  return crc;
}

bool looks_right(const std::vector<TxnIndexEntry>& entries, Offset base, Offset end) {
  Offset previous = base - 1;
  for (const auto& entry : entries) {
    if (entry.producer_id.value() < 0 || entry.first_offset.value() < 0 ||
        entry.first_offset >= entry.last_offset || entry.last_offset <= previous ||
        entry.last_offset >= end || entry.last_stable_offset > entry.last_offset + 1)
      return false;
    previous = entry.last_offset;
  }
  return true;
}

}  // namespace

TxnIndex::TxnIndex(const std::vector<TxnIndexEntry>& entries)
    : entries_(entries), crc_(checksum(entries)) {}

base::Result<TxnIndex> TxnIndex::load(FileSystem& fs, const std::string& path,
                                      const TxnIndexFacts& facts, Offset base, Offset end) {
  TxnIndex index;
  if (facts.is_empty()) return index;
  const auto damaged = fail(Errc::damaged, fmt::format("{} is not what was written to it", path));
  if (facts.kind == TxnIndexFacts::Kind::distrusted) return damaged;
  const bool is_exact = facts.kind == TxnIndexFacts::Kind::exact;
  const auto file = fs.open(path, FileSystem::Open::read);
  if (!file && file.error().code == Errc::not_found) return damaged;
  if (!file) return file.error();
  MOLDAU_ASSIGN(const std::uint64_t size, file.value()->size());
  const std::uint64_t wanted =
      is_exact ? std::uint64_t{facts.entries} * entry_bytes : size;
  if (wanted > size || wanted % entry_bytes != 0) return damaged;
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(wanted));
  MOLDAU_ASSIGN(const std::size_t got, file.value()->read(0, bytes));
  if (got < bytes.size()) return damaged;
  index.crc_ = base::crc32c(bytes);
  index.entries_.reserve(bytes.size() / entry_bytes);
  for (std::size_t at = 0; at < bytes.size(); at += entry_bytes) {
    if (base::load_be<std::int16_t>(bytes.data() + at) != entry_version) return damaged;
    index.entries_.push_back(decode(bytes.data() + at));
  }
  index.in_file_ = index.entries_.size();
  if (is_exact ? index.crc_ != facts.crc : !looks_right(index.entries_, base, end)) return damaged;
  return index;
}

void TxnIndex::append(const TxnIndexEntry& entry) {
  if (!entries_.empty() && entries_.back().last_offset >= entry.last_offset) return;
  crc_ = base::crc32c(base::ByteView(encode(entry)), crc_);
  entries_.push_back(entry);
}

void TxnIndex::truncate(Offset end) {
  while (!entries_.empty() && entries_.back().last_offset >= end) entries_.pop_back();
  in_file_ = std::min(in_file_, entries_.size());
  crc_ = checksum(entries_);
}

bool TxnIndex::collect(Offset from, Offset upper, std::vector<TxnIndexEntry>& out) const {
  const auto first =
      std::partition_point(entries_.begin(), entries_.end(),
                           [&](const TxnIndexEntry& entry) { return entry.last_offset < from; });
  for (auto entry = first; entry != entries_.end(); ++entry) {
    if (entry->first_offset < upper) out.push_back(*entry);
    if (entry->last_stable_offset >= upper) return true;
  }
  return false;
}

base::Status TxnIndex::save(FileSystem& fs, const std::string& path, Files& to_sync) {
  if (in_file_ == entries_.size()) return {};
  std::vector<std::uint8_t> bytes;
  bytes.reserve((entries_.size() - in_file_) * entry_bytes);
  for (std::size_t i = in_file_; i < entries_.size(); ++i) {
    const EntryBytes entry = encode(entries_[i]);
    bytes.insert(bytes.end(), entry.begin(), entry.end());
  }
  MOLDAU_ASSIGN(auto file, fs.open(path, FileSystem::Open::create));
  MOLDAU_TRY(file->write(std::uint64_t{in_file_} * entry_bytes, base::ByteView(bytes)));
  to_sync.push_back(std::move(file));
  in_file_ = entries_.size();
  return {};
}

base::Status TxnIndex::finish(FileSystem& fs, const std::string& path, Files& to_sync) {
  MOLDAU_TRY(save(fs, path, to_sync));
  if (entries_.empty()) {
    // One of before a crash or a truncation.
    const auto removed = fs.remove(path);
    if (!removed && removed.error().code != Errc::not_found) return removed;
    return {};
  }
  MOLDAU_ASSIGN(auto file, fs.open(path, FileSystem::Open::create));
  MOLDAU_ASSIGN(const std::uint64_t size, file->size());
  if (size == entries_.size() * entry_bytes) return {};
  MOLDAU_TRY(file->truncate(entries_.size() * entry_bytes));
  to_sync.push_back(std::move(file));
  return {};
}

TxnIndexFacts TxnIndex::facts() const {
  return {TxnIndexFacts::Kind::exact, static_cast<std::uint32_t>(entries_.size()), crc_};
}

}  // namespace moldau::storage
