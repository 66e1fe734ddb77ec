#pragma once
// A consumer group of KIP-848: members say in heartbeats what they want and own, the group computes who
// shall own what and leads each member there on its own, one epoch after the other.
//
// A fold over its records: state changes only in apply(), which every record that a step hands out has
// gone through as well, so a group that is built anew from the log is the same.  What is not in the
// records (deadlines, that metadata has to be looked at again) is made by finish_loading().
//
// Members that speak the classic protocol may sit in the group too while it is migrated
// (consumer_group_classic.cpp).
//
// Thread rule: the machine's.  Sources: KIP-848, KIP-1101 (metadata hash), KIP-1251 (assignment epochs),
// KIP-1263 (assignment interval), edge cases 61 to 64, and what Apache Kafka 4.3.1 does.

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

#include "assignment.hpp"
#include "consumer_member.hpp"
#include "group.hpp"
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
  /// All records were applied: every member gets a whole session, those that have to give partitions up
  /// a whole rebalance timeout.
  void finish_loading(Step& step);

  /// Why a request cannot be right whatever the group is; nullopt when it may be.
  static std::optional<HeartbeatResponse> check_heartbeat(const GroupOptions& options,
                                                          const Caller& caller,
                                                          const HeartbeatRequest& request);
  /// `request` has passed check_heartbeat(), and its epoch is join_epoch where the group is new.
  /// A refused request changes nothing.  Look at should_downgrade() afterwards.
  HeartbeatResponse heartbeat(Step& step, const Caller& caller, const HeartbeatRequest& request);

  // Members that speak the classic protocol, and administrators that remove members of any kind.  The
  // group is not empty (an empty one becomes classic by the first that joins).  Look at
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
  /// Why the request, which would make a consumer group of `group`, is refused; nullopt when it may:
  /// then from_classic() and heartbeat() follow.
  static std::optional<HeartbeatResponse> check_upgrade(const ClassicGroup& group,
                                                        const GroupOptions& options,
                                                        const HeartbeatRequest& request);
  static bool can_upgrade(const ClassicGroup& group, const GroupOptions& options);
  /// The tombstones of `group` and the records of the new group; whoever waits in `group` for a join or
  /// a sync is told to join anew.  `group` is to be thrown away afterwards.
  static std::unique_ptr<ConsumerGroup> from_classic(Step& step, ClassicGroup& group);
  /// True after the last member that speaks the consumer protocol went, when the policy allows it: the
  /// machine then replaces this group by to_classic().  Nothing was written yet of who went.
  [[nodiscard]] bool should_downgrade() const { return downgrade_.has_value(); }
  /// Writes this group's tombstones and the classic group, which is told to rebalance unless its members
  /// own just what they shall.
  std::unique_ptr<ClassicGroup> to_classic(Step& step);

  /// Topics that were made, grown or deleted: the next heartbeat looks at them.
  void on_metadata(Step& step, std::span<const std::string> topics);

  [[nodiscard]] protocol::ConsumerGroupDescribeResponse::Group describe(const Step& step,
                                                                        const Caller& caller) const;
  /// False of a group that was made for a member who was refused: there is nothing of it in the log,
  /// and it is to be forgotten.
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
  using Members = std::map<std::string, ConsumerMember, std::less<>>;
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
  };
  struct Downgrade {
    std::set<std::string, std::less<>> leaving;
    bool rebalance = true;
  };
  /// What a member asks for, whichever protocol it speaks.
  struct Wish;

  template <class T>
  void emit(Step& step, T record);
  void emit_member(Step& step, const std::string& member_id, ConsumerGroupMemberRecord::Value value);
  void emit_current(Step& step, const std::string& member_id,
                    CurrentMemberAssignmentRecord::Value value);
  void emit_member_tombstones(Step& step, const std::string& member_id);
  void emit_regex_tombstone(Step& step, const std::string& regex);
  void emit_epoch(Step& step, std::int32_t epoch);

  // consumer_group.cpp: indexes over the members, kept by apply().
  void count_subscription(const ConsumerMember& member, int delta);
  void count_topics(std::span<const std::string> topics, std::uint32_t Subscribers::*kind, int delta);
  void take_partitions(const std::string& member_id, const ConsumerMember& member);
  void drop_partitions(const std::string& member_id, const ConsumerMember& member);
  [[nodiscard]] bool is_free_for(std::string_view member_id, const TopicId& topic_id,
                                 std::int32_t partition) const;
  [[nodiscard]] const ConsumerMember* find_member(std::string_view member_id) const;
  /// The member that has the instance id; nullptr when none.
  [[nodiscard]] const Members::value_type* find_static(std::string_view instance_id) const;
  [[nodiscard]] std::string_view preferred_assignor(const GroupOptions& options) const;
  [[nodiscard]] std::int64_t compute_metadata_hash(const metadata::MetadataImage& image) const;

  // consumer_group_heartbeat.cpp
  HeartbeatResponse leave(Step& step, const HeartbeatRequest& request);
  [[nodiscard]] std::optional<Refusal> refuse(const Step& step, const HeartbeatRequest& request) const;
  [[nodiscard]] std::optional<Refusal> refuse_member(const HeartbeatRequest& request) const;
  void replace_static_member(Step& step, const std::string& old_id, const std::string& new_id);
  void maybe_bump_epoch(Step& step, bool must);
  void maybe_compute_target(Step& step);
  void compute_target(Step& step);
  void reconcile(Step& step, const std::string& member_id, bool subscription_changed,
                 const std::vector<TopicPartitions>* owned);
  void set_session_deadline(Step& step, const std::string& member_id, base::Milliseconds timeout);
  void clear_deadlines(Step& step, const std::string& member_id);
  void fence(Step& step, std::vector<std::string> member_ids);
  [[nodiscard]] bool may_downgrade_without(const Step& step,
                                           std::span<const std::string> member_ids) const;

  // consumer_group_regex.cpp
  struct RegexChange {
    bool changed = false;
    bool resolved = false;  // the topics of the new one are known
  };
  RegexChange change_regex(Step& step, const std::string& before, const std::string& after);
  void refresh_regexes(Step& step);

  std::int32_t epoch_ = 1;
  std::int64_t metadata_hash_ = 0;
  TargetAssignmentMetadataRecord::Value assignment_{.assignment_epoch = 1};
  bool has_group_record_ = false;
  bool has_partition_metadata_ = false;  // of Kafka up to 4.0, to be removed from the log
  Members members_;
  std::map<std::string, std::vector<TopicPartitions>, std::less<>> targets_;
  std::map<std::string, RegularExpressionRecord::Value, std::less<>> regexes_;

  // What follows from the above.
  std::map<std::string, std::string, std::less<>> static_members_;  // instance id to member id
  std::map<std::string, Subscribers, std::less<>> topics_;
  std::map<std::string, std::uint32_t, std::less<>> regex_members_;
  std::map<std::string, std::uint32_t, std::less<>> assignors_;
  std::map<std::string, std::uint32_t, std::less<>> classic_protocols_;
  std::uint32_t classic_members_ = 0;
  /// Whose each partition is until its owner has given it up: no other may have it before that.
  std::unordered_map<TopicIdPartition, std::string> owners_;

  // Not in the records.
  bool metadata_changed_ = true;  // since the metadata hash was computed
  bool regexes_outdated_ = false;
  std::optional<Downgrade> downgrade_;
};

}  // namespace moldau::group
