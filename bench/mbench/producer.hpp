#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch.hpp"
#include "load.hpp"
#include "loop.hpp"

namespace moldau::mbench {

struct ProduceSpec {
  std::vector<Endpoint> endpoints;  // connections are dealt out over these
  std::string topic;
  std::int32_t partitions = 1;
  std::size_t connections = 1;
  std::size_t in_flight = 5;  // requests sent and not answered, per connection
  BatchShape shape;
  std::int16_t acks = -1;
  // Requests per second over all connections, on a fixed schedule; 0 sends as fast as answers
  // come. With a schedule, latency counts from the scheduled moment, sent late or not.
  double rate = 0;
  std::uint64_t requests_max = 0;  // 0: no limit
  bool stamped = false;            // the schedule's moment in each batch (uncompressed ones only)
  bool idempotent = false;         // each connection is a producer that numbers its batches
};

class ProducerConnection;

// Produces round robin over the partitions, one partition and one batch a request.
// Thread rule: lives on its loop's thread.
class Producer {
 public:
  // Connects and encodes; sends nothing yet. Throws std::runtime_error.
  Producer(Loop& loop, const ProduceSpec& spec);
  ~Producer();

  void start();
  // Sends what has become due; returns when to call again (never later than `latest_ns`).
  std::int64_t advance(std::int64_t latest_ns);
  // No new requests from here on.
  void stop();

  // True when no request is under way that could still be answered.
  bool idle() const { return in_flight_ == 0; }
  bool exhausted() const {
    return spec_.requests_max != 0 && sent_ - sent_before_ >= spec_.requests_max;
  }
  bool all_lost() const { return tally_.lost_connections == connections_.size(); }
  LoadTally& tally() { return tally_; }
  // Forgets what the warm-up counted, for requests_max too.
  void reset_tally();
  // The largest acknowledged offset of each partition's last record, -1 for none. Never reset.
  const std::vector<std::int64_t>& acked_offsets() const { return acked_offsets_; }
  std::uint64_t acked_ever() const { return acked_ever_; }
  std::size_t batch_bytes() const { return batches_.front().bytes.size(); }

 private:
  friend class ProducerConnection;
  std::int64_t due(std::uint64_t number) const { return due_ns(started_ns_, number, spec_.rate); }
  void encode();

  Loop& loop_;
  ProduceSpec spec_;
  std::vector<Bytes> heads_;    // of a request, by partition, up to the batch's length
  std::vector<Batch> batches_;  // variants, dealt out in turn
  std::vector<std::unique_ptr<ProducerConnection>> connections_;
  std::int64_t started_ns_ = 0;
  std::uint64_t scheduled_ = 0;  // requests that have become due
  std::uint64_t sent_ = 0;
  std::uint64_t sent_before_ = 0;  // in the warm-up
  std::uint64_t in_flight_ = 0;
  bool stopped_ = true;
  LoadTally tally_;
  std::vector<std::int64_t> acked_offsets_;
  std::uint64_t acked_ever_ = 0;
};

}  // namespace moldau::mbench
