#include "member.hpp"

#include <algorithm>
#include <utility>

namespace moldau::mbench {
namespace {

enum Tag : int { tag_join, tag_sync, tag_beat, tag_leave };

constexpr std::int64_t classic_interval_ns = 3'000'000'000;  // a consumer's default

}  // namespace

void Member::advance(std::int64_t now) {
  if (!open() || due_ns_ > now) return;
  due_ns_ = INT64_MAX;
  act(now);
  flush();
}

ClassicMember::ClassicMember(Loop& loop, const MemberSpec& spec, MemberTally& tally)
    : Member(loop, spec, tally) {
  who_.group = spec.group;
}

void ClassicMember::join(std::int64_t now) {
  joining_ = true;
  settled_ = false;
  due_ns_ = INT64_MAX;
  request(join_request(who_, spec_.topic, {}), tag_join, now);
  flush();
}

void ClassicMember::leave(std::int64_t now) {
  settled_ = false;
  due_ns_ = INT64_MAX;
  request(leave_request(who_), tag_leave, now);
  flush();
}

void ClassicMember::act(std::int64_t now) {
  if (joining_) return join(now);
  request(heartbeat_request(who_), tag_beat, now);
}

void ClassicMember::on_answer(const Sent& sent, Reader body, std::int64_t now) {
  ++tally_.requests;
  switch (sent.tag) {
    case tag_join:
      return joined(parse_join(body), now);
    case tag_sync:
      return synced(parse_sync(body), now);
    case tag_beat:
      ++tally_.heartbeats;
      tally_.heartbeat_latency.record(now - sent.at_ns);
      return beaten(plain_error(body), now);
    default:
      gone_ = true;
      if (const auto error = plain_error(body); error != 0) fail(error);
  }
}

void ClassicMember::joined(const JoinAnswer& answer, std::int64_t now) {
  if (answer.error == group_error::member_id_required) {
    who_.member_id = answer.member_id;
    return join(now);
  }
  if (answer.error != 0) return rejoin(answer.error, now);
  joining_ = false;
  who_.member_id = answer.member_id;
  who_.generation = answer.generation;
  std::vector<MemberShare> shares;
  if (answer.leader == answer.member_id) shares = equal_shares(answer.members, spec_.partitions);
  request(sync_request(who_, spec_.topic, shares), tag_sync, now);
}

void ClassicMember::synced(SyncAnswer answer, std::int64_t now) {
  if (answer.error != 0) return rejoin(answer.error, now);
  partitions_ = std::move(answer.partitions);
  settle();
  due_ns_ = now + (spec_.interval_ns > 0 ? spec_.interval_ns : classic_interval_ns);
}

void ClassicMember::beaten(std::int16_t error, std::int64_t now) {
  if (error != 0) return rejoin(error, now);
  due_ns_ = now + (spec_.interval_ns > 0 ? spec_.interval_ns : classic_interval_ns);
}

void ClassicMember::rejoin(std::int16_t error, std::int64_t now) {
  using namespace group_error;
  if (error == unknown_member_id) who_ = {spec_.group, "", -1};
  if (is_retriable(error)) {
    joining_ = true;
    due_ns_ = now + retry_ns;
  } else if (error == rebalance_in_progress || error == illegal_generation ||
             error == unknown_member_id) {
    ++tally_.rejoins;
    join(now);
  } else {
    fail(error);
  }
}

ConsumerMember::ConsumerMember(Loop& loop, const MemberSpec& spec, MemberTally& tally,
                               std::size_t number)
    : Member(loop, spec, tally) {
  beat_.group = spec.group;
  beat_.topic = spec.topic;
  // Any text of the client's choosing that nobody else in the group uses.
  beat_.member_id = "member-" + std::to_string(now_ns()) + "-" + std::to_string(number);
  who_ = {beat_.group, beat_.member_id, 0};
}

void ConsumerMember::join(std::int64_t now) {
  beat_.epoch = 0;
  beat_.owned.clear();
  partitions_.clear();
  beat(true, now);
  flush();
}

void ConsumerMember::leave(std::int64_t now) {
  settled_ = false;
  due_ns_ = INT64_MAX;
  beat_.epoch = -1;
  request(consumer_heartbeat_request(beat_), tag_leave, now);
  flush();
}

void ConsumerMember::act(std::int64_t now) {
  if (beat_.epoch == 0) return join(now);
  beat(false, now);
}

void ConsumerMember::beat(bool tell_owned, std::int64_t now) {
  beat_.tell_owned = tell_owned;
  settled_ = settled_ && !tell_owned;
  due_ns_ = INT64_MAX;
  request(consumer_heartbeat_request(beat_), tag_beat, now);
}

void ConsumerMember::on_answer(const Sent& sent, Reader body, std::int64_t now) {
  using namespace group_error;
  ++tally_.requests;
  ConsumerBeatAnswer answer = parse_consumer_heartbeat(body);
  if (sent.tag == tag_leave) {
    gone_ = true;
    if (answer.error != 0) fail(answer.error);
    return;
  }
  ++tally_.heartbeats;
  tally_.heartbeat_latency.record(now - sent.at_ns);
  if (is_retriable(answer.error)) {
    due_ns_ = now + retry_ns;
    return;
  }
  if (answer.error == unknown_member_id || answer.error == fenced_member_epoch) {
    ++tally_.rejoins;
    return join(now);
  }
  if (answer.error != 0) return fail(answer.error);
  beat_.epoch = who_.generation = answer.epoch;
  if (answer.has_assignment) {
    beat_.topic_id = answer.topic_id;
    beat_.owned = partitions_ = std::move(answer.partitions);
    return beat(true, now);
  }
  settle();
  const std::int64_t told_ns = std::int64_t{answer.interval_ms} * 1'000'000;
  due_ns_ = now + (spec_.interval_ns > 0 ? spec_.interval_ns : told_ns);
}

std::unique_ptr<Member> make_member(bool classic, Loop& loop, const MemberSpec& spec,
                                    MemberTally& tally, std::size_t number) {
  if (classic) return std::make_unique<ClassicMember>(loop, spec, tally);
  return std::make_unique<ConsumerMember>(loop, spec, tally, number);
}

bool are_equal_shares(const std::vector<std::vector<std::int32_t>>& shares,
                      std::int32_t partitions) {
  if (shares.empty()) return partitions == 0;
  std::vector<bool> owned(static_cast<std::size_t>(partitions));
  std::size_t total = 0, least = SIZE_MAX, most = 0;
  for (const auto& share : shares) {
    least = std::min(least, share.size());
    most = std::max(most, share.size());
    total += share.size();
    for (const auto partition : share) {
      if (partition < 0 || partition >= partitions) return false;
      if (owned[static_cast<std::size_t>(partition)]) return false;
      owned[static_cast<std::size_t>(partition)] = true;
    }
  }
  return total == owned.size() && most - least <= 1;
}

bool is_stable(const std::vector<const Member*>& members, std::int32_t partitions, bool classic) {
  for (const Member* member : members) {
    if (!member->settled()) return false;
    if (classic && member->generation() != members.front()->generation()) return false;
  }
  std::vector<std::vector<std::int32_t>> shares;
  for (const Member* member : members) shares.push_back(member->partitions());
  return are_equal_shares(shares, partitions);
}

}  // namespace moldau::mbench
