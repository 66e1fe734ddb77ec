#pragma once
// What a shard has to append, what it has appended, and the answers that wait for either.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "moldau/base/result.hpp"
#include "moldau/coordinator/effects.hpp"
#include "moldau/partition/partition.hpp"

namespace moldau::coordinator {

/// Thread rule: none of its own; its shard guards it.
class Appender {
 public:
  explicit Appender(partition::Partition& partition) : partition_(partition) {}

  /// To be appended next, as one batch: of `producer`'s transaction, where there is one.  What is of the same
  /// kind as what was put before shares its batch.
  void put(std::vector<EncodedRecord> records, const std::optional<Producer>& producer);
  /// To be run when all that was put before is durable.  Those for whom it is so already go to `due`.
  void answer(std::vector<base::Task> answers, std::vector<base::Task>& due);

  /// Something was put and not appended yet.
  [[nodiscard]] bool is_open() const { return !open_.empty(); }
  [[nodiscard]] std::size_t open_records() const { return open_records_; }
  /// Appends everything that was put, in order; `acks` is told of each batch by its number.  After an error
  /// the first of them may have been appended, and the rest is still open.
  base::Status flush(const std::shared_ptr<partition::AckTarget>& acks, std::int64_t now_ms,
                     std::vector<base::Task>& due);
  /// Nothing is open: appends the end of a transaction.  An error changes nothing.
  base::Status append(const Marker& marker, const std::shared_ptr<partition::AckTarget>& acks,
                      std::int64_t now_ms);
  /// The batch of that number is durable, or never will be: what waited for it.
  /// nullopt: nobody waits for such a batch any more.
  std::optional<std::vector<base::Task>> take_acknowledged(std::uint32_t number);

  /// What was put is not appended.  The answers that waited for it go to `dropped`.
  void drop_open(std::vector<base::Task>& dropped);
  void drop_all(std::vector<base::Task>& dropped);

  [[nodiscard]] partition::Partition& partition() { return partition_; }

 private:
  /// A batch to be.
  struct Open {
    std::optional<Producer> producer;
    std::vector<EncodedRecord> records;
    std::vector<base::Task> answers;
  };
  struct InFlight {
    std::uint32_t number = 0;
    std::vector<base::Task> answers;
  };

  /// Whether it is durable already; otherwise it is in flight.
  base::Result<bool> append(base::SharedBytes batch,
                            const std::shared_ptr<partition::AckTarget>& acks, std::int64_t now_ms,
                            std::int16_t transaction_version);

  partition::Partition& partition_;
  std::deque<Open> open_;
  std::size_t open_records_ = 0;
  // In the order of their offsets; the front is acknowledged first.
  std::deque<InFlight> in_flight_;
  std::uint32_t last_number_ = 0;
};

}  // namespace moldau::coordinator
