#pragma once
// What goes into the steps of a coordinator's machine, and what they ask of the shard that drives it.

#include <cstdint>
#include <optional>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/function.hpp"
#include "moldau/base/ids.hpp"

namespace moldau::coordinator {

struct Now {
  base::SteadyTime steady{};  // deadlines
  std::int64_t wall_ms = 0;   // what records say
};

/// A record as it stands in the log.
struct EncodedRecord {
  std::vector<std::uint8_t> key;
  std::optional<std::vector<std::uint8_t>> value;  // nullopt: a tombstone
};

/// Whose transaction records belong to.
struct Producer {
  ProducerId id{};
  ProducerEpoch epoch{};
  friend bool operator==(const Producer&, const Producer&) = default;
};

/// The end of a transaction, as its control batch says it (KIP-98; protocol.md 5.3).
struct Marker {
  Producer producer;              // of transaction.version 2: with the epoch after the transaction's
  bool commit = false;
  std::int32_t coordinator_epoch = 0;
  std::int16_t transaction_version = 0;  // 2: the epoch has to be above the log's (KIP-1228)
};

/// Everything one step leaves behind.
template <class Record>
struct Effects {
  /// To be appended in this order, all or none.  The machine has applied them to itself already: when
  /// they cannot be appended, it is thrown away and built anew from the log.
  std::vector<Record> records;
  /// With it the records are a batch of that producer's transaction: they count when it is committed.
  std::optional<Producer> producer;
  /// To be run, in this order, once every record of this step and of the steps before is durable: an
  /// answer never tells of what a power cut could still take back.
  std::vector<base::Task> answers;
};

}  // namespace moldau::coordinator
