#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "batch.hpp"
#include "histogram.hpp"
#include "loop.hpp"

namespace moldau::mbench {

struct FetchSpec {
  Endpoint endpoint;
  std::string topic;
  std::int32_t max_bytes = 50 * 1024 * 1024;
  std::int32_t partition_max_bytes = 1024 * 1024;
  std::int32_t max_wait_ms = 500;
  // KIP-227: only partitions whose position changed are named again, as a real consumer does.
  bool session = true;
  bool check_crc = false;
  bool stamped = false;  // values begin with the ns at which they were due
  bool committed_only = false;  // read_committed: aborted records come too, and are told apart
};

struct Position {
  std::int32_t partition = 0;
  std::int64_t next = 0;
  std::int64_t end = INT64_MAX;  // read up to here; INT64_MAX tails for ever
};

struct FetchTally {
  std::uint64_t responses = 0;
  std::uint64_t wire_bytes = 0;
  std::uint64_t batch_bytes = 0;  // whole batches only
  std::uint64_t batches = 0;
  std::uint64_t records = 0;   // without markers
  std::uint64_t markers = 0;   // of transactions' ends
  std::uint64_t aborted = 0;   // entries of answers that name aborted transactions
  std::uint64_t gaps = 0;  // batches that do not begin where the last one ended
  std::uint64_t crc_bad = 0;
  std::map<std::int16_t, std::uint64_t> errors;
  Histogram end_to_end;
};

// One consumer on one connection: one fetch under way at a time over all its partitions. The
// answer is taken in as a stream, so its size does not matter and its bytes stay in the cache.
// Thread rule: lives on its loop's thread.
class Consumer : public Connection {
 public:
  Consumer(Loop& loop, const FetchSpec& spec, std::vector<Position> positions);

  void start() { send_fetch(); }
  // Sends no further fetch.
  void stop() { stopped_ = true; }

  // Every position has reached its end.
  bool done() const { return done_; }
  bool lost() const { return lost_; }
  FetchTally& tally() { return tally_; }
  const std::vector<Position>& positions() const { return positions_; }

 protected:
  std::size_t on_data(const std::uint8_t* data, std::size_t size) override;
  void on_lost() override { lost_ = true; }

 private:
  enum class Expect { head, topic, partition, batch, tail, end };

  void send_fetch();
  // Parses one element at the front; the bytes used, or 0 when more are needed.
  std::size_t step(const std::uint8_t* data, std::size_t size, std::int64_t now);
  std::size_t head(Reader reader, const std::uint8_t* data);
  std::size_t topic(Reader reader, const std::uint8_t* data);
  std::size_t partition(Reader reader, const std::uint8_t* data);
  std::size_t batch(const std::uint8_t* data, std::size_t size, std::int64_t now);
  std::size_t tail(Reader reader, const std::uint8_t* data);
  std::size_t end(Reader reader, const std::uint8_t* data);
  void note_end_to_end(const std::uint8_t* data, std::size_t size, std::int64_t now);
  // Takes up to `size` bytes of what is to be passed over; returns how many.
  std::size_t pass_over(const std::uint8_t* data, std::size_t size);
  void fetch_error(std::int16_t error);
  void partition_error(std::int16_t error);

  FetchSpec spec_;
  std::vector<Position> positions_;
  std::vector<std::int64_t> named_at_;  // the position this session's broker knows; -1 none
  std::vector<std::size_t> index_of_;   // by partition
  Bytes request_;
  std::int32_t session_id_ = 0;
  std::int32_t session_epoch_ = 0;
  std::int32_t correlation_ = 0;

  Expect expect_ = Expect::head;
  std::size_t partitions_left_ = 0;
  std::size_t current_ = 0;       // in positions_
  std::size_t records_left_ = 0;  // bytes of this partition's records
  std::size_t skip_left_ = 0;
  std::size_t crc_skip_ = 0;  // bytes before the CRC's range begins
  bool crc_active_ = false;
  std::uint32_t crc_state_ = 0;
  std::uint32_t crc_wanted_ = 0;

  bool stopped_ = false;
  bool done_ = false;
  bool lost_ = false;
  FetchTally tally_;
};

}  // namespace moldau::mbench
