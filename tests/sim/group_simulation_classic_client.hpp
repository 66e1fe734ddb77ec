#pragma once
// A consumer of the classic protocol, as honest as Kafka's: it assigns when it leads, gives up
// before it joins (eager) or before others are given (cooperative), and drops all when it is
// fenced.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/group_simulation_client.hpp"

namespace moldau::group::sim {

class ClassicClient final : public SimClient {
 public:
  using SimClient::SimClient;
  void start() override;
  void close() override;

 private:
  enum class State { joining, syncing, stable };
  using Assignments = std::vector<protocol::SyncGroupRequest::Assignment>;
  void join();
  void on_join(const protocol::JoinGroupResponse& response);
  void sync(Assignments assignments);
  void on_sync(const protocol::SyncGroupResponse& response);
  void heartbeat();
  /// Drops all that it holds and joins anew, if that is what the code says.
  void on_member_error(ErrorCode code);
  void join_after(Milliseconds delay);
  [[nodiscard]] Assignments assign(const std::vector<protocol::JoinGroupResponse::Member>& members);
  [[nodiscard]] std::map<std::string, std::string> topics_now() const;
  [[nodiscard]] std::string protocol_name() const;

  void on_lost() override;
  void act() override;
  [[nodiscard]] bool has_told_what_it_holds() const override { return state_ == State::stable; }
  void on_offset_error(ErrorCode code) override;
  [[nodiscard]] std::int16_t offset_version() const override { return 8; }

  State state_ = State::joining;
  bool is_leader_ = false;
  std::set<TopicPartition> claimed_;      // what it owned when it joined, as its leader knows
  std::set<std::string> watched_topics_;  // of all members
  std::map<std::string, std::string> assigned_topics_;  // as they were when it assigned
};

}  // namespace moldau::group::sim
