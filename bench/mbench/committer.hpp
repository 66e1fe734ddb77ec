#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client.hpp"
#include "group_wire.hpp"
#include "load.hpp"

namespace moldau::mbench {

struct CommitSpec {
  std::vector<Endpoint> endpoints;  // connections are dealt out over these
  std::string topic;
  std::int32_t partitions = 1;
  std::vector<Membership> committers;  // commits go round robin over these
  std::size_t connections = 1;
  std::size_t in_flight = 5;  // requests sent and not answered, per connection
  // As in ProduceSpec.
  double rate = 0;
  std::uint64_t requests_max = 0;
};

class CommitConnection;

// Commits one partition a request; each time round the groups the partition is the next one and
// the offset higher. The members of Producer of the same names do the same.
// Thread rule: lives on its loop's thread.
class Committer {
 public:
  Committer(Loop& loop, const CommitSpec& spec);
  ~Committer();

  void start();
  std::int64_t advance(std::int64_t latest_ns);
  void stop();

  bool idle() const { return in_flight_ == 0; }
  bool exhausted() const {
    return spec_.requests_max != 0 && sent_ - sent_before_ >= spec_.requests_max;
  }
  bool all_lost() const { return tally_.lost_connections == connections_.size(); }
  LoadTally& tally() { return tally_; }
  void reset_tally();

 private:
  friend class CommitConnection;
  Bytes next_frame();

  CommitSpec spec_;
  std::vector<CommitFrame> frames_;  // by group, then partition
  std::vector<std::unique_ptr<CommitConnection>> connections_;
  std::int64_t started_ns_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t sent_before_ = 0;  // in the warm-up
  std::uint64_t in_flight_ = 0;
  bool stopped_ = true;
  LoadTally tally_;
};

}  // namespace moldau::mbench
