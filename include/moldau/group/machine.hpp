#pragma once
// The groups and offsets of one partition of __consumer_offsets: a pure state machine, a fold over that
// partition's records.  It is built by apply()ing them in order, and every later change is both applied
// and handed out as records (step.hpp), so that building it anew from the log gives the same.
//
// Thread rule: one thread at a time; whoever drives it holds a lock (coordinator.hpp).
// Sources: protocol.md edge cases 49 to 64; KIP-62, 134, 211, 345, 394, 429, 447, 559, 709, 814, 848, 1043.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/coordinator/effects.hpp"
#include "moldau/group/step.hpp"
#include "moldau/protocol/consumer_group_describe.hpp"
#include "moldau/protocol/consumer_group_heartbeat.hpp"
#include "moldau/protocol/delete_groups.hpp"
#include "moldau/protocol/describe_groups.hpp"
#include "moldau/protocol/heartbeat.hpp"
#include "moldau/protocol/join_group.hpp"
#include "moldau/protocol/leave_group.hpp"
#include "moldau/protocol/list_groups.hpp"
#include "moldau/protocol/offset_commit.hpp"
#include "moldau/protocol/offset_delete.hpp"
#include "moldau/protocol/offset_fetch.hpp"
#include "moldau/protocol/sync_group.hpp"
#include "moldau/protocol/txn_offset_commit.hpp"

namespace moldau::group {

/// Where a partition's log ends for a reader (the high watermark); nullopt when it is not there.
using EndOffset = std::function<std::optional<Offset>(std::string_view topic, PartitionIndex partition)>;

class Group;  // src/group: private to the layer
class ClassicGroup;
class ConsumerGroup;
class OffsetStore;

class Machine {
 public:
  Machine();
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// The next record of the log.
  void apply(const Record& record);
  /// The next record of the log, in a batch of that producer's transaction.  Only offsets wait for the marker;
  /// nobody writes anything else in a transaction.
  void apply_pending(const coordinator::Producer& producer, const Record& record);
  /// The marker of a transaction, which need not have offsets here, is the next of the log.
  void end_transaction(ProducerId producer, bool commit);
  /// All records were applied and clients may come: members that are in the log get a whole session.
  void finish_loading(Step& step);

  // Answered in this step or a later one, through `step.effects` or that of the later step.
  void join_group(Step& step, const Caller& caller, protocol::JoinGroupRequest request,
                  Answer<protocol::JoinGroupResponse> answer);
  void sync_group(Step& step, const Caller& caller, protocol::SyncGroupRequest request,
                  Answer<protocol::SyncGroupResponse> answer);

  // Answered in this step: whoever drives the machine sends the result once `step.effects` are durable.
  protocol::HeartbeatResponse heartbeat(Step& step, const Caller& caller,
                                        const protocol::HeartbeatRequest& request);
  protocol::LeaveGroupResponse leave_group(Step& step, const Caller& caller,
                                           const protocol::LeaveGroupRequest& request);
  protocol::ConsumerGroupHeartbeatResponse consumer_group_heartbeat(
      Step& step, const Caller& caller, const protocol::ConsumerGroupHeartbeatRequest& request);
  protocol::OffsetCommitResponse offset_commit(Step& step, const Caller& caller,
                                               const protocol::OffsetCommitRequest& request);
  /// Whoever calls has made sure that the transaction is open and has this machine's partition in it (KIP-890).
  protocol::TxnOffsetCommitResponse txn_offset_commit(Step& step, const Caller& caller,
                                                      const protocol::TxnOffsetCommitRequest& request);
  /// `code` for every partition, but for those that the image does not have, which are told so.
  static protocol::TxnOffsetCommitResponse refuse(const metadata::MetadataImage& image, const Caller& caller,
                                                  const protocol::TxnOffsetCommitRequest& request,
                                                  protocol::ErrorCode code);
  protocol::OffsetDeleteResponse offset_delete(Step& step, const protocol::OffsetDeleteRequest& request);
  protocol::DeleteGroupsResponse::Result delete_group(Step& step, const std::string& group_id);

  // Only look.
  [[nodiscard]] protocol::OffsetFetchResponse::Group offset_fetch(
      const Step& step, const Caller& caller, const protocol::OffsetFetchRequest::Group& request,
      bool require_stable) const;
  [[nodiscard]] protocol::DescribeGroupsResponse::Group describe_classic(const Caller& caller,
                                                                         const std::string& group_id) const;
  [[nodiscard]] protocol::ConsumerGroupDescribeResponse::Group describe_consumer(
      const Step& step, const Caller& caller, const std::string& group_id) const;
  /// Those that the request's filters leave.
  [[nodiscard]] std::vector<protocol::ListGroupsResponse::Group> list(
      const protocol::ListGroupsRequest& request) const;

  /// Time has passed: everything that is due is done.
  void expire(Step& step, base::SteadyTime now);
  /// When to call expire() next at the latest.  `deadlines` of every Step is the machine's own.
  [[nodiscard]] Deadlines& deadlines() { return deadlines_; }
  /// Every offsets.retention.check.interval.ms: offsets that nobody needs, and groups that are nothing more.
  void expire_offsets(Step& step, const EndOffset& end_offset);
  /// The metadata changed: topics made, grown or deleted.
  void on_metadata(Step& step, const metadata::MetadataDelta& delta);

  [[nodiscard]] std::size_t group_count() const { return groups_.size(); }
  [[nodiscard]] std::size_t offset_count() const;
  /// Partitions whose offset a transaction may change.
  [[nodiscard]] std::size_t pending_offset_count() const;

 private:
  [[nodiscard]] Group* find(std::string_view group_id) const;
  [[nodiscard]] ClassicGroup* find_classic(std::string_view group_id) const;
  [[nodiscard]] ConsumerGroup* find_consumer(std::string_view group_id) const;
  template <class T>
  T& put(std::unique_ptr<T> group);
  void remove(const std::string& group_id);
  void forget(Step& step, const std::string& group_id);
  void make_place_for_offset(const OffsetCommitRecord& record);
  void apply_typed(const OffsetCommitRecord& record);
  void apply_typed(const OffsetTrailRecord& record);
  void apply_typed(const GroupMetadataRecord& record);
  void apply_typed(const ConsumerGroupMetadataRecord& record);
  void apply_typed(const ConsumerGroupPartitionMetadataRecord& record);
  void apply_typed(const ConsumerGroupMemberRecord& record);
  void apply_typed(const TargetAssignmentMetadataRecord& record);
  void apply_typed(const TargetAssignmentMemberRecord& record);
  void apply_typed(const CurrentMemberAssignmentRecord& record);
  void apply_typed(const RegularExpressionRecord& record);
  template <class T>
  void apply_to_consumer(const T& record, bool makes_group);
  void downgrade_if_due(Step& step, ConsumerGroup& group);

  // Invariant: a group that has an offset, be it pending, and no members of its own is a classic group, Empty.
  std::map<std::string, std::unique_ptr<Group>, std::less<>> groups_;
  std::unique_ptr<OffsetStore> offsets_;
  Deadlines deadlines_;
};

}  // namespace moldau::group
