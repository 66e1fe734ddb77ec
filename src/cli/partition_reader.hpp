#pragma once
// The records of a partition, one by one, as they stand in its log.

#include <functional>

#include "client.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::cli {

/// Fetch names topics up to here; from version 13 on they go by id.
constexpr codec::Version fetch_version_max = 12;

struct ReadRange {
  TopicPartition partition;
  Offset from{};
  Offset end{};  // nothing from here on is read
  /// How much is asked for at a time; one batch comes even when it is larger.
  std::int32_t chunk_bytes = 4 * 1024 * 1024;
};

/// Calls `take` for each record, aborted transactions' too, until it says false or the range is
/// read; what compaction removed is not missed.  The record lives as long as the call. Errors: the
/// client's, what the broker refuses, timed_out (the log does not go on before the end).
base::Status read_records(Client& client, const ReadRange& range,
                          const std::function<base::Result<bool>(const record::Record&)>& take);

}  // namespace moldau::cli
