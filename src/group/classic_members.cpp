#include "group/classic_members.hpp"

#include <algorithm>
#include <utility>

#include "moldau/base/check.hpp"

namespace moldau::group {

const Bytes& ClassicMember::metadata_of(std::string_view protocol) const {
  static const Bytes none;
  const auto found = std::ranges::find(protocols, protocol, &Protocol::name);
  return found == protocols.end() ? none : found->metadata;
}

bool ClassicMember::has_protocols(const std::vector<Protocol>& others) const {
  return std::ranges::equal(protocols, others, [](const Protocol& a, const Protocol& b) {
    return a.name == b.name && a.metadata == b.metadata;
  });
}

ClassicMember& ClassicMembers::add(ClassicMember member) {
  if (member.instance_id) static_ids_[*member.instance_id] = member.id;
  if (!leader_) leader_ = member.id;
  remove_pending(member.id);
  if (member.awaits_join()) ++awaiting_join_;
  count_protocols(member, true);
  std::string id = member.id;
  const auto [place, is_added] = members_.emplace(std::move(id), std::move(member));
  MOLDAU_CHECK(is_added, "a member of a classic group was added twice");
  return place->second;
}

std::optional<ClassicMember> ClassicMembers::remove(std::string_view id) {
  const auto place = members_.find(id);
  if (place == members_.end()) return std::nullopt;
  ClassicMember member = std::move(place->second);
  members_.erase(place);
  count_protocols(member, false);
  if (member.awaits_join()) --awaiting_join_;
  if (member.instance_id) static_ids_.erase(*member.instance_id);
  if (is_leader(member.id)) {
    leader_.reset();
    if (!members_.empty()) leader_ = members_.begin()->first;
  }
  return member;
}

ClassicMember ClassicMembers::replace(std::string_view old_id, const std::string& new_id) {
  const bool was_leader = is_leader(old_id);
  std::optional<ClassicMember> old = remove(old_id);
  MOLDAU_CHECK(old && old->is_static(), "only a static member's id is replaced");
  add({.id = new_id,
       .instance_id = old->instance_id,
       .client = old->client,
       .rebalance_timeout_ms = old->rebalance_timeout_ms,
       .session_timeout_ms = old->session_timeout_ms,
       .protocols = std::move(old->protocols),
       .assignment = std::move(old->assignment)});
  if (was_leader) leader_ = new_id;
  return *std::move(old);
}

void ClassicMembers::update(ClassicMember& member, const protocol::JoinGroupRequest& request) {
  count_protocols(member, false);
  member.protocols = request.protocols;
  count_protocols(member, true);
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  member.session_timeout_ms = request.session_timeout_ms;
}

Answer<protocol::JoinGroupResponse> ClassicMembers::park_join(
    ClassicMember& member, Answer<protocol::JoinGroupResponse> answer) {
  auto before = take_join(member);
  member.join_answer = std::move(answer);
  ++awaiting_join_;
  return before;
}

Answer<protocol::JoinGroupResponse> ClassicMembers::take_join(ClassicMember& member) {
  if (member.awaits_join()) --awaiting_join_;
  return std::exchange(member.join_answer, {});
}

bool ClassicMembers::remove_pending(std::string_view id) {
  const auto place = pending_.find(id);
  if (place == pending_.end()) return false;
  pending_.erase(place);
  return true;
}

ClassicMember* ClassicMembers::find(std::string_view id) {
  const auto place = members_.find(id);
  return place == members_.end() ? nullptr : &place->second;
}

const std::string* ClassicMembers::static_id(std::string_view instance_id) const {
  const auto place = static_ids_.find(instance_id);
  return place == static_ids_.end() ? nullptr : &place->second;
}

base::Milliseconds ClassicMembers::rebalance_timeout() const {
  std::int32_t longest = 0;
  for (const auto& [id, member] : members_)
    longest = std::max(longest, member.rebalance_timeout_ms);
  return base::Milliseconds(longest);
}

bool ClassicMembers::elect_joined_leader() {
  if (leader_) {
    const ClassicMember* leader = find(*leader_);
    if (leader != nullptr && leader->awaits_join()) return true;
  }
  for (const auto& [id, member] : members_) {
    if (!member.awaits_join()) continue;
    leader_ = id;
    return true;
  }
  return false;
}

bool ClassicMembers::support_any(const std::vector<Protocol>& protocols) const {
  return std::ranges::any_of(protocols, [this](const Protocol& protocol) {
    const auto place = supporters_.find(protocol.name);
    return (place == supporters_.end() ? 0 : place->second) == members_.size();
  });
}

std::optional<std::string> ClassicMembers::vote() const {
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    const auto choice = std::ranges::find_if(member.protocols, [this](const Protocol& protocol) {
      return supporters_.find(protocol.name)->second == members_.size();
    });
    if (choice != member.protocols.end()) ++votes[choice->name];
  }
  if (votes.empty()) return std::nullopt;
  const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
  return std::string(std::ranges::max_element(votes, fewer)->first);
}

void ClassicMembers::count_protocols(const ClassicMember& member, bool add) {
  for (const Protocol& protocol : member.protocols) {
    const auto place = supporters_.try_emplace(protocol.name, 0).first;
    if (add)
      ++place->second;
    else if (--place->second == 0)
      supporters_.erase(place);
  }
}

}  // namespace moldau::group
