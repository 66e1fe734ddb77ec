#include "checkpoint.hpp"

#include <algorithm>

#include "moldau/base/crc32c.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

namespace {

constexpr std::uint32_t checkpoint_magic = 0x4D4C4350;  // "MLCP"
constexpr std::uint16_t checkpoint_version = 3;
/// Did not have the transaction indexes.
constexpr std::uint16_t checkpoint_version_oldest = 1;
/// From here on it has the checksums of other indexes.
constexpr std::uint16_t checkpoint_version_indexes = 3;
/// Instead of their count.
constexpr std::uint32_t txns_unknown = 0xFFFFFFFF;
constexpr std::uint16_t closed_flag = 1;
constexpr std::uint16_t unsynced_flag = 2;
constexpr std::size_t crc_at = 4;
constexpr std::size_t checked_from = 8;

IndexFacts decode_index(ByteSource& source, std::uint16_t version) {
  IndexFacts facts;
  facts.entries = source.get<std::uint32_t>();
  if (version >= checkpoint_version_indexes) facts.crc = source.get<std::uint32_t>();
  return facts;
}

void encode_index(const IndexFacts& facts, ByteSink& sink) {
  sink.put(facts.entries);
  sink.put(facts.crc.value_or(0));
}

std::optional<LogState> decode_log_state(ByteSource& source, std::uint16_t version) {
  LogState log;
  log.name.topic = source.get_text();
  log.name.partition = PartitionIndex{source.get<std::int32_t>()};
  const auto id = source.get_bytes(16);
  if (!source.ok()) return std::nullopt;
  std::copy(id.begin(), id.end(), log.topic_id.bytes.begin());
  log.applied = Lsn{source.get<std::uint64_t>()};
  log.start = Offset{source.get<std::int64_t>()};
  log.segment.base = Offset{source.get<std::int64_t>()};
  log.segment.size = source.get<std::uint64_t>();
  log.segment.end = Offset{source.get<std::int64_t>()};
  log.segment.max_timestamp_ms = source.get<std::int64_t>();
  log.segment.max_timestamp_offset = Offset{source.get<std::int64_t>()};
  log.segment.first_timestamp_ms = source.get<std::int64_t>();
  log.segment.bytes_since_index = source.get<std::uint64_t>();
  log.segment.indexes_known = version < checkpoint_version_indexes || source.get<std::uint8_t>() != 0;
  log.segment.offsets = decode_index(source, version);
  log.segment.times = decode_index(source, version);
  const auto epochs = source.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < epochs && source.ok(); ++i) {
    const LeaderEpoch epoch{source.get<std::int32_t>()};
    log.epochs.push_back({epoch, Offset{source.get<std::int64_t>()}});
  }
  auto producers = ProducerState::load(source);
  if (!producers) return std::nullopt;
  log.producers = std::move(*producers);
  log.offline = source.get_text();
  log.set_aside = source.get<std::uint8_t>() != 0;
  const auto indexes =
      version == checkpoint_version_oldest ? txns_unknown : source.get<std::uint32_t>();
  if (indexes == txns_unknown) log.txns.reset();
  for (std::uint32_t i = 0; log.txns && i < indexes && source.ok(); ++i) {
    const Offset base{source.get<std::int64_t>()};
    TxnIndexFacts facts;
    facts.kind = static_cast<TxnIndexFacts::Kind>(source.get<std::uint8_t>());
    facts.entries = source.get<std::uint32_t>();
    facts.crc = source.get<std::uint32_t>();
    if (facts.kind > TxnIndexFacts::Kind::distrusted) return std::nullopt;
    log.txns->emplace(base, facts);
  }
  const auto closed = version >= checkpoint_version_indexes ? source.get<std::uint32_t>() : 0;
  for (std::uint32_t i = 0; i < closed && source.ok(); ++i) {
    const Offset base{source.get<std::int64_t>()};
    LogState::Closed segment;
    segment.end = Offset{source.get<std::int64_t>()};
    segment.size = source.get<std::uint64_t>();
    segment.offsets = decode_index(source, version);
    segment.times = decode_index(source, version);
    log.closed.emplace(base, segment);
  }
  log.dense = version >= checkpoint_version_indexes && source.get<std::uint8_t>() != 0;
  if (!source.ok()) return std::nullopt;
  return log;
}

}  // namespace

void encode_log_state(const LogState& log, ByteSink& sink) {
  sink.put_text(log.name.topic);
  sink.put(log.name.partition.value());
  sink.put_bytes(log.topic_id.bytes);
  sink.put(log.applied.value());
  sink.put(log.start.value());
  sink.put(log.segment.base.value());
  sink.put(log.segment.size);
  sink.put(log.segment.end.value());
  sink.put(log.segment.max_timestamp_ms);
  sink.put(log.segment.max_timestamp_offset.value());
  sink.put(log.segment.first_timestamp_ms);
  sink.put(log.segment.bytes_since_index);
  // Without its checksum an index is as good as unknown.
  const bool known = log.segment.indexes_known && log.segment.offsets.crc && log.segment.times.crc;
  sink.put(static_cast<std::uint8_t>(known ? 1 : 0));
  encode_index(log.segment.offsets, sink);
  encode_index(log.segment.times, sink);
  sink.put(static_cast<std::uint32_t>(log.epochs.size()));
  for (const EpochStart& entry : log.epochs) {
    sink.put(entry.epoch.value());
    sink.put(entry.start.value());
  }
  log.producers.save(sink);
  sink.put_text(log.offline);
  sink.put(static_cast<std::uint8_t>(log.set_aside ? 1 : 0));
  sink.put(log.txns ? static_cast<std::uint32_t>(log.txns->size()) : txns_unknown);
  if (log.txns) {
    for (const auto& [base, facts] : *log.txns) {
      sink.put(base.value());
      sink.put(static_cast<std::uint8_t>(facts.kind));
      sink.put(facts.entries);
      sink.put(facts.crc);
    }
  }
  sink.put(static_cast<std::uint32_t>(log.closed.size()));
  for (const auto& [base, segment] : log.closed) {
    sink.put(base.value());
    sink.put(segment.end.value());
    sink.put(segment.size);
    encode_index(segment.offsets, sink);
    encode_index(segment.times, sink);
  }
  sink.put(static_cast<std::uint8_t>(log.dense ? 1 : 0));
}

std::string encode_checkpoint_header(const Checkpoint& checkpoint, std::size_t log_count) {
  ByteSink sink;
  sink.put(checkpoint_magic);
  sink.put(std::uint32_t{0});
  sink.put(checkpoint_version);
  sink.put(static_cast<std::uint16_t>((checkpoint.closed ? closed_flag : 0) |
                                      (checkpoint.synced ? 0 : unsynced_flag)));
  sink.put(checkpoint.lane_files);
  sink.put(checkpoint.incarnation);
  sink.put(checkpoint.replay_from.file);
  sink.put(checkpoint.replay_from.offset);
  sink.put(checkpoint.replay_from.sequence);
  sink.put(static_cast<std::uint32_t>(log_count));
  return std::string(sink.text());
}

std::string seal_checkpoint(std::string header, std::string_view logs) {
  header += logs;
  const std::uint32_t crc = base::crc32c(base::as_bytes(header).subspan(checked_from));
  base::store_be(reinterpret_cast<std::uint8_t*>(header.data()) + crc_at, crc);
  return header;
}

base::Result<Checkpoint> decode_checkpoint(std::string_view text) {
  const base::ByteView bytes = base::as_bytes(text);
  ByteSource source(bytes);
  const auto magic = source.get<std::uint32_t>();
  const auto crc = source.get<std::uint32_t>();
  const auto version = source.get<std::uint16_t>();
  const auto flags = source.get<std::uint16_t>();
  if (!source.ok() || magic != checkpoint_magic ||
      base::crc32c(bytes.subspan(checked_from)) != crc)
    return fail(Errc::damaged, "the checkpoint of the log directory does not have its checksum");
  if (version < checkpoint_version_oldest || version > checkpoint_version)
    return fail(Errc::foreign_directory, "the checkpoint was written by a newer version");
  Checkpoint checkpoint;
  checkpoint.closed = (flags & closed_flag) != 0;
  checkpoint.synced = (flags & unsynced_flag) == 0;
  checkpoint.lane_files = std::max(1U, source.get<std::uint32_t>());
  checkpoint.incarnation = source.get<std::uint64_t>();
  checkpoint.replay_from.file = source.get<std::uint32_t>();
  checkpoint.replay_from.offset = source.get<std::uint64_t>();
  checkpoint.replay_from.sequence = source.get<std::uint64_t>();
  const auto count = source.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    auto log = decode_log_state(source, version);
    if (!log) return fail(Errc::damaged, "the checkpoint of the log directory is cut off");
    const TopicIdPartition key{log->topic_id, log->name.partition};
    checkpoint.logs.emplace(key, std::move(*log));
  }
  return checkpoint;
}

}  // namespace moldau::storage
