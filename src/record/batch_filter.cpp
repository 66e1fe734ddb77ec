#include "moldau/record/batch_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "moldau/base/crc32c.hpp"
#include "moldau/record/compression.hpp"
#include "record_writer.hpp"

namespace moldau::record {

using base::Errc;
using base::fail;
using base::store_be;

namespace {

constexpr std::int64_t no_base_timestamp_ms = -1;

constexpr std::int64_t wrapping_difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

/// Which records are kept, and what is needed of them before the first can be written.
struct Choice {
  std::vector<bool> kept;
  std::int32_t kept_count = 0;
  bool tombstone = false;
  std::int64_t first_timestamp_ms = no_base_timestamp_ms;
  std::int64_t max_timestamp_ms = no_base_timestamp_ms;
};

base::Result<Choice> choose(RecordIterator& records,
                            const std::function<bool(const Record&)>& keep) {
  Choice choice;
  std::optional<Offset> last;
  while (true) {
    MOLDAU_ASSIGN(const auto record, records.next());
    if (!record) return choice;
    choice.kept.push_back(keep(*record));
    if (!choice.kept.back()) continue;
    if (last && record->offset <= *last) {
      return fail(Errc::invalid_record, fmt::format("offset {} follows offset {}",
                                                    record->offset.value(), last->value()));
    }
    last = record->offset;
    if (choice.kept_count++ == 0) choice.first_timestamp_ms = record->timestamp_ms;
    choice.max_timestamp_ms = std::max(choice.max_timestamp_ms, record->timestamp_ms);
    choice.tombstone |= !record->value;
  }
}

/// A horizon is given once.  Kafka forgets one below 0.
std::optional<std::int64_t> horizon_of(const BatchView& batch, const FilterOptions& options,
                                       const Choice& choice) {
  auto horizon_ms = batch.delete_horizon_ms();
  if (!horizon_ms && (choice.tombstone || options.needs_horizon)) {
    horizon_ms = options.delete_horizon_ms;
  }
  if (horizon_ms && *horizon_ms < 0) horizon_ms.reset();
  return horizon_ms;
}

/// What differs from the old batch's header.
struct NewHeader {
  Compression compression = Compression::none;
  bool has_horizon = false;
  std::int64_t base_timestamp_ms = no_base_timestamp_ms;
  std::int64_t max_timestamp_ms = 0;
  std::int32_t record_count = 0;
};

std::int16_t attributes_of_filtered(const BatchView& batch, const NewHeader& header) {
  constexpr int kept = attribute::log_append_time | attribute::transactional | attribute::control;
  return static_cast<std::int16_t>((batch.attributes() & kept) |
                                   static_cast<int>(header.compression) |
                                   (header.has_horizon ? attribute::delete_horizon : 0));
}

base::Result<base::SharedBytes> assemble(const BatchView& batch, const NewHeader& header,
                                         ByteView records) {
  const std::size_t size = batch_format::header_bytes + records.size();
  if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return fail(Errc::message_too_large, fmt::format("a batch of {} bytes", size));
  }
  base::SharedBytes made = base::SharedBytes::allocate(size);
  std::uint8_t* const to = made.mutable_view().data();
  std::memcpy(to, batch.bytes().data(), batch_format::header_bytes);
  if (!records.empty()) {
    std::memcpy(to + batch_format::header_bytes, records.data(), records.size());
  }
  store_be(to + batch_format::length_at,
           static_cast<std::int32_t>(size - batch_format::length_overhead));
  store_be(to + batch_format::attributes_at, attributes_of_filtered(batch, header));
  store_be(to + batch_format::base_timestamp_at, header.base_timestamp_ms);
  store_be(to + batch_format::max_timestamp_at, header.max_timestamp_ms);
  store_be(to + batch_format::record_count_at, header.record_count);
  store_be(to + batch_format::crc_at,
           base::crc32c(made.view().subspan(batch_format::attributes_at)));
  return made;
}

base::Result<FilteredBatch> without_records(const BatchView& batch) {
  MOLDAU_ASSIGN(auto made, assemble(batch, {.max_timestamp_ms = batch.max_timestamp_ms()}, {}));
  if (std::ranges::equal(made.view(), batch.bytes())) return FilteredBatch{};  // it was one
  return FilteredBatch{FilteredBatch::What::rewritten, std::move(made), 0};
}

/// Writes the records of `choice` anew; `records` is at the first.
base::Result<FilteredBatch> with_records(const BatchView& batch, RecordIterator& records,
                                         const Choice& choice,
                                         std::optional<std::int64_t> horizon_ms) {
  NewHeader header;
  header.compression = batch.compression();
  header.has_horizon = horizon_ms.has_value();
  header.base_timestamp_ms = horizon_ms.value_or(choice.first_timestamp_ms);
  header.max_timestamp_ms = batch.timestamp_type() == TimestampType::log_append_time
                                ? batch.max_timestamp_ms()
                                : choice.max_timestamp_ms;
  header.record_count = choice.kept_count;
  std::vector<std::uint8_t> written;
  if (header.compression == Compression::none) written.reserve(batch.records().size());
  for (const bool kept : choice.kept) {
    MOLDAU_ASSIGN(const auto record, records.next());
    if (!kept) continue;
    const RecordDeltas deltas{
        .timestamp_ms = wrapping_difference(record->timestamp_ms, header.base_timestamp_ms),
        .offset = wrapping_difference(record->offset.value(), batch.base_offset().value())};
    put_record(written, deltas, record->key, record->value, record->headers);
  }
  if (header.compression != Compression::none) {
    MOLDAU_ASSIGN(written, compress(header.compression, written));
  }
  MOLDAU_ASSIGN(auto made, assemble(batch, header, written));
  return FilteredBatch{FilteredBatch::What::rewritten, std::move(made), choice.kept_count};
}

}  // namespace

base::Result<FilteredBatch> filter_batch(const BatchView& batch, const FilterOptions& options,
                                         const std::function<bool(const Record&)>& keep) {
  MOLDAU_ASSIGN(auto records, RecordIterator::open(batch));
  MOLDAU_ASSIGN(const Choice choice, choose(records, keep));
  const auto horizon_ms = horizon_of(batch, options, choice);
  const bool all_kept = choice.kept_count == batch.record_count();
  const bool gets_horizon = horizon_ms && !batch.has_delete_horizon();
  if (choice.kept_count > 0 && all_kept && !gets_horizon) {
    return FilteredBatch{FilteredBatch::What::unchanged, {}, choice.kept_count};
  }
  // A new CRC would hide the damage that the old one shows.
  if (batch.crc() != batch.computed_crc()) {
    return fail(Errc::corrupt_message, fmt::format("crc is {:#010x}, computed {:#010x}",
                                                   batch.crc(), batch.computed_crc()));
  }
  if (choice.kept_count == 0) {
    if (options.keep_empty) return without_records(batch);
    return FilteredBatch{FilteredBatch::What::removed, {}, 0};
  }
  records.rewind();
  return with_records(batch, records, choice, horizon_ms);
}

}  // namespace moldau::record
