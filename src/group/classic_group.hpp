#pragma once
// A group of the classic protocol: members join, one of them, the leader, assigns, all of them
// fetch their share.  Also a mere place for offsets, where nobody ever joined.
//
//           first JoinGroup             all joined, or the time for it is over
//   Empty ------------------> PreparingRebalance ------------------> CompletingRebalance
//     ^                           |  ^    ^                            |         |
//     |     nobody joined         |  |    |   a member joins or goes   |         | SyncGroup of
//     +---------------------------+  |    +----------------------------+         | the leader
//                                    |                                           v
//                                    +--------------------------------------- Stable
//                                              a member joins or goes
//
// The first rebalance after Empty waits group.initial.rebalance.delay.ms for more members, and
// again while they arrive (KIP-134).  In the log is a group that is Empty or Stable; a group that
// is between them comes back as what it was.  A deleted group (Dead in Kafka) is one that the
// machine dropped.
//
// Thread rule: as group.hpp.
// Sources: protocol.md edge cases 49 to 60; KIP-62, 134, 345, 389, 394, 559, 800, 814.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "group/classic_members.hpp"
#include "group/group.hpp"
#include "moldau/protocol/describe_groups.hpp"
#include "moldau/protocol/heartbeat.hpp"
#include "moldau/protocol/join_group.hpp"
#include "moldau/protocol/leave_group.hpp"
#include "moldau/protocol/sync_group.hpp"

namespace moldau::group {

/// From this version of JoinGroup on a new member is first told its id (KIP-394).
constexpr std::int16_t member_id_required_from = 4;

class ClassicGroup final : public Group {
 public:
  enum class State { empty, preparing_rebalance, completing_rebalance, stable };
  using JoinAnswer = Answer<protocol::JoinGroupResponse>;
  using SyncAnswer = Answer<protocol::SyncGroupResponse>;

  /// Empty, of generation 0.
  explicit ClassicGroup(std::string id);
  static std::unique_ptr<ClassicGroup> from_record(const std::string& id,
                                                   const GroupMetadataRecord::Value& value);
  /// A consumer group whose members all speak the classic protocol now (KIP-848): stable, led by
  /// the first of them.  nullptr when they have no protocol in common.  The assignments, which
  /// depend on the protocol chosen, are given with set_assignment(); then comes start_converted().
  static std::unique_ptr<ClassicGroup> from_consumer_members(std::string id,
                                                             std::int32_t generation,
                                                             std::vector<ClassicMember> members);
  void set_assignment(std::string_view member_id, Bytes assignment);
  /// Writes the group's record, gives every member a session and rebalances.
  void start_converted(Step& step);

  /// The log has been read: every member gets a whole session, and a group that has more of them
  /// than it may have now rebalances, so that some are left out.
  void finish_loading(Step& step);

  /// Why a JoinGroup is refused before any group is looked up or created; nullopt: it is not.
  static std::optional<protocol::ErrorCode> check_join(const GroupOptions& options,
                                                       const protocol::JoinGroupRequest& request);
  /// The same of SyncGroup, which names its protocol from version 5 on (KIP-559).
  static std::optional<protocol::ErrorCode> check_sync(const Caller& caller,
                                                       const protocol::SyncGroupRequest& request);

  void join(Step& step, const Caller& caller, protocol::JoinGroupRequest request,
            JoinAnswer answer);
  void sync(Step& step, const Caller& caller, protocol::SyncGroupRequest request,
            SyncAnswer answer);
  protocol::HeartbeatResponse heartbeat(Step& step, const Caller& caller,
                                        const protocol::HeartbeatRequest& request);
  protocol::LeaveGroupResponse leave(Step& step, const Caller& caller,
                                     const protocol::LeaveGroupRequest& request);
  [[nodiscard]] protocol::DescribeGroupsResponse::Group describe(const Caller& caller) const;

  /// Answers all that is parked with `code`: the group becomes a consumer group
  /// (REBALANCE_IN_PROGRESS), or goes elsewhere (NOT_COORDINATOR).
  void fail_parked(Effects& effects, protocol::ErrorCode code);
  /// The group is dropped or replaced: nothing of it becomes due any more.
  void clear_deadlines(Deadlines& deadlines) const;

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] std::int32_t generation() const { return generation_; }
  [[nodiscard]] const std::optional<std::string>& protocol_name() const { return protocol_name_; }
  [[nodiscard]] const std::optional<std::string>& leader() const { return members_.leader(); }
  [[nodiscard]] const ClassicMembers& members() const { return members_; }
  /// A mere place for offsets: nobody ever joined, nobody is about to.
  [[nodiscard]] bool is_simple_group() const;
  /// Whether its members' bytes are those of consumer_protocol.hpp.
  [[nodiscard]] bool uses_consumer_protocol() const;

  [[nodiscard]] Type type() const override { return Type::classic; }
  [[nodiscard]] std::string_view state_name() const override;
  [[nodiscard]] std::string_view protocol_type() const override;
  [[nodiscard]] bool is_empty() const override { return state_ == State::empty; }
  /// Any topic, where the group's members are consumers and their subscriptions cannot be read.
  [[nodiscard]] bool subscribes_to(std::string_view topic) const override;
  [[nodiscard]] std::optional<std::int64_t> state_since_ms() const override {
    return state_since_ms_;
  }
  [[nodiscard]] protocol::ErrorCode check_commit(Step& step, const OffsetClient& client) override;
  [[nodiscard]] protocol::ErrorCode check_fetch(const OffsetClient& client) const override;
  [[nodiscard]] protocol::ErrorCode check_delete() const override;
  void write_tombstones(Effects& effects) const override;
  void on_deadline(Step& step, const DeadlineKey& key) override;

 private:
  /// A JoinGroup on its way to its answer.
  struct Join {
    const Caller& caller;
    protocol::JoinGroupRequest request;
    JoinAnswer answer;
  };
  /// The wait for more members before the first generation after Empty.
  struct InitialWait {
    base::Milliseconds delay{};      // of this round
    base::Milliseconds remaining{};  // what may be waited after it
    bool has_new_member = false;     // came during this round
  };

  // Joining.
  void refuse(Step& step, Join& join, protocol::ErrorCode code, const std::string& member_id);
  [[nodiscard]] bool accepts(const GroupOptions& options, std::string_view member_id) const;
  [[nodiscard]] bool supports(const protocol::JoinGroupRequest& request) const;
  void join_new(Step& step, Join& join);
  void join_known(Step& step, Join& join);
  void add_member(Step& step, Join& join, const std::string& member_id);
  void rejoin(Step& step, Join& join, ClassicMember& member);
  void replace_static(Step& step, Join& join, const std::string& old_id, const std::string& new_id);
  [[nodiscard]] protocol::JoinGroupResponse generation_response(const ClassicMember& member) const;

  // Rebalances.
  void prepare_rebalance(Step& step, std::string_view reason);
  /// The next rebalance, or what may end the one that is prepared.
  void rebalance_or_complete(Step& step, std::string_view reason);
  /// Ends the wait for members when there is none to be waited for.
  void maybe_complete_join(Step& step);
  void complete_join(Step& step);
  void extend_initial_wait(Step& step);
  void begin_generation(Step& step);

  // Syncing.
  [[nodiscard]] protocol::ErrorCode check_sync_in_group(
      const protocol::SyncGroupRequest& request) const;
  [[nodiscard]] protocol::SyncGroupResponse sync_response(const ClassicMember& member) const;
  void assign(Step& step, const protocol::SyncGroupRequest& request);
  /// The assignment that is waited for will not come: REBALANCE_IN_PROGRESS.
  void fail_syncs(Step& step);
  void note_synced(Step& step, std::string_view member_id);
  void expire_pending_sync(Step& step);

  // Members.
  [[nodiscard]] protocol::ErrorCode check_member(
      std::string_view member_id, const std::optional<std::string>& instance_id) const;
  protocol::ErrorCode leave_one(Step& step, const protocol::LeaveGroupRequest::Member& leaving);
  /// Takes a member or a pending one out, answering what it had parked with UNKNOWN_MEMBER_ID.
  void remove_member(Step& step, std::string_view member_id);
  void expire_session(Step& step, const std::string& member_id);
  /// The member has been heard of: its session begins anew.
  void renew_session(Step& step, const ClassicMember& member) const;
  [[nodiscard]] DeadlineKey session_key(std::string_view member_id) const;
  [[nodiscard]] DeadlineKey group_key(DeadlineKind kind) const;

  void transition_to(Step& step, State state);
  void write_record(Step& step);
  void read_subscriptions();

  State state_ = State::empty;
  std::optional<std::int64_t> state_since_ms_;
  std::int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;
  std::optional<std::string> protocol_name_;
  ClassicMembers members_;
  /// Got this generation and have not sent their SyncGroup.  Invariant: all are members.
  std::set<std::string, std::less<>> pending_sync_;
  /// Invariant: only while PreparingRebalance.
  std::optional<InitialWait> initial_wait_;
  /// Of this generation's members; nullopt: not consumers, or not to be read.
  std::optional<std::set<std::string, std::less<>>> topics_;
  bool is_in_log_ = false;
  /// The group came from a consumer group, and what a member left there is nobody's before it has
  /// rebalanced.  Its record names no leader, so that it does so after a restart, too (Kafka's
  /// would not).
  bool is_recorded_to_rebalance_ = false;
};

}  // namespace moldau::group
