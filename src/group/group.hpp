#pragma once
// What the machine may ask of any group, whichever protocol it speaks.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "moldau/group/step.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::group {

/// Who commits or fetches offsets, as its request says.
struct OffsetClient {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::int32_t generation_or_epoch = -1;  // of the generation, or of the member
  std::int16_t version = 0;
  bool is_transactional = false;  // TxnOffsetCommit
  /// KIP-1251: what a commit is for; a member of a consumer group may commit in an older epoch what it
  /// has owned since then.
  std::span<const TopicIdPartition> partitions{};
};

class Group {
 public:
  enum class Type { classic, consumer };
  explicit Group(std::string id) : id_(std::move(id)) {}
  virtual ~Group() = default;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] virtual Type type() const = 0;
  /// As ListGroups and the Describe APIs name it: "Stable", "Empty", ...
  [[nodiscard]] virtual std::string_view state_name() const = 0;
  /// "consumer", "connect", ...; empty where the group is only a place for offsets.
  [[nodiscard]] virtual std::string_view protocol_type() const = 0;
  [[nodiscard]] virtual bool is_empty() const = 0;
  /// Whether a member reads the topic, as far as the group can tell (OffsetDelete, KIP-211).
  [[nodiscard]] virtual bool subscribes_to(std::string_view topic) const = 0;
  /// When the group became what it is, wall clock; nullopt where that is not known.
  [[nodiscard]] virtual std::optional<std::int64_t> state_since_ms() const = 0;

  /// Kafka's code when `client` may not commit or fetch; a commit that may counts as a heartbeat.
  /// Sources: edge cases 57, 58 and 63; KIP-447, KIP-848.
  [[nodiscard]] virtual protocol::ErrorCode check_commit(Step& step, const OffsetClient& client) = 0;
  [[nodiscard]] virtual protocol::ErrorCode check_fetch(const OffsetClient& client) const = 0;
  /// none, or why the group cannot be deleted (NON_EMPTY_GROUP).
  [[nodiscard]] virtual protocol::ErrorCode check_delete() const = 0;
  /// Appends the tombstones of all that the group itself has in the log (not its offsets).
  virtual void write_tombstones(Effects& effects) const = 0;
  /// A deadline that this group set has come.
  virtual void on_deadline(Step& step, const DeadlineKey& key) = 0;

 private:
  const std::string id_;
};

}  // namespace moldau::group
