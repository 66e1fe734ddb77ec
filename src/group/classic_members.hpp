#pragma once
// The members of a classic group: who they are, which protocols they share, who leads, who is
// waited for.  States, deadlines and records are the group's (classic_group.hpp).
//
// Thread rule: one thread at a time, as the group.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/group/step.hpp"
#include "moldau/protocol/join_group.hpp"
#include "moldau/protocol/sync_group.hpp"

namespace moldau::group {

struct ClassicMember {
  using Protocol = protocol::JoinGroupRequest::Protocol;

  std::string id;
  std::optional<std::string> instance_id;  // of a static member (KIP-345)
  Client client;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  std::vector<Protocol> protocols{};  // as it prefers them; no name twice
  Bytes assignment{};
  /// Parked requests; empty: none.
  Answer<protocol::JoinGroupResponse> join_answer{};
  Answer<protocol::SyncGroupResponse> sync_answer{};
  /// It does not know its id yet and cannot send heartbeats: its JoinGroup itself may expire.
  bool is_new = false;

  [[nodiscard]] bool is_static() const { return instance_id.has_value(); }
  [[nodiscard]] bool awaits_join() const { return static_cast<bool>(join_answer); }
  [[nodiscard]] bool awaits_sync() const { return static_cast<bool>(sync_answer); }
  /// Empty where it does not support that protocol.
  [[nodiscard]] const Bytes& metadata_of(std::string_view protocol) const;
  /// Whether these are its protocols: the same names and bytes in the same order.
  [[nodiscard]] bool has_protocols(const std::vector<Protocol>& protocols) const;
};

class ClassicMembers {
 public:
  using Protocol = ClassicMember::Protocol;
  using Map = std::map<std::string, ClassicMember, std::less<>>;

  /// Adds a member that is not there, nor another with its instance id.  The first one leads.
  ClassicMember& add(ClassicMember member);
  /// Takes the member out, with what it has parked; another leads if it did.  nullopt: was not
  /// there.
  std::optional<ClassicMember> remove(std::string_view id);
  /// Gives a static member a new id: everything else stays.  What it had parked is in the result.
  ClassicMember replace(std::string_view old_id, const std::string& new_id);
  /// What a member that is there says anew in its JoinGroup.
  void update(ClassicMember& member, const protocol::JoinGroupRequest& request);
  /// Parks its JoinGroup; one that it had parked before is returned.
  Answer<protocol::JoinGroupResponse> park_join(ClassicMember& member,
                                                Answer<protocol::JoinGroupResponse> answer);
  /// Its parked JoinGroup, parked no longer; empty: it had none.
  Answer<protocol::JoinGroupResponse> take_join(ClassicMember& member);

  void add_pending(const std::string& id) { pending_.insert(id); }
  bool remove_pending(std::string_view id);
  [[nodiscard]] bool is_pending(std::string_view id) const { return pending_.contains(id); }
  /// Those who were told to come back with the id they got (KIP-394).
  [[nodiscard]] const std::set<std::string, std::less<>>& pending() const { return pending_; }

  [[nodiscard]] bool is_empty() const { return members_.empty(); }
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] ClassicMember* find(std::string_view id);
  [[nodiscard]] bool contains(std::string_view id) const { return members_.contains(id); }
  /// By id.
  [[nodiscard]] Map& all() { return members_; }
  [[nodiscard]] const Map& all() const { return members_; }
  /// The member that has the instance id; nullptr: none.
  [[nodiscard]] const std::string* static_id(std::string_view instance_id) const;

  [[nodiscard]] std::size_t awaiting_join_count() const { return awaiting_join_; }
  /// Every member has sent its JoinGroup, and nobody who was given an id is still to come.
  [[nodiscard]] bool have_all_joined() const {
    return awaiting_join_ == members_.size() && pending_.empty();
  }
  /// The longest of all members.
  [[nodiscard]] base::Milliseconds rebalance_timeout() const;

  [[nodiscard]] const std::optional<std::string>& leader() const { return leader_; }
  [[nodiscard]] bool is_leader(std::string_view id) const { return leader_ == id; }
  void set_leader(std::optional<std::string> id) { leader_ = std::move(id); }
  /// If the leader has not joined, one that has leads.  False: nobody has joined.
  bool elect_joined_leader();

  /// Whether all members support one of these.
  [[nodiscard]] bool support_any(const std::vector<Protocol>& protocols) const;
  /// The protocol that most members prefer among those that all support; the first by name where as
  /// many prefer another.  nullopt: there is none in common, or no member.
  [[nodiscard]] std::optional<std::string> vote() const;

 private:
  void count_protocols(const ClassicMember& member, bool add);

  Map members_;
  std::map<std::string, std::string, std::less<>> static_ids_;  // instance id -> member id
  std::set<std::string, std::less<>> pending_;
  std::map<std::string, std::size_t, std::less<>> supporters_;  // protocol -> how many support it
  std::optional<std::string> leader_;
  std::size_t awaiting_join_ = 0;
};

}  // namespace moldau::group
