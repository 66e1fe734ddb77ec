#include "moldau/coordinator/turn.hpp"

#include "appender.hpp"

namespace moldau::coordinator {

std::int32_t Turn::coordinator_epoch() const {
  return appender_.partition().log().latest_epoch().value();
}

void Turn::put(std::vector<EncodedRecord> records, const std::optional<Producer>& producer) {
  appender_.put(std::move(records), producer);
}

bool Turn::flush() {
  if (failure_) return false;
  if (const auto flushed = appender_.flush(acks_, now_.wall_ms, due_); !flushed)
    failure_ = flushed.error();
  return !failure_;
}

base::Status Turn::append(const Marker& marker) {
  if (!flush()) return *failure_;
  return appender_.append(marker, acks_, now_.wall_ms);
}

}  // namespace moldau::coordinator
