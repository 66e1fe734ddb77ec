#pragma once
// Builds batches: for internal topics, the command line and tests.

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/record/batch_format.hpp"

namespace moldau::record {

struct BatchOptions {
  Offset base_offset{0};
  LeaderEpoch leader_epoch = no_leader_epoch;
  Compression compression = Compression::none;
  std::optional<int> compression_level = std::nullopt;  // Kafka's default
  TimestampType timestamp_type = TimestampType::create_time;
  ProducerId producer_id = no_producer_id;
  ProducerEpoch producer_epoch = no_producer_epoch;
  std::int32_t base_sequence = -1;
  bool transactional = false;
  bool control = false;
};

class BatchBuilder {
 public:
  using Header = std::pair<std::string_view, std::optional<base::ByteView>>;
  explicit BatchBuilder(BatchOptions options);
  void append(std::int64_t timestamp_ms, std::optional<base::ByteView> key,
              std::optional<base::ByteView> value, const std::vector<Header>& headers = {});
  [[nodiscard]] std::int32_t record_count() const { return count_; }
  /// Uncompressed size so far, header included.
  [[nodiscard]] std::size_t size_bytes() const;
  /// The finished batch with its CRC.  At least one record was appended.
  [[nodiscard]] base::Result<base::SharedBytes> build();

 private:
  BatchOptions options_;
  std::vector<std::uint8_t> records_;
  std::int32_t count_ = 0;
  std::int64_t first_timestamp_ms_ = 0;
  std::int64_t max_timestamp_ms_ = -1;
};

}  // namespace moldau::record
