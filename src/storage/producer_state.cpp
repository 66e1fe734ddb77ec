#include "producer_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "moldau/base/crc32c.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

namespace {

constexpr std::int16_t snapshot_version = 1;
constexpr std::size_t snapshot_header_bytes = 10;
constexpr std::size_t snapshot_entry_bytes = 46;
constexpr ProducerEpoch producer_epoch_max{std::numeric_limits<std::int16_t>::max()};

bool in_sequence(std::int32_t last, std::int32_t next) {
  return static_cast<std::int64_t>(next) == static_cast<std::int64_t>(last) + 1 ||
         (next == 0 && last == std::numeric_limits<std::int32_t>::max());
}

}  // namespace

base::Result<std::optional<ProducerFacts>> ProducerFacts::of(base::ByteView batch,
                                                             const BatchHeader& header) {
  if (!header.has_producer()) return std::optional<ProducerFacts>{};
  ProducerFacts facts{header, std::nullopt, Lsn{0}};
  if (!header.is_control()) return std::optional<ProducerFacts>{facts};
  MOLDAU_ASSIGN(const auto view, record::BatchView::parse(batch, record::BatchView::Check::bounds));
  MOLDAU_ASSIGN(auto records, record::RecordIterator::open(view));
  MOLDAU_ASSIGN(const auto record, records.next());
  // The cleaner leaves an empty batch where a marker was: it is nobody's end any more.
  if (!record) return std::optional<ProducerFacts>{};
  if (!record->key || record->key->size() < 4)
    return fail(Errc::invalid_record, "a control batch without a control record");
  const auto type = base::load_be<std::int16_t>(record->key->data() + 2);
  if (type != static_cast<std::int16_t>(record::ControlType::abort) &&
      type != static_cast<std::int16_t>(record::ControlType::commit))
    return std::optional<ProducerFacts>{};
  if (!record->value || record->value->size() < 6)
    return fail(Errc::invalid_record, "an end-of-transaction marker without a coordinator epoch");
  facts.marker = EndTransaction{type == static_cast<std::int16_t>(record::ControlType::commit),
                                base::load_be<std::int32_t>(record->value->data() + 2)};
  return std::optional<ProducerFacts>{facts};
}

std::int32_t ProducerBatch::first_sequence() const {
  if (last_sequence < 0) return -1;
  const auto first = static_cast<std::int64_t>(last_sequence) - offset_delta;
  return static_cast<std::int32_t>(first & 0x7FFFFFFF);
}

void ProducerEntry::add(const ProducerBatch& batch) {
  if (batch_count == batches.size()) {
    std::move(batches.begin() + 1, batches.end(), batches.begin());
    --batch_count;
  }
  batches[batch_count++] = batch;
}

base::Error ProducerState::older_epoch(ProducerId producer, ProducerEpoch epoch, ProducerEpoch current) {
  return fail(Errc::invalid_producer_epoch,
              fmt::format("epoch {} of producer {} is behind the current one, {}", epoch.value(),
                          producer.value(), current.value()));
}

base::Status ProducerState::check_marker(const ProducerFacts& facts, const AppendContext& context,
                                         const ProducerEntry& entry) const {
  const ProducerEpoch epoch = facts.header.producer_epoch;
  // A coordinator of version 2 raises the epoch with every transaction, until it cannot.  Before, an equal
  // one is of a marker that is there already: fine when it comes again, but not where another transaction
  // was begun.
  const bool is_earlier_one = context.transaction_version >= 2 && epoch == entry.epoch &&
                              entry.has_transaction() && epoch != producer_epoch_max;
  if (epoch < entry.epoch || is_earlier_one)
    return older_epoch(facts.header.producer_id, epoch, entry.epoch);
  if (facts.marker->coordinator_epoch < entry.coordinator_epoch)
    return fail(Errc::transaction_coordinator_fenced,
                fmt::format("the marker's coordinator epoch {} is below {}",
                            facts.marker->coordinator_epoch, entry.coordinator_epoch));
  return {};
}

/// A batch that begins a transaction here: the coordinator has to know that it does, or nobody would end it.
base::Status ProducerState::check_verified(const BatchHeader& batch, const AppendContext& context,
                                           const ProducerEntry& entry) const {
  if (!context.verified || context.verified->last_marker != entry.last_marker)
    return fail(Errc::transaction_not_verified,
                fmt::format("producer {} has no open transaction here that the coordinator knows of",
                            batch.producer_id.value()));
  if (context.transaction_version >= 2 && batch.base_sequence != 0 && entry.batch_count == 0)
    return fail(Errc::out_of_order_sequence,
                fmt::format("producer {} epoch {}: the first sequence is {}, not 0",
                            batch.producer_id.value(), batch.producer_epoch.value(), batch.base_sequence));
  // One that was sent before it could not be verified and will come again.
  const auto pending = verifying_.find(batch.producer_id);
  if (pending != verifying_.end() && batch.base_sequence > pending->second.lowest_sequence)
    return fail(Errc::out_of_order_sequence,
                fmt::format("producer {} epoch {}: sequence {} came before {}",
                            batch.producer_id.value(), batch.producer_epoch.value(), batch.base_sequence,
                            pending->second.lowest_sequence));
  return {};
}

base::Result<std::optional<ProducerBatch>> ProducerState::check(const ProducerFacts& facts,
                                                                const AppendContext& context) const {
  static const ProducerEntry unknown;
  const BatchHeader& batch = facts.header;
  const auto place = producers_.find(batch.producer_id);
  const ProducerEntry& entry = place == producers_.end() ? unknown : place->second;
  if (facts.marker) {
    MOLDAU_TRY(check_marker(facts, context, entry));
    return std::optional<ProducerBatch>{};
  }
  if (batch.producer_epoch < entry.epoch)
    return older_epoch(batch.producer_id, batch.producer_epoch, entry.epoch);
  const bool is_client = context.origin == AppendOrigin::client;
  const bool is_open = entry.has_transaction() && batch.producer_epoch == entry.epoch;
  if (is_client && batch.is_transactional() && !is_open)
    MOLDAU_TRY(check_verified(batch, context, entry));
  if (is_client && batch.producer_epoch == entry.epoch)
    for (std::uint32_t i = 0; i < entry.batch_count; ++i)
      if (entry.batches[i].first_sequence() == batch.base_sequence &&
          entry.batches[i].last_sequence == batch.last_sequence())
        return std::optional<ProducerBatch>{entry.batches[i]};
  if (is_client && place != producers_.end()) {
    const bool new_epoch = batch.producer_epoch != entry.epoch;
    const bool fits = new_epoch ? batch.base_sequence == 0
                                : in_sequence(entry.last_sequence(), batch.base_sequence);
    if (!fits)
      return fail(Errc::out_of_order_sequence,
                  fmt::format("producer {} epoch {}: sequence {} does not follow {}",
                              batch.producer_id.value(), batch.producer_epoch.value(),
                              batch.base_sequence, new_epoch ? -1 : entry.last_sequence()));
  }
  if (entry.has_transaction() && !batch.is_transactional())
    return fail(Errc::invalid_txn_state,
                fmt::format("producer {} has an open transaction and appends outside of it",
                            batch.producer_id.value()));
  return std::optional<ProducerBatch>{};
}

base::Result<std::optional<Verification>> ProducerState::begin_verification(
    ProducerId producer, ProducerEpoch epoch, std::int32_t first_sequence) {
  Verification verification;
  if (const auto place = producers_.find(producer); place != producers_.end()) {
    const ProducerEntry& entry = place->second;
    if (epoch < entry.epoch) return older_epoch(producer, epoch, entry.epoch);
    if (entry.has_transaction() && entry.epoch == epoch) return std::optional<Verification>{};
    verification.last_marker = entry.last_marker;
  }
  // To have forgotten one costs its producer an error at most.
  if (verifying_.size() >= limits::verifications_per_log_max) verifying_.clear();
  auto& pending = verifying_.try_emplace(producer, Verifying{epoch, first_sequence}).first->second;
  if (epoch == pending.epoch) {
    pending.lowest_sequence = std::min(pending.lowest_sequence, first_sequence);
  } else if (epoch > pending.epoch) {
    pending = {epoch, first_sequence};
  }
  return std::optional<Verification>{verification};
}

std::optional<CompletedTransaction> ProducerState::apply(const ProducerFacts& facts) {
  const BatchHeader& batch = facts.header;
  ProducerEntry& entry = producers_[batch.producer_id];
  if (entry.epoch != batch.producer_epoch) {
    entry.epoch = batch.producer_epoch;
    entry.batch_count = 0;
  }
  entry.last_timestamp_ms = batch.max_timestamp_ms;
  if (!verifying_.empty() && batch.is_transactional()) verifying_.erase(batch.producer_id);
  if (facts.marker) {
    entry.coordinator_epoch = facts.marker->coordinator_epoch;
    entry.last_marker = batch.last_offset;
    if (!entry.has_transaction()) return std::nullopt;
    const Offset first = std::exchange(entry.current_txn_first, no_offset);
    open_transactions_.erase(first);
    const Offset stable =
        open_transactions_.empty() ? batch.last_offset + 1 : open_transactions_.begin()->first;
    return CompletedTransaction{{batch.producer_id, first, batch.last_offset, stable},
                                !facts.marker->commit};
  }
  const auto delta = static_cast<std::int32_t>(batch.last_offset - batch.base_offset);
  entry.add({batch.last_sequence(), delta, batch.last_offset, batch.max_timestamp_ms, facts.lsn});
  if (batch.is_transactional() && !entry.has_transaction()) {
    entry.current_txn_first = batch.base_offset;
    note_transaction(batch.producer_id, entry);
  }
  return std::nullopt;
}

void ProducerState::note_transaction(ProducerId producer, const ProducerEntry& entry) {
  if (entry.has_transaction()) open_transactions_[entry.current_txn_first] = producer;
}

std::optional<OpenTransaction> ProducerState::oldest_open_transaction() const {
  if (open_transactions_.empty()) return std::nullopt;
  const auto& [first_offset, producer] = *open_transactions_.begin();
  return OpenTransaction{producer, first_offset, producers_.at(producer).last_timestamp_ms};
}

std::vector<ProducerSummary> ProducerState::summaries() const {
  std::vector<ProducerSummary> result;
  result.reserve(producers_.size());
  for (const auto& [id, entry] : producers_)
    result.push_back({id, entry.epoch, entry.last_sequence(), entry.last_timestamp_ms,
                      entry.coordinator_epoch, entry.current_txn_first});
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.producer_id < b.producer_id; });
  return result;
}

ProducerState::LastRecords ProducerState::last_records() const {
  LastRecords result;
  for (const auto& [id, entry] : producers_) {
    const auto* batch = entry.last_batch();
    result[id] = {batch != nullptr ? batch->last_offset : no_offset, entry.epoch};
  }
  return result;
}

void ProducerState::expire(std::int64_t now_ms, std::int64_t expiration_ms) {
  std::erase_if(producers_, [&](const auto& item) {
    const ProducerEntry& entry = item.second;
    return !entry.has_transaction() && now_ms - entry.last_timestamp_ms >= expiration_ms;
  });
  std::erase_if(verifying_, [](const auto& item) { return item.second.is_old; });
  for (auto& [id, pending] : verifying_) pending.is_old = true;
}

void ProducerState::clear() {
  producers_.clear();
  open_transactions_.clear();
  verifying_.clear();
}

std::string ProducerState::encode_snapshot() const {
  ByteSink sink;
  sink.put(snapshot_version);
  sink.put(std::uint32_t{0});
  sink.put(static_cast<std::int32_t>(producers_.size()));
  for (const auto& [id, entry] : producers_) {
    const ProducerBatch last = entry.batch_count == 0 ? ProducerBatch{} : *entry.last_batch();
    sink.put(id.value());
    sink.put(entry.epoch.value());
    sink.put(last.last_sequence);
    sink.put(last.last_offset.value());
    sink.put(last.offset_delta);
    sink.put(entry.last_timestamp_ms);
    sink.put(entry.coordinator_epoch);
    sink.put(entry.current_txn_first.value());
  }
  const base::ByteView covered = base::ByteView(sink.bytes()).subspan(6);
  base::store_be(sink.bytes().data() + 2, base::crc32c(covered));
  return std::string(sink.text());
}

base::Result<ProducerState> ProducerState::decode_snapshot(std::string_view text) {
  const base::ByteView bytes = base::as_bytes(text);
  ByteSource source(bytes);
  const auto version = source.get<std::int16_t>();
  const auto crc = source.get<std::uint32_t>();
  const auto count = source.get<std::int32_t>();
  if (!source.ok() || version != snapshot_version || count < 0 ||
      bytes.size() != snapshot_header_bytes + static_cast<std::size_t>(count) * snapshot_entry_bytes ||
      base::crc32c(bytes.subspan(6)) != crc)
    return fail(Errc::malformed, "a producer snapshot that is cut off, damaged or of another version");
  ProducerState state;
  for (std::int32_t i = 0; i < count; ++i) {
    const ProducerId id{source.get<std::int64_t>()};
    ProducerEntry entry;
    entry.epoch = ProducerEpoch{source.get<std::int16_t>()};
    ProducerBatch last;
    last.last_sequence = source.get<std::int32_t>();
    last.last_offset = Offset{source.get<std::int64_t>()};
    last.offset_delta = source.get<std::int32_t>();
    last.timestamp_ms = entry.last_timestamp_ms = source.get<std::int64_t>();
    entry.coordinator_epoch = source.get<std::int32_t>();
    entry.current_txn_first = Offset{source.get<std::int64_t>()};
    if (last.last_offset.value() >= 0) entry.add(last);
    state.note_transaction(id, entry);
    state.producers_[id] = entry;
  }
  return state;
}

void ProducerState::save(ByteSink& sink) const {
  sink.put(static_cast<std::uint32_t>(producers_.size()));
  for (const auto& [id, entry] : producers_) {
    sink.put(id.value());
    sink.put(entry.epoch.value());
    sink.put(entry.coordinator_epoch);
    sink.put(entry.last_timestamp_ms);
    sink.put(entry.current_txn_first.value());
    sink.put(static_cast<std::uint8_t>(entry.batch_count));
    for (std::uint32_t i = 0; i < entry.batch_count; ++i) {
      const ProducerBatch& batch = entry.batches[i];
      sink.put(batch.last_sequence);
      sink.put(batch.offset_delta);
      sink.put(batch.last_offset.value());
      sink.put(batch.timestamp_ms);
    }
  }
}

std::optional<ProducerState> ProducerState::load(ByteSource& source) {
  ProducerState state;
  const auto count = source.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && source.ok(); ++i) {
    const ProducerId id{source.get<std::int64_t>()};
    ProducerEntry entry;
    entry.epoch = ProducerEpoch{source.get<std::int16_t>()};
    entry.coordinator_epoch = source.get<std::int32_t>();
    entry.last_timestamp_ms = source.get<std::int64_t>();
    entry.current_txn_first = Offset{source.get<std::int64_t>()};
    const auto batches = source.get<std::uint8_t>();
    if (batches > entry.batches.size()) return std::nullopt;
    for (std::uint8_t b = 0; b < batches; ++b) {
      ProducerBatch batch;
      batch.last_sequence = source.get<std::int32_t>();
      batch.offset_delta = source.get<std::int32_t>();
      batch.last_offset = Offset{source.get<std::int64_t>()};
      batch.timestamp_ms = source.get<std::int64_t>();
      entry.add(batch);
    }
    state.note_transaction(id, entry);
    state.producers_[id] = entry;
  }
  if (!source.ok()) return std::nullopt;
  return state;
}

}  // namespace moldau::storage
