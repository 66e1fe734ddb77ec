#pragma once
// A consumer group of KIP-848: members say in heartbeats what they want and own, the group computes
// who shall own what and leads each member there on its own, one epoch after the other.
//
// A fold over its records: state changes only in apply(), which every record that a step hands out
// has gone through as well, so a group that is built anew from the log is the same.  What is not in
// the records (deadlines, that metadata has to be looked at again) is made by finish_loading().
//
// Members that speak the classic protocol may sit in the group too while it is migrated
// (consumer_group_classic.cpp).
//
// Thread rule: the machine's.  Sources: KIP-848, KIP-1101 (metadata hash), KIP-1251 (assignment
// epochs), KIP-1263 (assignment interval), edge cases 61 to 64, and what Apache Kafka 4.3.1 does.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "group/assignment.hpp"
#include "group/consumer_member.hpp"
#include "group/group.hpp"
#include "group/target_assignment.hpp"
#include "moldau/group/step.hpp"
#include "moldau/protocol/consumer_group_describe.hpp"
#include "moldau/protocol/consumer_group_heartbeat.hpp"
#include "moldau/protocol/heartbeat.hpp"
#include "moldau/protocol/join_group.hpp"
#include "moldau/protocol/leave_group.hpp"
#include "moldau/protocol/sync_group.hpp"

namespace moldau::group {

class ClassicGroup;

class ConsumerGroup final : public Group {
 public:
  using HeartbeatRequest = protocol::ConsumerGroupHeartbeatRequest;
  using HeartbeatResponse = protocol::ConsumerGroupHeartbeatResponse;

  explicit ConsumerGroup(std::string id);
  ~ConsumerGroup() override;

  // The next record of the log; tombstones of what is not there are passed over.
  void apply(const ConsumerGroupMetadataRecord& record);
  void apply(const ConsumerGroupPartitionMetadataRecord& record);
  void apply(const ConsumerGroupMemberRecord& record);
  void apply(const TargetAssignmentMetadataRecord& record);
  void apply(const TargetAssignmentMemberRecord& record);
  void apply(const CurrentMemberAssignmentRecord& record);
  void apply(const RegularExpressionRecord& record);
  /// All records were applied: every member gets a whole session, those that have to give
  /// partitions up a whole rebalance timeout.
  void finish_loading(Step& step);

  /// Why a request cannot be right whatever the group is; nullopt when it may be.
  static std::optional<HeartbeatResponse> check_heartbeat(const GroupOptions& options,
                                                          const Caller& caller,
                                                          const HeartbeatRequest& request);
  /// `request` has passed check_heartbeat(), and its epoch is join_epoch where the group is new.
  /// A refused request changes nothing.  Look at should_downgrade() afterwards.
  HeartbeatResponse heartbeat(Step& step, const Caller& caller, const HeartbeatRequest& request);

  // Members that speak the classic protocol, and administrators that remove members of any kind.
  // The group is not empty (an empty one becomes classic by the first that joins).  Look at
  // should_downgrade() afterwards.
  void classic_join(Step& step, const Caller& caller, const protocol::JoinGroupRequest& request,
                    Answer<protocol::JoinGroupResponse> answer);
  void classic_sync(Step& step, const Caller& caller, const protocol::SyncGroupRequest& request,
                    Answer<protocol::SyncGroupResponse> answer);
  protocol::HeartbeatResponse classic_heartbeat(Step& step, const Caller& caller,
                                                const protocol::HeartbeatRequest& request);
  protocol::LeaveGroupResponse classic_leave(Step& step, const Caller& caller,
                                             const protocol::LeaveGroupRequest& request);

  // Migration.
  /// Why the request, which would make a consumer group of `group`, is refused; nullopt when it
  /// may: then from_classic() and heartbeat() follow.
  static std::optional<HeartbeatResponse> check_upgrade(const ClassicGroup& group,
                                                        const GroupOptions& options,
                                                        const HeartbeatRequest& request);
  static bool can_upgrade(const ClassicGroup& group, const GroupOptions& options);
  /// The tombstones of `group` and the records of the new group; whoever waits in `group` for a
  /// join or a sync is told to join anew.  `group` is to be thrown away afterwards.
  static std::unique_ptr<ConsumerGroup> from_classic(Step& step, ClassicGroup& group);
  /// True after the last member that speaks the consumer protocol went, when the policy allows it:
  /// the machine then replaces this group by to_classic().  Nothing was written yet of who went.
  [[nodiscard]] bool should_downgrade() const { return downgrade_.has_value(); }
  /// Writes this group's tombstones and the classic group, which rebalances.  (Kafka's does not when
  /// a static member came back with the old protocol and wants what it wanted before.  Then nobody
  /// leads the group, who would see its topics change.)
  std::unique_ptr<ClassicGroup> to_classic(Step& step);

  /// Topics that were made, grown or deleted: the next heartbeat looks at them.
  void on_metadata(Step& step, std::span<const std::string> topics);

  [[nodiscard]] protocol::ConsumerGroupDescribeResponse::Group describe(const Step& step,
                                                                        const Caller& caller) const;
  /// False of a group that was made for a member who was refused: there is nothing of it in the
  /// log, and it is to be forgotten.
  [[nodiscard]] bool is_in_log() const;

  // Group.
  [[nodiscard]] Type type() const override { return Type::consumer; }
  [[nodiscard]] std::string_view state_name() const override;
  [[nodiscard]] std::string_view protocol_type() const override { return "consumer"; }
  [[nodiscard]] bool is_empty() const override { return members_.empty(); }
  [[nodiscard]] bool subscribes_to(std::string_view topic) const override;
  [[nodiscard]] std::optional<std::int64_t> state_since_ms() const override { return std::nullopt; }
  [[nodiscard]] protocol::ErrorCode check_commit(Step& step, const OffsetClient& client) override;
  [[nodiscard]] protocol::ErrorCode check_fetch(const OffsetClient& client) const override;
  [[nodiscard]] protocol::ErrorCode check_delete() const override;
  void write_tombstones(Effects& effects) const override;
  void on_deadline(Step& step, const DeadlineKey& key) override;

  // For tests and descriptions.
  [[nodiscard]] const Members& members() const { return members_; }
  [[nodiscard]] std::int32_t epoch() const { return epoch_; }
  [[nodiscard]] std::int64_t metadata_hash() const { return metadata_hash_; }
  [[nodiscard]] std::int32_t assignment_epoch() const { return assignment_.assignment_epoch; }
  [[nodiscard]] std::span<const TopicPartitions> target_of(std::string_view member_id) const;
  /// What is in the records, that is all but deadlines and what follows from the rest.
  [[nodiscard]] bool same_as(const ConsumerGroup& other) const;

 private:
  struct Refusal {
    protocol::ErrorCode code{};
    std::string message;
  };
  struct Subscribers {
    std::uint32_t by_name = 0;   // members
    std::uint32_t by_regex = 0;  // regular expressions
    friend bool operator==(const Subscribers&, const Subscribers&) = default;
  };
  struct Downgrade {
    std::set<std::string, std::less<>> leaving;  // still members here
  };
  template <class T>
  void emit(Step& step, T record) {
    apply(record);
    step.effects.records.emplace_back(std::move(record));
  }
  void emit_member(Step& step, const std::string& member_id,
                   ConsumerGroupMemberRecord::Value value);
  void emit_target(Step& step, const std::string& member_id, std::vector<TopicPartitions> value);
  void emit_current(Step& step, const std::string& member_id,
                    CurrentMemberAssignmentRecord::Value value);
  void emit_member_tombstones(Step& step, const std::string& member_id);
  /// With the hash of the topics as they are.
  void emit_epoch(Step& step, std::int32_t epoch);

  // Indexes over the members, kept by apply().
  void index_member(const std::string& member_id, const ConsumerMember& member);
  void unindex_member(const std::string& member_id, const ConsumerMember& member);
  void count_topics(std::span<const std::string> topics, std::uint32_t Subscribers::* kind,
                    std::int32_t delta);
  void take_partitions(const Members::value_type& member);
  void drop_partitions(const Members::value_type& member);
  [[nodiscard]] bool is_free_for(std::string_view member_id, const TopicId& topic_id,
                                 std::int32_t partition) const;
  [[nodiscard]] const ConsumerMember* find_member(std::string_view member_id) const;
  /// The member that has the instance id; nullptr when none.
  [[nodiscard]] const Members::value_type* find_static(std::string_view instance_id) const;
  [[nodiscard]] std::string preferred_assignor(const GroupOptions& options) const;
  [[nodiscard]] std::int64_t compute_metadata_hash(const metadata::MetadataImage& image) const;

  // consumer_group_heartbeat.cpp
  using RequestedPartitions = std::vector<HeartbeatRequest::TopicPartitions>;
  [[nodiscard]] std::optional<Refusal> refuse(const Step& step,
                                              const HeartbeatRequest& request) const;
  [[nodiscard]] std::optional<Refusal> refuse_static(const HeartbeatRequest& request) const;
  [[nodiscard]] static Refusal full(const GroupOptions& options);
  [[nodiscard]] static std::optional<Refusal> refuse_regex(const HeartbeatRequest& request);
  HeartbeatResponse leave(Step& step, const HeartbeatRequest& request);
  void leave_for_a_while(Step& step, const std::string& member_id);
  /// A static member comes back under another id and gets all that was its.
  void replace_static_member(Step& step, const std::string& old_id, const std::string& new_id);
  /// Writes what the member wants now.  Returns whether it subscribes to something else.
  bool update_member(Step& step, const std::string& member_id,
                     const ConsumerGroupMemberRecord::Value& wish);
  /// The group's epoch rises when the members' subscriptions or their topics have changed.
  void maybe_bump_epoch(Step& step, bool subscriptions_changed);
  void maybe_compute_target(Step& step);
  void compute_target(Step& step);
  void reconcile_member(Step& step, const std::string& member_id, bool subscription_changed,
                        const std::vector<TopicPartitions>* owned);
  void set_deadline(Step& step, DeadlineKind kind, const std::string& member_id,
                    base::Milliseconds after) const;
  void clear_deadlines(Step& step, const std::string& member_id) const;
  void fence(Step& step, std::set<std::string, std::less<>> member_ids);

  // consumer_group_regex.cpp
  /// After the member's record: forgets an expression that nobody uses, resolves a new one.
  void follow_regex(Step& step, const std::string& before, const std::string& after);
  /// Resolves all again when it is time.  Returns whether any matches other topics than before.
  bool maybe_refresh_regexes(Step& step);
  bool resolve(Step& step, const std::string& regex);

  // consumer_group_classic.cpp
  [[nodiscard]] protocol::ErrorCode refuse_join(const Step& step,
                                                const protocol::JoinGroupRequest& request) const;
  [[nodiscard]] bool supports_protocols(const protocol::JoinGroupRequest& request) const;
  /// Tells a member that it shall join anew, and gives it the time for that.
  void call_to_join(Step& step, const std::string& member_id);
  /// Why a classic request of the member is refused; none when it may.
  [[nodiscard]] protocol::ErrorCode check_classic_member(
      std::string_view member_id, const std::optional<std::string>& instance_id,
      std::int32_t generation) const;
  [[nodiscard]] bool waits_for_unreleased(std::string_view member_id,
                                          const ConsumerMember& member) const;
  /// Whether all others speak the classic protocol, and the policy lets the group change; `joining`
  /// more come in their place.
  [[nodiscard]] bool may_downgrade_without(const Step& step,
                                           const std::set<std::string, std::less<>>& member_ids,
                                           std::size_t joining = 0) const;

  std::int32_t epoch_ = 1;
  std::int64_t metadata_hash_ = 0;
  TargetAssignmentMetadataRecord::Value assignment_{.assignment_epoch = 1};
  bool has_group_record_ = false;
  bool has_partition_metadata_ = false;  // of Kafka up to 4.0, to be removed from the log
  Members members_;
  Targets targets_;
  Regexes regexes_;

  // What follows from the above.
  std::map<std::string, std::string, std::less<>> static_members_;  // instance id to member id
  std::map<std::string, Subscribers, std::less<>> topics_;
  std::map<std::string, std::uint32_t, std::less<>> regex_members_;
  /// Whose each partition is until its owner has given it up: no other may have it before that.
  /// Points to the id in members_.
  std::unordered_map<TopicIdPartition, const std::string*> owners_;

  // Not in the records.
  bool metadata_changed_ = true;  // since the metadata hash was computed
  bool regexes_outdated_ = false;
  std::optional<Downgrade> downgrade_;
};

}  // namespace moldau::group
