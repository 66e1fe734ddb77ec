#pragma once
// The committed offsets of one partition of __consumer_offsets: of groups with members, of groups
// that are nothing but a place for offsets, and what administrators replaced.  A fold over the
// records: state changes only in apply(), apply_pending() and end_transaction(); what a request or
// the time changes is applied and handed out as records.
//
// Offsets that were committed in a transaction are pending until its marker comes, and nobody sees
// them (KIP-447).  Of two records for one partition the later one in the log wins, whenever the
// marker of either comes: that is the one that compaction keeps.
//
// Whether a client may commit or fetch at all is the machine's to ask the group (group.hpp).
// Thread rule: the machine's.  Sources: edge cases 57 to 60; KIP-211, KIP-447, KIP-848 and
// Kafka 4.3's use of topic ids in offsets.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "group.hpp"
#include "moldau/group/machine.hpp"
#include "moldau/group/records.hpp"
#include "moldau/group/step.hpp"

namespace moldau::group {

class OffsetStore {
 public:
  /// Replaced offsets that are kept of a partition.
  static constexpr std::size_t trail_length_max = 10;

  OffsetStore() = default;
  OffsetStore(const OffsetStore&) = delete;  // groups point into the names
  OffsetStore& operator=(const OffsetStore&) = delete;

  void apply(const OffsetCommitRecord& record);
  void apply(const OffsetTrailRecord& record);
  /// Of a batch of that producer's transaction.  A tombstone counts at once, as in Kafka.
  void apply_pending(ProducerId producer, const OffsetCommitRecord& record);
  void end_transaction(ProducerId producer, bool commit);

  /// `group` may be null: offsets without members.  Partitions that the image does not have and
  /// metadata that is too long are refused each on its own, all others are stored.
  /// `by_admin`: neither a member id nor a generation is given.  What such a commit replaces goes
  /// on the partition's trail, unless the commit could as well be that of a consumer that reads
  /// without being a member: in a group that never had members only a step back, or the loss of the
  /// leader epoch that consumers send, makes an administrator.
  protocol::OffsetCommitResponse commit(Step& step, const Group* group, bool by_admin,
                                        const protocol::OffsetCommitRequest& request,
                                        std::int16_t version);
  /// As Kafka refuses: partitions that the image does not have keep the code that says so.
  static protocol::OffsetCommitResponse refuse(const protocol::OffsetCommitRequest& request,
                                               protocol::ErrorCode code,
                                               const metadata::MetadataImage& image,
                                               std::int16_t version);

  /// In a transaction: what is stored counts from its COMMIT marker on.
  protocol::TxnOffsetCommitResponse commit_pending(Step& step,
                                                   const protocol::TxnOffsetCommitRequest& request,
                                                   std::int16_t version);
  static protocol::TxnOffsetCommitResponse refuse(const protocol::TxnOffsetCommitRequest& request,
                                                  protocol::ErrorCode code,
                                                  const metadata::MetadataImage& image,
                                                  std::int16_t version);

  /// No topics asked for: all that the group has.  An offset that was committed for a topic of the
  /// same name that is gone is none.
  [[nodiscard]] protocol::OffsetFetchResponse::Group fetch(
      const metadata::MetadataImage& image, const protocol::OffsetFetchRequest::Group& request,
      std::int16_t version, bool require_stable) const;

  /// Offsets of topics that a member reads stay.
  protocol::OffsetDeleteResponse remove(Step& step, const Group* group,
                                        const protocol::OffsetDeleteRequest& request);
  /// Of all offsets and trails of the group; applied as well.  What is pending goes too.
  void write_tombstones(Effects& effects, std::string_view group_id);
  /// Offsets of that topic, and those that do not say of which topic of the name they are.
  void on_topic_deleted(Step& step, std::string_view name, const TopicId& id);
  /// True when the group has no offsets left, none that are pending either.  KIP-211 says what has
  /// expired, and nothing does where an offset is pending; under
  /// OffsetRetention::keep nothing does while the group has an offset before its partition's end.
  bool expire(Step& step, const std::string& group_id, const Group* group,
              const EndOffset& end_offset);

  /// Those that are pending count.
  [[nodiscard]] bool has_offsets(std::string_view group_id) const;
  /// Of groups with offsets, pending ones or trails, in no order.
  [[nodiscard]] std::vector<std::string> group_ids() const;
  /// Partitions with a committed offset, over all groups.
  [[nodiscard]] std::size_t count() const { return count_; }
  /// Partitions with a pending one.
  [[nodiscard]] std::size_t pending_count() const { return pending_count_; }

 private:
  using Value = OffsetCommitRecord::Value;
  using Trail = std::vector<OffsetTrailRecord::Entry>;

  /// What a transaction under way committed for a partition.
  struct Pending {
    ProducerId producer{};
    std::optional<Value> value;  // nullopt: a later record has become the partition's offset
  };
  struct PartitionOffset {
    PartitionIndex index{};
    std::optional<Value> value{};
    std::unique_ptr<const Trail> trail{};  // rare, and never empty
    /// In the order of their records, one for a producer; nullptr where there is none.
    std::unique_ptr<std::vector<Pending>> pending{};

    void add(Pending offset);
    /// Takes the producer's out; what it committed becomes the partition's offset.
    void decide(ProducerId producer, bool commit);
    [[nodiscard]] bool is_empty() const { return !value && !trail && !pending; }
    /// Every offset says so: those that do not say of which topic of the name they are may be of `id`.
    [[nodiscard]] bool is_of_another_topic_than(const TopicId& id) const;
  };
  struct TopicOffsets {
    const std::string* name = nullptr;        // of names_
    std::vector<PartitionOffset> partitions;  // ascending
    [[nodiscard]] const PartitionOffset* find(PartitionIndex index) const;
  };
  struct GroupOffsets {
    std::vector<TopicOffsets> topics;  // ascending by name
    std::size_t count = 0;             // offsets, without those that are only a trail
    std::size_t pending_count = 0;     // partitions with a pending one
    [[nodiscard]] const TopicOffsets* find(std::string_view topic) const;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <class T>
  using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
  struct Key {
    std::string_view group_id;
    std::string_view topic;
    PartitionIndex partition{};
  };
  /// As Key, and keeps what it names.
  struct OwnedKey {
    std::string group_id;
    std::string topic;
    PartitionIndex partition{};
  };

  [[nodiscard]] const GroupOffsets* find(std::string_view group_id) const;
  [[nodiscard]] const PartitionOffset* find(const Key& key) const;
  /// The one way to change a partition: it is made for `change` and dropped where nothing is left
  /// of it.
  template <class Change>
  void edit(const Key& key, Change change);
  const std::string* use_name(std::string_view name);
  void release_name(const std::string* name);

  template <class R>
  void emit(Effects& effects, R record);
  /// Puts what `commit` will replace on the trail.
  void keep_replaced(Step& step, const OffsetCommitRecord& commit, bool may_be_consumer);
  static protocol::OffsetFetchResponse::Group::Topic fetch_all(const metadata::MetadataImage& image,
                                                               const TopicOffsets& offsets,
                                                               bool by_id, bool require_stable);
  static protocol::OffsetFetchResponse::Group::Topic fetch_some(
      const GroupOffsets* group, const metadata::TopicImage* known,
      const protocol::OffsetFetchRequest::Group::Topic& topic, bool by_id, bool require_stable);
  /// Whether any partition still holds records after the group's offset.
  static bool has_unread(const metadata::MetadataImage& image, const GroupOffsets& offsets,
                         const EndOffset& end_offset);
  void write_tombstones(Effects& effects, std::string_view group_id,
                        const std::vector<TopicPartition>& partitions);

  ByName<GroupOffsets> groups_;
  ByName<std::size_t> names_;  // of topics, and by how many groups each is used
  std::size_t count_ = 0;
  std::size_t pending_count_ = 0;
  /// What to look at when a producer's transaction ends: all that it has pending, at least.
  std::map<ProducerId, std::vector<OwnedKey>> transactions_;
};

}  // namespace moldau::group
