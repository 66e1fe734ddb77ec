#pragma once
// A classic group with its time, randomness and log, for tests: answers run after every step, and
// time passes deadline by deadline.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "group/classic_group.hpp"
#include "moldau/group/consumer_protocol.hpp"

namespace moldau::group {

using namespace std::chrono_literals;
using protocol::ErrorCode;

/// What a request was answered; false while it waits.
template <class Response>
class Slot {
 public:
  void fill(Response response) {
    EXPECT_FALSE(response_) << "answered twice";
    response_ = std::move(response);
  }
  explicit operator bool() const { return response_.has_value(); }
  /// Throws, which fails the test, where it waits still.
  const Response& operator*() const { return response_.value(); }
  const Response* operator->() const { return &response_.value(); }

 private:
  std::optional<Response> response_;
};
template <class Response>
using Reply = std::shared_ptr<Slot<Response>>;

struct JoinArgs {
  std::string member_id{};
  std::optional<std::string> instance_id{};
  std::vector<ClassicMember::Protocol> protocols{{.name = "range", .metadata = {1}}};
  std::int32_t session_ms = 10'000;
  std::int32_t rebalance_ms = 60'000;
  std::int16_t version = 9;
  std::string type = "consumer";
};

struct SyncArgs {
  std::string member_id{};
  std::int32_t generation = 1;
  std::vector<protocol::SyncGroupRequest::Assignment> assignments{};
  std::optional<std::string> instance_id{};
  std::optional<std::string> type = "consumer";
  std::optional<std::string> name = "range";
  std::int16_t version = 5;
};

/// A member and the JoinGroup that made it one.
struct Joiner {
  std::string id;
  Reply<protocol::JoinGroupResponse> joined;
};

class ClassicGroupHarness : public testing::Test {
 protected:
  template <class Response>
  static Answer<Response> answer_into(const Reply<Response>& reply) {
    return [reply](Response response) { reply->fill(std::move(response)); };
  }

  Step step() { return {now_, image_, options_, random_, deadlines_, effects_}; }
  static Caller caller(std::int16_t version) {
    return {.client = {.id = "c", .host = "/192.0.2.7"}, .version = version};
  }

  /// What the step did is durable: its answers go out.
  void finish_step() {
    for (auto& record : effects_.records) log_.push_back(std::move(record));
    auto answers = std::move(effects_.answers);
    effects_ = {};
    for (auto& answer : answers) answer();
  }

  Reply<protocol::JoinGroupResponse> join(const JoinArgs& args) {
    auto reply = std::make_shared<Slot<protocol::JoinGroupResponse>>();
    protocol::JoinGroupRequest request;
    request.group_id = group_->id();
    request.session_timeout_ms = args.session_ms;
    request.rebalance_timeout_ms = args.version == 0 ? -1 : args.rebalance_ms;
    request.member_id = args.member_id;
    request.group_instance_id = args.instance_id;
    request.protocol_type = args.type;
    request.protocols = args.protocols;
    Step step = this->step();
    group_->join(step, caller(args.version), std::move(request), answer_into(reply));
    finish_step();
    return reply;
  }

  /// A new dynamic member, with the detour over MEMBER_ID_REQUIRED.
  Joiner arrive(JoinArgs args = {}) {
    const auto first = join(args);
    EXPECT_EQ((*first)->error_code, ErrorCode::member_id_required);
    args.member_id = (*first)->member_id;
    return {args.member_id, join(args)};
  }

  Reply<protocol::SyncGroupResponse> sync(const SyncArgs& args) {
    auto reply = std::make_shared<Slot<protocol::SyncGroupResponse>>();
    protocol::SyncGroupRequest request;
    request.group_id = group_->id();
    request.generation_id = args.generation;
    request.member_id = args.member_id;
    request.group_instance_id = args.instance_id;
    request.protocol_type = args.type;
    request.protocol_name = args.name;
    request.assignments = args.assignments;
    Step step = this->step();
    group_->sync(step, caller(args.version), std::move(request), answer_into(reply));
    finish_step();
    return reply;
  }

  ErrorCode heartbeat(const std::string& member_id, std::int32_t generation,
                      std::optional<std::string> instance_id = std::nullopt) {
    protocol::HeartbeatRequest request;
    request.group_id = group_->id();
    request.generation_id = generation;
    request.member_id = member_id;
    request.group_instance_id = std::move(instance_id);
    Step step = this->step();
    const auto response = group_->heartbeat(step, caller(4), request);
    finish_step();
    return response.error_code;
  }

  protocol::LeaveGroupResponse leave(std::vector<protocol::LeaveGroupRequest::Member> members) {
    protocol::LeaveGroupRequest request;
    request.group_id = group_->id();
    request.members = std::move(members);
    return leave(5, request);
  }
  protocol::LeaveGroupResponse leave(std::int16_t version,
                                     const protocol::LeaveGroupRequest& request) {
    Step step = this->step();
    auto response = group_->leave(step, caller(version), request);
    finish_step();
    return response;
  }
  static protocol::LeaveGroupRequest::Member leaving(
      const std::string& member_id, std::optional<std::string> instance_id = std::nullopt) {
    protocol::LeaveGroupRequest::Member member;
    member.member_id = member_id;
    member.group_instance_id = std::move(instance_id);
    return member;
  }

  static OffsetClient client(const std::string& member_id, std::int32_t generation,
                             std::optional<std::string> instance_id = std::nullopt) {
    OffsetClient client;
    client.member_id = member_id;
    client.generation_or_epoch = generation;
    client.group_instance_id = std::move(instance_id);
    return client;
  }
  ErrorCode commit(const std::string& member_id, std::int32_t generation,
                   std::optional<std::string> instance_id = std::nullopt) {
    return commit(client(member_id, generation, std::move(instance_id)));
  }
  ErrorCode commit_in_transaction(const std::string& member_id, std::int32_t generation) {
    OffsetClient client = this->client(member_id, generation);
    client.is_transactional = true;
    return commit(client);
  }
  ErrorCode commit(const OffsetClient& client) {
    Step step = this->step();
    const ErrorCode code = group_->check_commit(step, client);
    finish_step();
    return code;
  }

  /// Time passes, and what becomes due meanwhile is done at its time.
  void advance(base::Milliseconds duration) {
    const base::SteadyTime end = now_.steady + duration;
    for (;;) {
      const auto next = deadlines_.next();
      const bool is_due = next && *next <= end;
      const base::SteadyTime then = is_due ? std::max(*next, now_.steady) : end;
      now_.wall_ms += (then - now_.steady) / 1ms;
      now_.steady = then;
      if (!is_due) return;
      while (const auto key = deadlines_.take_due(now_.steady)) {
        Step step = this->step();
        group_->on_deadline(step, *key);
        finish_step();
      }
    }
  }

  /// `count` members in generation 1, none of which has sent its SyncGroup.  The leader comes
  /// first.
  std::vector<Joiner> completing(std::size_t count, const JoinArgs& args = {}) {
    std::vector<Joiner> members;
    for (std::size_t i = 0; i < count; ++i) members.push_back(arrive(args));
    advance(count == 1 ? 3s : 6s);  // the delay, and once more for those that came during it
    EXPECT_EQ(group_->state(), ClassicGroup::State::completing_rebalance);
    std::ranges::partition(members,
                           [this](const Joiner& each) { return each.id == group_->leader(); });
    return members;
  }

  /// The same, each with its assignment: one byte, its place in the result.
  std::vector<Joiner> stable(std::size_t count, const JoinArgs& args = {}) {
    auto members = completing(count, args);
    SyncArgs of_leader{.member_id = members[0].id, .name = group_->protocol_name()};
    for (std::size_t i = 0; i < count; ++i)
      of_leader.assignments.push_back(
          {.member_id = members[i].id, .assignment = {static_cast<std::uint8_t>(i)}});
    for (std::size_t i = 1; i < count; ++i)
      sync({.member_id = members[i].id, .name = group_->protocol_name()});
    sync(of_leader);
    EXPECT_EQ(group_->state(), ClassicGroup::State::stable);
    return members;
  }

  [[nodiscard]] ClassicGroup::State state() const { return group_->state(); }
  [[nodiscard]] bool has_member(const std::string& id) const {
    return group_->members().contains(id);
  }
  [[nodiscard]] const GroupMetadataRecord::Value& last_record() const {
    return *std::get<GroupMetadataRecord>(log_.back()).value;
  }

  using State = ClassicGroup::State;
  static constexpr std::int64_t start_ms = 1'700'000'000'000;

  GroupOptions options_;
  metadata::MetadataImage image_;
  base::SeededRandom random_{1};
  Deadlines deadlines_;
  Effects effects_;
  Now now_{.steady = base::SteadyTime{1h}, .wall_ms = start_ms};
  std::vector<Record> log_;
  std::unique_ptr<ClassicGroup> group_ = std::make_unique<ClassicGroup>("g");
};

}  // namespace moldau::group
