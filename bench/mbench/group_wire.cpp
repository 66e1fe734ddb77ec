#include "group_wire.hpp"

#include <algorithm>
#include <stdexcept>

#include "admin.hpp"

namespace moldau::mbench {
namespace {

constexpr std::string_view protocol_type = "consumer", protocol_name = "range";

void require_read(const Reader& reader, const char* what) {
  if (!reader.ok()) throw std::runtime_error(std::string(what) + ": the answer is cut short");
}

// The consumers' own formats inside JoinGroup and SyncGroup, version 0 of each, with the old
// fixed-size lengths.
Bytes subscription(const std::string& topic) {
  Writer out;
  out.be(std::int16_t{0}).be(std::int32_t{1}).string(topic).be(std::int32_t{-1});
  return out.bytes();
}

Bytes assignment(const std::string& topic, const std::vector<std::int32_t>& partitions) {
  Writer out;
  out.be(std::int16_t{0}).be(std::int32_t{partitions.empty() ? 0 : 1});
  if (!partitions.empty()) {
    out.string(topic).be(static_cast<std::int32_t>(partitions.size()));
    for (const auto partition : partitions) out.be(partition);
  }
  out.be(std::int32_t{-1});
  return out.bytes();
}

std::vector<std::int32_t> read_partitions(Reader& reader, std::size_t count) {
  std::vector<std::int32_t> partitions;
  for (; count > 0 && reader.ok(); --count) partitions.push_back(reader.be<std::int32_t>());
  return partitions;
}

Writer member_head(std::int16_t api, std::int16_t version, const Membership& who) {
  Writer out = request_head(api, version, 0);
  out.compact_string(who.group).be(who.generation).compact_string(who.member_id).compact_null();
  return out;
}

}  // namespace

CommitFrame commit_frame(const Membership& who, const std::string& topic, std::int32_t partition) {
  Writer out = member_head(api_offset_commit, 9, who);
  out.compact_array(1).compact_string(topic).compact_array(1).be(partition);
  const std::size_t offset_at = out.size();
  out.be(std::int64_t{0}).be(std::int32_t{-1}).compact_string("");
  out.no_tags().no_tags().no_tags();
  return {std::move(out.bytes()), offset_at};
}

std::int16_t commit_error(Reader answer) {
  answer.be<std::int32_t>();
  answer.compact_size();
  answer.compact_string();
  answer.compact_size();
  answer.be<std::int32_t>();
  const auto error = answer.be<std::int16_t>();
  require_read(answer, "OffsetCommit");
  return error;
}

Writer join_request(const Membership& who, const std::string& topic, Timeouts timeouts) {
  Writer out = request_head(api_join_group, 9, 0);
  out.compact_string(who.group).be(timeouts.session_ms).be(timeouts.rebalance_ms);
  out.compact_string(who.member_id).compact_null().compact_string(protocol_type);
  out.compact_array(1).compact_string(protocol_name).compact_bytes(subscription(topic)).no_tags();
  out.compact_null().no_tags();
  return out;
}

JoinAnswer parse_join(Reader answer) {
  JoinAnswer out;
  answer.be<std::int32_t>();
  out.error = answer.be<std::int16_t>();
  out.generation = answer.be<std::int32_t>();
  answer.compact_string();
  answer.compact_string();
  out.leader = answer.compact_string();
  answer.be<std::int8_t>();
  out.member_id = answer.compact_string();
  for (std::size_t left = answer.compact_size(); left > 0 && answer.ok(); --left) {
    out.members.emplace_back(answer.compact_string());
    answer.compact_string();
    answer.skip(answer.compact_size());
    answer.tags();
  }
  require_read(answer, "JoinGroup");
  return out;
}

std::vector<MemberShare> equal_shares(const std::vector<std::string>& members,
                                      std::int32_t partitions) {
  std::vector<MemberShare> shares;
  std::int32_t next = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto left = static_cast<std::int32_t>(members.size() - i);
    MemberShare share{members[i], {}};
    for (std::int32_t size = (partitions - next + left - 1) / left; size > 0; --size) {
      share.partitions.push_back(next++);
    }
    shares.push_back(std::move(share));
  }
  return shares;
}

Writer sync_request(const Membership& who, const std::string& topic,
                    const std::vector<MemberShare>& shares) {
  Writer out = member_head(api_sync_group, 5, who);
  out.compact_string(protocol_type).compact_string(protocol_name).compact_array(shares.size());
  for (const auto& share : shares) {
    out.compact_string(share.member_id).compact_bytes(assignment(topic, share.partitions));
    out.no_tags();
  }
  out.no_tags();
  return out;
}

SyncAnswer parse_sync(Reader answer) {
  SyncAnswer out;
  answer.be<std::int32_t>();
  out.error = answer.be<std::int16_t>();
  answer.compact_string();
  answer.compact_string();
  const std::size_t size = answer.compact_size();
  require_read(answer, "SyncGroup");
  if (size == 0) return out;
  answer.be<std::int16_t>();
  for (auto topics = answer.be<std::int32_t>(); topics > 0 && answer.ok(); --topics) {
    answer.skip(static_cast<std::size_t>(std::max<std::int16_t>(answer.be<std::int16_t>(), 0)));
    const auto count = std::max(answer.be<std::int32_t>(), 0);
    for (const auto partition : read_partitions(answer, static_cast<std::size_t>(count))) {
      out.partitions.push_back(partition);
    }
  }
  require_read(answer, "SyncGroup");
  return out;
}

Writer heartbeat_request(const Membership& who) {
  Writer out = member_head(api_heartbeat, 4, who);
  out.no_tags();
  return out;
}

Writer leave_request(const Membership& who) {
  Writer out = request_head(api_leave_group, 5, 0);
  out.compact_string(who.group).compact_array(1);
  out.compact_string(who.member_id).compact_null().compact_null().no_tags().no_tags();
  return out;
}

std::int16_t plain_error(Reader answer) {
  answer.be<std::int32_t>();
  const auto error = answer.be<std::int16_t>();
  require_read(answer, "Heartbeat or LeaveGroup");
  return error;
}

Writer consumer_heartbeat_request(const ConsumerBeat& beat) {
  const bool joins = beat.epoch == 0;
  Writer out = request_head(api_consumer_group_heartbeat, 1, 0);
  out.compact_string(beat.group).compact_string(beat.member_id).be(beat.epoch);
  out.compact_null().compact_null();  // instance, rack
  out.be(joins ? Timeouts{}.rebalance_ms : std::int32_t{-1});
  if (joins) {
    out.compact_array(1).compact_string(beat.topic);
  } else {
    out.compact_null();
  }
  out.compact_null().compact_null();  // regular expression, assignor
  if (!joins && !beat.tell_owned) {
    out.compact_null();
  } else if (beat.owned.empty()) {
    out.compact_array(0);
  } else {
    out.compact_array(1).raw(beat.topic_id.data(), beat.topic_id.size());
    out.compact_array(beat.owned.size());
    for (const auto partition : beat.owned) out.be(partition);
    out.no_tags();
  }
  out.no_tags();
  return out;
}

ConsumerBeatAnswer parse_consumer_heartbeat(Reader answer) {
  ConsumerBeatAnswer out;
  answer.be<std::int32_t>();
  out.error = answer.be<std::int16_t>();
  out.message = answer.compact_string();
  answer.compact_string();
  out.epoch = answer.be<std::int32_t>();
  out.interval_ms = answer.be<std::int32_t>();
  out.has_assignment = answer.be<std::int8_t>() >= 0;
  if (out.has_assignment) {
    for (std::size_t topics = answer.compact_size(); topics > 0 && answer.ok(); --topics) {
      for (auto& byte : out.topic_id) byte = answer.be<std::uint8_t>();
      const std::size_t count = answer.compact_size();
      for (const auto partition : read_partitions(answer, count)) {
        out.partitions.push_back(partition);
      }
      answer.tags();
    }
  }
  require_read(answer, "ConsumerGroupHeartbeat");
  return out;
}

}  // namespace moldau::mbench
