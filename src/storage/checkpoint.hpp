#pragma once
// <log.dir>/.moldau/checkpoint: from where the lane must be replayed, and what every log's files held
// then.  Grammar: FORMAT.md.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lane_writer.hpp"
#include "leader_epochs.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/file_system.hpp"
#include "producer_state.hpp"
#include "segment.hpp"

namespace moldau::storage {

/// What the files of a log hold: everything below segment.end, and nothing above it counts.
struct LogState {
  TopicPartition name;
  TopicId topic_id{};
  Lsn applied{0};  // lane entries up to this one are in the files
  Offset start{};
  SegmentState segment;  // the active one
  std::vector<EpochStart> epochs;
  ProducerState producers;
  /// Of the segments whose transaction index has entries, or is not known to have none.  nullopt: the
  /// checkpoint does not say.
  std::optional<std::map<Offset, TxnIndexFacts>> txns = std::map<Offset, TxnIndexFacts>{};
  /// Closed segments whose index files are known.
  struct Closed {
    Offset end{};
    std::uint64_t size = 0;
    IndexFacts offsets;
    IndexFacts times;
  };
  std::map<Offset, Closed> closed;
  /// Nothing was ever compacted here, nor will be before another checkpoint: all of `closed` have to be as they were,
  /// but for a first few that retention took.
  bool dense = false;
  /// Why the log is offline, or empty.  It stays so until its files are what they should be again.
  std::string offline;
  /// Entries of the lane that its files lack were set aside in a file: it stays offline whatever happens.
  bool set_aside = false;
};

struct Checkpoint {
  bool closed = false;  // an orderly stop: there is nothing in the lane
  bool synced = true;   // false under --unsafe-no-fsync: files may be shorter than said
  std::uint32_t lane_files = 0;
  std::uint64_t incarnation = 0;
  LanePosition replay_from;
  std::map<TopicIdPartition, LogState> logs;
};

void encode_log_state(const LogState& state, ByteSink& sink);
std::string encode_checkpoint_header(const Checkpoint& checkpoint, std::size_t log_count);
/// The whole file out of header and logs, with its checksum.
std::string seal_checkpoint(std::string header, std::string_view logs);
/// Errors: damaged.
base::Result<Checkpoint> decode_checkpoint(std::string_view bytes);

}  // namespace moldau::storage
