#pragma once
// One step's way to the log: what it wants appended, and who is to be answered when that is durable.

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "moldau/base/result.hpp"
#include "moldau/coordinator/effects.hpp"
#include "moldau/partition/waiters.hpp"

namespace moldau::coordinator {

class Appender;  // src/coordinator: private to the layer

/// Thread rule: lives for one step, under its shard's lock.
class Turn {
 public:
  Turn(Appender& appender, const std::shared_ptr<partition::AckTarget>& acks, Now now)
      : appender_(appender), acks_(acks), now_(now) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  [[nodiscard]] const Now& now() const { return now_; }
  /// The leader epoch of the shard's partition: what Kafka calls the coordinator's epoch.
  [[nodiscard]] std::int32_t coordinator_epoch() const;

  /// What the machine left behind, after what was taken before.  `encode(record)` gives an EncodedRecord.
  template <class Record, class Encode>
  void take(Effects<Record> effects, Encode encode);

  /// Everything that steps left behind so far is appended when this returns true.  With false it could
  /// not be: the step ends there, and the machine is thrown away.
  [[nodiscard]] bool flush();
  /// As flush(), and then ends a transaction in this partition.  An error of the marker alone (its epoch is
  /// older than the log's) changes nothing and does not end the step: the machine hears of it when it is there.
  [[nodiscard]] base::Status append(const Marker& marker);

 private:
  friend class Shard;
  void put(std::vector<EncodedRecord> records, const std::optional<Producer>& producer);

  Appender& appender_;
  const std::shared_ptr<partition::AckTarget>& acks_;
  const Now now_;
  std::vector<base::Task> answers_;  // of this step, in order
  std::vector<base::Task> due_;      // of steps before it: what they wait for is durable
  std::optional<base::Error> failure_;
};

template <class Record, class Encode>
void Turn::take(Effects<Record> effects, Encode encode) {
  if (!effects.records.empty()) {
    std::vector<EncodedRecord> encoded;
    encoded.reserve(effects.records.size());
    for (const auto& record : effects.records) encoded.push_back(encode(record));
    put(std::move(encoded), effects.producer);
  }
  std::move(effects.answers.begin(), effects.answers.end(), std::back_inserter(answers_));
}

}  // namespace moldau::coordinator
