#include "moldau/record/transaction_marker.hpp"

#include <array>

#include "moldau/base/bytes.hpp"
#include "moldau/record/batch_builder.hpp"
#include "moldau/record/batch_format.hpp"

namespace moldau::record {

base::Result<base::SharedBytes> build_marker_batch(const TransactionMarker& marker,
                                                   std::int64_t timestamp_ms) {
  constexpr std::int16_t version = 0;  // of key and value
  std::array<std::uint8_t, 4> key;
  base::store_be(key.data(), version);
  base::store_be(key.data() + 2,
                 static_cast<std::int16_t>(marker.commit ? ControlType::commit : ControlType::abort));
  std::array<std::uint8_t, 6> value;
  base::store_be(value.data(), version);
  base::store_be(value.data() + 2, marker.coordinator_epoch);
  BatchOptions options;
  options.producer_id = marker.producer_id;
  options.producer_epoch = marker.producer_epoch;
  options.transactional = true;
  options.control = true;
  BatchBuilder builder{options};
  builder.append(timestamp_ms, base::ByteView(key), base::ByteView(value));
  return builder.build();
}

}  // namespace moldau::record
