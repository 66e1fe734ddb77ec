#pragma once
// Who waits for a partition: produce requests for their acknowledgement, fetches for data.  Objects, not
// coroutines; each belongs to the request that made it and is called back at most as often as said.

#include <cstdint>

#include "moldau/base/result.hpp"

namespace moldau::partition {

/// Kafka's acks: none = 0, leader = 1 (written), all = -1 (durable and visible).
enum class Acks : std::int16_t { none = 0, leader = 1, all = -1 };

/// A produce request.  Thread rule: on_ack comes on the committing thread, or on whichever thread took
/// the partition offline; never under a lock of the partition.
class AckTarget {
 public:
  virtual ~AckTarget() = default;
  virtual void on_ack(std::uint32_t index, const base::Status& status) = 0;
};

/// A parked fetch.  wake() says "look again"; it may come more often than there is news.
/// Thread rule: any thread; it must only note the fact and post to its own loop.
class FetchWaiter {
 public:
  virtual ~FetchWaiter() = default;
  virtual void wake() = 0;
};

}  // namespace moldau::partition
