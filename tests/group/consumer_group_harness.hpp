#pragma once
// A consumer group with its time, topics and log, for tests.  After every step the log is folded
// into a new group, as it is and compacted, and each has to be the same as the group itself.

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "group/classic_group.hpp"
#include "group/consumer_group.hpp"
#include "topics.hpp"

namespace moldau::group {

using namespace std::chrono_literals;
using protocol::ErrorCode;

using Names = std::vector<std::string>;
using Indexes = std::vector<std::int32_t>;
/// Partitions by topic name.
using Partitions = std::map<std::string, Indexes>;
using Response = protocol::ConsumerGroupHeartbeatResponse;

/// A heartbeat; what is not given is not said.
struct Beat {
  std::string member{};
  std::int32_t epoch = 0;
  std::optional<std::string> instance{};
  std::optional<Names> topics{};
  std::optional<std::string> regex{};
  std::optional<Partitions> owned{};
  std::optional<std::string> assignor{};
  std::int32_t rebalance_ms = -1;
  std::int16_t version = 1;
};

/// What a record is kept under by compaction, and whether it is a tombstone.
inline std::pair<std::string, bool> key_of(const Record& record) {
  return std::visit(
      [&](const auto& r) -> std::pair<std::string, bool> {
        using T = std::decay_t<decltype(r)>;
        auto key = std::to_string(record.index());
        bool is_tombstone = false;
        if constexpr (requires { r.member_id; }) key += r.member_id;
        if constexpr (requires { r.regex; }) key += r.regex;
        if constexpr (std::is_same_v<T, ConsumerGroupPartitionMetadataRecord>) {
          is_tombstone = r.is_tombstone;
        } else {
          is_tombstone = !r.value.has_value();
        }
        return {key, is_tombstone};
      },
      record);
}

inline void apply_to(ConsumerGroup& group, const Record& record) {
  std::visit(
      [&](const auto& r) {
        if constexpr (requires { group.apply(r); }) group.apply(r);
      },
      record);
}

inline std::vector<Record> compacted(const std::vector<Record>& log) {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < log.size(); ++i) last[key_of(log[i]).first] = i;
  std::vector<Record> kept;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const auto [key, is_tombstone] = key_of(log[i]);
    if (last[key] == i && !is_tombstone) kept.push_back(log[i]);
  }
  return kept;
}

class ConsumerGroupHarness : public testing::Test {
 protected:
  ConsumerGroupHarness() {
    options_.consumer_assignment_interval = 0ms;
    options_.group_size_max = 100;
  }

  Step step() { return {now_, topics_.image(), options_, random_, deadlines_, effects_}; }
  static Caller caller(std::int16_t version = 1) {
    return {.client = {.id = "c", .host = "/192.0.2.7"}, .version = version};
  }

  /// What the step did is durable.
  void finish_step() {
    new_records_ = std::move(effects_.records);
    for (const auto& record : new_records_) log_.push_back(record);
    auto answers = std::move(effects_.answers);
    effects_ = {};
    for (auto& answer : answers) answer();
    if (group_ && !group_->should_downgrade() && ++steps_ % fold_interval_ == 0) check_fold();
  }

  void check_fold() {
    for (const auto& log : {log_, compacted(log_)}) {
      ConsumerGroup folded("g");
      for (const auto& record : log) apply_to(folded, record);
      EXPECT_TRUE(folded.same_as(*group_));
    }
    std::map<std::pair<TopicId, std::int32_t>, std::string> owners;
    for (const auto& [id, member] : group_->members())
      for (const auto* set : {&member.current.assigned, &member.current.pending_revocation})
        for (const auto& topic : *set)
          for (const auto partition : topic.partitions) {
            const auto [place, is_new] = owners.try_emplace({topic.topic_id, partition}, id);
            EXPECT_TRUE(is_new) << place->second << " and " << id << " own " << partition;
          }
  }

  /// The group comes back from its log, as after a restart.
  void reload() {
    deadlines_ = {};
    group_ = std::make_unique<ConsumerGroup>("g");
    for (const auto& record : log_) apply_to(*group_, record);
    auto step = this->step();
    group_->finish_loading(step);
    finish_step();
  }

  Response beat(const Beat& beat) {
    protocol::ConsumerGroupHeartbeatRequest request;
    request.group_id = "g";
    request.member_id = beat.member;
    request.member_epoch = beat.epoch;
    request.instance_id = beat.instance;
    request.subscribed_topic_names = beat.topics;
    request.subscribed_topic_regex = beat.regex;
    request.server_assignor = beat.assignor;
    request.rebalance_timeout_ms = beat.rebalance_ms;
    if (beat.owned) {
      request.topic_partitions.emplace();
      for (const auto& [name, partitions] : *beat.owned) {
        auto& topic = request.topic_partitions->emplace_back();
        topic.topic_id = topic_id(name);
        for (const auto partition : partitions) topic.partitions.emplace_back(partition);
      }
    }
    if (auto refused = ConsumerGroup::check_heartbeat(options_, caller(beat.version), request))
      return *refused;
    auto step = this->step();
    auto response = group_->heartbeat(step, caller(beat.version), request);
    finish_step();
    return response;
  }

  /// A whole first heartbeat.
  Response join(const std::string& member, const Names& topics,
                std::optional<std::string> instance = std::nullopt) {
    return beat({.member = member,
                 .epoch = 0,
                 .instance = std::move(instance),
                 .topics = topics,
                 .owned = Partitions{},
                 .rebalance_ms = 60'000});
  }

  /// Nothing has changed.
  Response beat(const std::string& member, std::int32_t epoch) {
    return beat(Beat{.member = member, .epoch = epoch});
  }

  Response beat(const std::string& member, std::int32_t epoch, Partitions owned) {
    return beat(Beat{.member = member, .epoch = epoch, .owned = std::move(owned)});
  }

  void pass(base::Milliseconds time) {
    const auto until = now_.steady + time;
    while (const auto next = deadlines_.next()) {
      if (*next > until) break;
      move_to(std::max(*next, now_.steady));
      while (const auto due = deadlines_.take_due(now_.steady)) {
        auto step = this->step();
        group_->on_deadline(step, *due);
        finish_step();
      }
    }
    move_to(until);
  }

  void move_to(base::SteadyTime when) {
    now_.wall_ms += std::chrono::duration_cast<base::Milliseconds>(when - now_.steady).count();
    now_.steady = when;
  }

  void change_topic(const std::string& name, std::int32_t partitions) {
    topics_.make(name, partitions);
    tell(name);
  }
  void remove_topic(const std::string& name) {
    topics_.remove(name);
    tell(name);
  }
  void tell(const std::string& name) {
    auto step = this->step();
    group_->on_metadata(step, std::vector{name});
    finish_step();
  }

  /// nullopt: the answer does not say.
  [[nodiscard]] std::optional<Partitions> assigned(const Response& response) const {
    if (!response.assignment) return std::nullopt;
    Partitions result;
    for (const auto& topic : response.assignment->topic_partitions)
      for (const auto partition : topic.partitions)
        result[topics_.image().find_topic(topic.topic_id)->name].push_back(partition.value());
    return result;
  }

  [[nodiscard]] const ConsumerMember& member(const std::string& id) const {
    return group_->members().at(id);
  }

  /// Of the last step's records, as Kafka numbers them.
  [[nodiscard]] std::vector<int> record_types() const {
    static constexpr int types[] = {0, 2, 3, 4, 5, 6, 7, 8, 16, 19789};
    std::vector<int> result;
    for (const auto& record : new_records_) result.push_back(types[record.index()]);
    return result;
  }

  Now now_{.steady = base::SteadyTime{} + 1h, .wall_ms = 1'700'000'000'000};
  Topics topics_;
  GroupOptions options_;
  base::SeededRandom random_{7};
  Deadlines deadlines_;
  Effects effects_;
  std::unique_ptr<ConsumerGroup> group_ = std::make_unique<ConsumerGroup>("g");
  std::vector<Record> log_;
  std::vector<Record> new_records_;  // of the last step
  std::size_t fold_interval_ = 1;
  std::size_t steps_ = 0;
};

}  // namespace moldau::group
