#pragma once
// The control batch that ends a transaction in a partition (KIP-98; protocol.md 5.3).

#include <cstdint>

#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"

namespace moldau::record {

struct TransactionMarker {
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  bool commit = false;
  std::int32_t coordinator_epoch = 0;
};

/// One control record, as Kafka writes it.
[[nodiscard]] base::Result<base::SharedBytes> build_marker_batch(const TransactionMarker& marker,
                                                                 std::int64_t timestamp_ms);

}  // namespace moldau::record
