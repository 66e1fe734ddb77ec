#pragma once

// A member of a consumer group with a connection of its own, in either protocol. It does what a
// consumer's group code does, and nothing else: no fetching, no offsets.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client.hpp"
#include "group_wire.hpp"
#include "histogram.hpp"

namespace moldau::mbench {

// What all members of a run share.
struct MemberTally {
  std::uint64_t requests = 0;    // answered, of every kind
  std::uint64_t heartbeats = 0;  // answered
  std::uint64_t rejoins = 0;     // asked for by the broker
  std::uint64_t lost_connections = 0;
  std::map<std::int16_t, std::uint64_t> errors;  // that no consumer recovers from
  Histogram heartbeat_latency;
  std::uint64_t settled = 0;  // how often one settled: stability is worth looking at again
};

struct MemberSpec {
  Endpoint endpoint;
  std::string group, topic;
  std::int32_t partitions = 1;   // of the topic, for a classic leader
  std::int64_t interval_ns = 0;  // of heartbeats; 0: what the protocol or the broker says
};

class Member : public Client {
 public:
  Member(Loop& loop, const MemberSpec& spec, MemberTally& tally)
      : Client(loop, spec.endpoint), spec_(spec), tally_(tally) {}

  virtual void join(std::int64_t now) = 0;
  virtual void leave(std::int64_t now) = 0;
  // Sends what has become due: a heartbeat, or another try.
  void advance(std::int64_t now);
  // When to advance next; INT64_MAX while an answer decides it.
  std::int64_t due() const { return due_ns_; }
  // Moves the next heartbeat, to spread those of many members over the interval.
  void beat_at(std::int64_t at_ns) { due_ns_ = at_ns; }

  // Has an assignment, of generation() or of an epoch, and nothing left to tell the broker.
  bool settled() const { return settled_; }
  bool gone() const { return gone_; }
  std::int32_t generation() const { return who_.generation; }
  const Membership& who() const { return who_; }
  const std::vector<std::int32_t>& partitions() const { return partitions_; }

 protected:
  virtual void act(std::int64_t now) = 0;
  void on_lost() override {
    ++tally_.lost_connections;
    due_ns_ = INT64_MAX;
  }
  void request(Writer frame, int tag, std::int64_t now) {
    send(std::move(frame.bytes()), tag, now);
  }
  void settle() {
    if (!settled_) ++tally_.settled;
    settled_ = true;
  }
  void fail(std::int16_t error) {
    ++tally_.errors[error];
    due_ns_ = INT64_MAX;
  }

  static constexpr std::int64_t retry_ns = 20'000'000;

  MemberSpec spec_;
  MemberTally& tally_;
  Membership who_;
  std::vector<std::int32_t> partitions_;
  std::int64_t due_ns_ = INT64_MAX;
  bool settled_ = false;
  bool gone_ = false;
};

// JoinGroup, SyncGroup (the leader hands out equal shares), Heartbeat, LeaveGroup.
class ClassicMember : public Member {
 public:
  ClassicMember(Loop& loop, const MemberSpec& spec, MemberTally& tally);
  void join(std::int64_t now) override;
  void leave(std::int64_t now) override;

 protected:
  void act(std::int64_t now) override;
  void on_answer(const Sent& sent, Reader body, std::int64_t now) override;

 private:
  void joined(const JoinAnswer& answer, std::int64_t now);
  void synced(SyncAnswer answer, std::int64_t now);
  void beaten(std::int16_t error, std::int64_t now);
  void rejoin(std::int16_t error, std::int64_t now);

  bool joining_ = true;
};

// ConsumerGroupHeartbeat. Takes an assignment as soon as it hears of it, and says so at once.
class ConsumerMember : public Member {
 public:
  ConsumerMember(Loop& loop, const MemberSpec& spec, MemberTally& tally, std::size_t number);
  void join(std::int64_t now) override;
  void leave(std::int64_t now) override;

 protected:
  void act(std::int64_t now) override;
  void on_answer(const Sent& sent, Reader body, std::int64_t now) override;

 private:
  void beat(bool tell_owned, std::int64_t now);

  ConsumerBeat beat_;
};

std::unique_ptr<Member> make_member(bool classic, Loop& loop, const MemberSpec& spec,
                                    MemberTally& tally, std::size_t number);

// True when all members of one group are settled in one generation (classic) and own every one of
// `partitions` once, in shares whose sizes differ by one at most.
bool is_stable(const std::vector<const Member*>& members, std::int32_t partitions, bool classic);
// The part of it that looks at the shares.
bool are_equal_shares(const std::vector<std::vector<std::int32_t>>& shares,
                      std::int32_t partitions);

}  // namespace moldau::mbench
