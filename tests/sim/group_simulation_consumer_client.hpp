#pragma once
// A consumer of KIP-848, as honest as Kafka's: it gives up what it is asked to, in its own time,
// takes what is new only then, and drops all when it is fenced.

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/group_simulation_client.hpp"

namespace moldau::group::sim {

class ConsumerClient final : public SimClient {
 public:
  using SimClient::SimClient;
  void start() override;
  void close() override;
  void forget_topic(const std::string& topic) override;

 private:
  using Response = protocol::ConsumerGroupHeartbeatResponse;
  void beat();
  void on_beat(const Response& response);
  /// A heartbeat that was long on its way, of an epoch before the previous one.
  void deliver_old_beat();
  void rejoin_after(Milliseconds delay);
  void reconcile(std::set<TopicPartition> target);
  void give_up_after(Milliseconds delay, int reconciliation);
  void finish_reconciling();
  [[nodiscard]] bool uses_regex() const { return regex_.has_value(); }

  void on_lost() override;
  void act() override;
  [[nodiscard]] bool has_told_what_it_holds() const override {
    return !says_all_ && !says_owned_ && !is_reconciling_ && !target_;
  }
  void on_offset_error(ErrorCode code) override;
  [[nodiscard]] std::int16_t offset_version() const override { return version_; }

  int lives_ = 0;
  std::int16_t version_ = 9;
  std::optional<std::string> regex_;
  bool says_all_ = true;  // the next heartbeat
  bool says_owned_ = false;
  bool is_reconciling_ = false;
  int reconciliations_ = 0;
  std::int32_t older_epoch_ = 0;
  std::int32_t oldest_epoch_ = 0;
  std::optional<std::set<TopicPartition>> target_;
};

}  // namespace moldau::group::sim
