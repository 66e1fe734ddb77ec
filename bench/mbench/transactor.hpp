#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch.hpp"
#include "client.hpp"
#include "load.hpp"

namespace moldau::mbench {

struct TransactionSpec {
  std::vector<Endpoint> endpoints;  // connections are dealt out over these
  std::string topic;
  std::string id;  // of connection n: id-n
  std::int32_t partitions = 1;
  std::size_t connections = 1;
  std::size_t in_flight = 5;  // batches sent and not answered, per connection
  BatchShape shape;
  std::int64_t duration_ns = 0;  // from a transaction's first batch until no more are sent
  bool names_partitions = false;  // AddPartitionsToTxn before the batches, as before KIP-890
  std::uint64_t requests_max = 0;  // batches; 0: no limit
  double rate = 0;  // batches a second of all connections together, on a schedule; 0: as many as go
};

class TransactionConnection;

// Produces in transactions: each connection is a producer with an id of its own, whose transactions
// follow each other, all of them committed. Batches go round robin over the partitions.
// A transaction ends when its time is over and all its batches are answered; the next begins with one
// batch alone, since the broker may not be done with the one before and says so (error 51): then it is
// sent again, as Java's producer does, after 20 ms.
// Thread rule: lives on its loop's thread.
class Transactor {
 public:
  // Connects and makes the producers known; sends nothing yet. Throws std::runtime_error.
  Transactor(Loop& loop, const TransactionSpec& spec);
  ~Transactor();

  void start();
  std::int64_t advance(std::int64_t latest_ns);
  // Every transaction is ended, and no other begun.
  void stop() { stopped_ = true; }

  bool idle() const { return busy_ == 0; }
  bool exhausted() const {
    return spec_.requests_max != 0 && sent_ - sent_before_ >= spec_.requests_max;
  }
  // Whether the schedule has a batch for this moment, and when the next is due.
  bool is_due(std::int64_t now) const { return spec_.rate <= 0 || now >= next_due(); }
  std::int64_t next_due() const { return due_ns(started_ns_, sent_, spec_.rate); }
  bool all_lost() const { return tally_.lost_connections == connections_.size(); }
  // Of batches.
  LoadTally& tally() { return tally_; }
  void reset_tally();
  std::uint64_t acked_ever() const { return acked_ever_; }
  std::size_t batch_bytes() const { return batches_.front().bytes.size(); }

  // From the request that ends a transaction to its answer,
  Histogram& commits() { return commits_; }
  // and to the answer to the next transaction's first batch.
  Histogram& turnarounds() { return turnarounds_; }
  std::uint64_t tried_again() const { return tried_again_; }

 private:
  friend class TransactionConnection;

  TransactionSpec spec_;
  std::vector<Batch> batches_;  // variants, dealt out in turn
  std::vector<std::unique_ptr<TransactionConnection>> connections_;
  std::uint64_t sent_ = 0;
  std::uint64_t sent_before_ = 0;  // in the warm-up
  std::size_t busy_ = 0;           // connections with a transaction
  bool stopped_ = true;
  std::int64_t started_ns_ = 0;
  LoadTally tally_;
  Histogram commits_;
  Histogram turnarounds_;
  std::uint64_t tried_again_ = 0;
  std::uint64_t acked_ever_ = 0;
};

}  // namespace moldau::mbench
