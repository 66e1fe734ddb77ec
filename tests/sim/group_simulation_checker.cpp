#include "tests/sim/group_simulation_checker.hpp"

#include <algorithm>

#include "tests/sim/group_simulation_client.hpp"

namespace moldau::group::sim {
namespace {

/// Far more than so few members can ever need.
constexpr std::size_t deadlines_max = 64;

bool is_rebalancing(const std::string& state) {
  return state == "PreparingRebalance" || state == "CompletingRebalance";
}

}  // namespace

Checker::Checker(World& world) : world_(world) {
  world_.host.on_written = [this](const auto& written) { on_written(written); };
  world_.host.on_durable = [this](const auto& written) { on_durable(written); };
  world_.after_step = [this] { check(); };
}

void Checker::fail(const std::string& what) const {
  throw Violation(what);
}

// --- What is seen.

void Checker::on_written(const GroupHost::Written& written) {
  written.apply_to(*shadow_);
  has_new_records_ = has_new_records_ || !written.records.empty() || written.marker;
  for (const auto& record : written.records) {
    world_.trace("  record ", record.index(), " of ", group_of(record));
    const auto* consumer = std::get_if<ConsumerGroupMetadataRecord>(&record);
    if (consumer == nullptr || consumer->value) continue;
    auto& seen = groups_[consumer->group_id];
    seen.epoch_floor = 0;
    seen.member_epochs.clear();
  }
}

void Checker::on_durable(const GroupHost::Written& written) {
  if (written.marker) on_marker_in_log();
  for (const auto& record : written.records) {
    if (written.producer) {
      const auto* offset = std::get_if<OffsetCommitRecord>(&record);
      marked_.at(offset->value->metadata).is_in_log = true;
    }
    // A group that is handed from one protocol to the other says where it goes on counting.
    if (const auto* classic = std::get_if<GroupMetadataRecord>(&record)) {
      groups_[classic->group_id].newest_generation =
          classic->value ? classic->value->generation : -1;
    } else if (const auto* consumer = std::get_if<ConsumerGroupMetadataRecord>(&record)) {
      auto& seen = groups_[consumer->group_id];
      if (!seen.is_consumer_in_log) seen.told_epoch = 0;
      seen.is_consumer_in_log = consumer->value.has_value();
    }
  }
}

void Checker::on_joined(const std::string& group_id, const protocol::JoinGroupResponse& response) {
  auto& seen = groups_[group_id];
  // In a consumer group nobody leads, and its epochs do not begin with everybody's joining.
  if (response.leader.empty()) {
    on_told_epoch(group_id, response.generation_id);
  } else {
    if (response.generation_id < seen.newest_generation)
      fail("a member of " + group_id + " joined generation " +
           std::to_string(response.generation_id) + " after " +
           std::to_string(seen.newest_generation));
    if (response.generation_id > seen.newest_generation) {
      seen.valid_ids.clear();
      ++tally.generations;
    }
    seen.newest_generation = response.generation_id;
  }
  seen.valid_ids.insert(response.member_id);
}

void Checker::on_beat(const std::string& group_id, const std::string& member_id) {
  groups_[group_id].valid_ids.insert(member_id);
}

void Checker::on_taken(const SimClient& client, const TopicPartition& partition) {
  if (members_[client.plan().group_id].contains(client.member_id()))
    lost_[&client].erase(partition);
  else
    lost_[&client].insert(partition);
}

void Checker::on_told_epoch(const std::string& group_id, std::int32_t epoch) {
  auto& told = groups_[group_id].told_epoch;
  told = std::max(told, epoch);
}

void Checker::on_commit(const protocol::OffsetCommitRequest& request,
                        const protocol::OffsetCommitResponse& response) {
  const auto& seen = groups_[request.group_id];
  for (const auto& topic : response.topics)
    for (const auto& partition : topic.partitions) {
      if (partition.error_code != ErrorCode::none) {
        ++tally.fenced_commits;
        continue;
      }
      ++tally.commits;
      if (request.member_id.empty()) continue;
      if (!members_[request.group_id].contains(request.member_id))
        fail("a commit of " + request.member_id + ", who is not a member, was taken");
      if (seen.type == "classic" && request.generation_id_or_member_epoch < seen.newest_generation)
        fail("a commit of generation " + std::to_string(request.generation_id_or_member_epoch) +
             " was taken in " + std::to_string(seen.newest_generation));
    }
}

void Checker::on_committed(const protocol::OffsetCommitRequest& request,
                           const protocol::OffsetCommitResponse& response) {
  auto& seen = groups_[request.group_id];
  for (std::size_t t = 0; t < response.topics.size(); ++t)
    for (std::size_t p = 0; p < response.topics[t].partitions.size(); ++p) {
      if (response.topics[t].partitions[p].error_code != ErrorCode::none) continue;
      const auto& asked = request.topics[t].partitions[p];
      const TopicPartition partition{request.topics[t].name, asked.partition_index};
      // What was deleted while the answer was on its way is gone.
      if (!seen.last.contains(partition)) continue;
      auto& acked = seen.acked[partition];
      acked = std::max(acked, asked.committed_offset.value());
    }
}

void Checker::on_txn_commit(const protocol::TxnOffsetCommitRequest& request,
                            const protocol::TxnOffsetCommitResponse& response) {
  const auto& seen = groups_[request.group_id];
  for (std::size_t t = 0; t < response.topics.size(); ++t)
    for (std::size_t p = 0; p < response.topics[t].partitions.size(); ++p) {
      if (response.topics[t].partitions[p].error_code != ErrorCode::none) {
        if (!request.member_id.empty()) ++tally.fenced_commits;
        continue;
      }
      ++tally.commits;
      if (!request.member_id.empty() && !members_[request.group_id].contains(request.member_id))
        fail("a transaction's commit of " + request.member_id + ", who is not a member, was taken");
      if (seen.type == "classic" && request.generation_id < seen.newest_generation)
        fail("a transaction's commit of generation " + std::to_string(request.generation_id) +
             " was taken in " + std::to_string(seen.newest_generation));
      const auto& asked = request.topics[t].partitions[p];
      marked_[*asked.committed_metadata] = {Marked::Fate::open,
                                            request.producer_id,
                                            request.group_id,
                                            {request.topics[t].name, asked.partition_index},
                                            asked.committed_offset.value()};
    }
}

base::Task Checker::on_marker(const coordinator::Marker& marker) {
  std::vector<Marked> committed;
  for (auto& [mark, marked] : marked_) {
    if (marked.producer != marker.producer.id || marked.fate != Marked::Fate::open) continue;
    marked.fate = marker.commit ? Marked::Fate::counts : Marked::Fate::aborted;
    ++(marker.commit ? tally.txn_commits : tally.txn_aborts);
    if (marker.commit) committed.push_back(marked);
  }
  return [this, committed = std::move(committed)] {
    for (const auto& marked : committed) {
      auto& seen = groups_[marked.group_id];
      if (!seen.last.contains(marked.partition)) continue;
      auto& acked = seen.acked[marked.partition];
      acked = std::max(acked, marked.offset);
    }
  };
}

void Checker::on_fetched(const protocol::OffsetFetchResponse::Group& response) {
  std::map<TopicPartition, std::string> open;
  for (const auto& [mark, marked] : marked_)
    if (marked.group_id == response.group_id && marked.fate == Marked::Fate::open)
      open[marked.partition] = mark;
  for (const auto& topic : response.topics)
    for (const auto& partition : topic.partitions) {
      if (partition.error_code == ErrorCode::unstable_offset_commit) ++tally.unstable_fetches;
      if (partition.error_code != ErrorCode::none) continue;
      const auto place = open.find({topic.name, partition.partition_index});
      if (place != open.end())
        fail("the offset of " + topic.name + "-" +
             std::to_string(partition.partition_index.value()) + " of " + response.group_id +
             " was told although " + place->second + " may change it");
    }
}

void Checker::check_nothing_pending() const {
  if (const auto count = world_.host.machine().pending_offset_count(); count > 0)
    fail(std::to_string(count) + " offsets are pending, and no transaction is open");
}

void Checker::check_marks(const std::string& group_id) const {
  protocol::OffsetFetchRequest::Group request;
  request.group_id = group_id;
  request.topics.reset();
  const auto fetched = world_.host.look([&](const Machine& machine, Step& step) {
    return machine.offset_fetch(step, {{}, 8}, request, false);
  });
  for (const auto& topic : fetched.topics)
    for (const auto& partition : topic.partitions) {
      const auto place = marked_.find(partition.metadata.value_or(""));
      if (place == marked_.end()) continue;
      const auto fate = place->second.fate;
      if (fate == Marked::Fate::open || fate == Marked::Fate::aborted)
        fail("the offset of " + topic.name + "-" +
             std::to_string(partition.partition_index.value()) + " of " + group_id + " is that of " +
             place->first + ", whose transaction " +
             (fate == Marked::Fate::open ? "is open" : "was aborted"));
    }
}

void Checker::forget_marked(const std::function<bool(const Marked&)>& is_deleted) {
  for (auto& [mark, marked] : marked_)
    if (is_deleted(marked)) marked.fate = Marked::Fate::deleted;
}

void Checker::on_expelled(const SimClient& client, ErrorCode code) {
  world_.trace(client.plan().name, " is expelled: ", protocol::name(code));
  if (world_.is_quiet && world_.quiet_for() > 40s)
    fail(client.plan().name + " beats in time and is told " + std::string(protocol::name(code)));
}

void Checker::forget_offsets(const std::string& group_id) {
  groups_[group_id].last.clear();
  groups_[group_id].acked.clear();
  forget_marked([&](const Marked& marked) { return marked.group_id == group_id; });
}

void Checker::forget_offsets_of_topic(const std::string& topic) {
  const auto is_of = [&](const auto& entry) { return entry.first.topic == topic; };
  for (auto& [id, seen] : groups_) {
    std::erase_if(seen.last, is_of);
    std::erase_if(seen.acked, is_of);
  }
  forget_marked([&](const Marked& marked) { return marked.partition.topic == topic; });
}

void Checker::on_crash() {
  ++tally.crashes;
  shadow_ = world_.host.folded();
  std::erase_if(marked_, [](const auto& entry) { return !entry.second.is_in_log; });
  check_fold(*world_.host.folded(true), true);
  check_states();
  for (auto& [id, seen] : groups_) {
    seen.last.clear();
    seen.member_epochs.clear();
    seen.epoch_floor = seen.type == "consumer" ? seen.told_epoch : 0;
    if (seen.type != "classic") continue;
    // Generations that were not yet assigned are as if they had never been.
    const auto record = world_.host.newest_group_record(id);
    seen.newest_generation = record ? record->generation : -1;
    seen.valid_ids.clear();
    for (const auto* client : clients)
      if (client->plan().group_id == id && client->epoch() == seen.newest_generation)
        seen.valid_ids.insert(client->member_id());
  }
}

// --- What has to hold.

void Checker::check() {
  ++tally.steps;
  check_states();
  check_owners();
  if (world_.host.machine().deadlines().size() > deadlines_max)
    fail(std::to_string(world_.host.machine().deadlines().size()) + " deadlines");
  if (!std::exchange(has_new_records_, false) && !world_.chance(5)) return;
  for (auto& [id, seen] : groups_) {
    check_epochs(id, seen);
    check_offsets(id, seen);
    check_marks(id);
  }
  check_fold(*shadow_, false);
}

void Checker::check_states() {
  std::map<std::string, protocol::ListGroupsResponse::Group> listed;
  for (auto& group : world_.host.machine().list({})) listed[group.group_id] = std::move(group);
  for (const auto& [id, group] : listed) groups_.try_emplace(id);
  for (auto& [id, seen] : groups_) {
    const auto place = listed.find(id);
    const std::string state = place == listed.end() ? "none" : place->second.group_state;
    const std::string type = place == listed.end() ? "" : place->second.group_type;
    if (state != seen.state || type != seen.type)
      world_.trace("  ", id, ": ", seen.type, " ", seen.state, " -> ", type, " ", state);
    const bool was_live = seen.state != "none" && seen.state != "Empty";
    if (was_live && seen.type == "classic" && type == "consumer") ++tally.upgrades;
    if (was_live && seen.type == "consumer" && type == "classic") ++tally.downgrades;
    seen.state = state;
    seen.type = type;
    std::set<std::string> members;
    if (type == "classic") {
      for (const auto& member : world_.host.machine().describe_classic({}, id).members)
        members.insert(member.member_id);
    } else if (type == "consumer") {
      world_.host.look([&](const Machine& machine, Step& step) {
        for (const auto& member : machine.describe_consumer(step, {}, id).members)
          members.insert(member.member_id);
      });
    }
    note_lost(id, members);
    members_[id] = std::move(members);
  }
}

void Checker::note_lost(const std::string& group_id, const std::set<std::string>& members) {
  const auto& before = members_[group_id];
  for (const auto* client : clients) {
    if (client->plan().group_id != group_id) continue;
    const auto& member_id = client->member_id();
    if (!before.contains(member_id) || members.contains(member_id)) continue;
    for (const auto& [partition, position] : client->held()) lost_[client].insert(partition);
  }
}

void Checker::check_owners() const {
  std::map<std::pair<std::string, TopicPartition>, const SimClient*> owners;
  for (const auto* client : clients) {
    const auto& id = client->plan().group_id;
    const auto group = groups_.find(id);
    if (group == groups_.end() || client->held().empty()) continue;
    if (!members_.at(id).contains(client->member_id()) ||
        !group->second.valid_ids.contains(client->member_id()))
      continue;
    const auto lost = lost_.find(client);
    for (const auto& [partition, position] : client->held()) {
      if (lost != lost_.end() && lost->second.contains(partition)) continue;
      const auto [place, is_new] = owners.try_emplace({id, partition}, client);
      if (!is_new)
        fail(partition.topic + "-" + std::to_string(partition.partition.value()) + " of " + id +
             " is owned by " + place->second->plan().name + " and " + client->plan().name);
    }
  }
}

void Checker::check_epochs(const std::string& group_id, Seen& seen) {
  if (seen.type != "consumer") return;
  const auto group = world_.host.look([&](const Machine& machine, Step& step) {
    return machine.describe_consumer(step, {}, group_id);
  });
  if (group.group_epoch < seen.epoch_floor)
    fail("the epoch of " + group_id + " went from " + std::to_string(seen.epoch_floor) + " to " +
         std::to_string(group.group_epoch));
  if (group.assignment_epoch > group.group_epoch)
    fail("the assignment of " + group_id + " is ahead of its epoch");
  seen.epoch_floor = group.group_epoch;
  std::map<std::string, std::int32_t> epochs;
  for (const auto& member : group.members) {
    const auto epoch = member.member_epoch;
    if (epoch > group.group_epoch) fail(member.member_id + " is ahead of its group's epoch");
    const auto before = seen.member_epochs.find(member.member_id);
    if (before != seen.member_epochs.end() && epoch < before->second && epoch != -2)
      fail("the epoch of " + member.member_id + " went from " + std::to_string(before->second) +
           " to " + std::to_string(epoch));
    epochs[member.member_id] = epoch;
  }
  seen.member_epochs = std::move(epochs);
}

std::map<TopicPartition, std::int64_t> Checker::committed(const std::string& group_id) const {
  protocol::OffsetFetchRequest::Group request;
  request.group_id = group_id;
  request.topics.reset();
  std::map<TopicPartition, std::int64_t> offsets;
  const auto fetched = world_.host.look([&](const Machine& machine, Step& step) {
    return machine.offset_fetch(step, {{}, 8}, request, false);
  });
  for (const auto& topic : fetched.topics)
    for (const auto& partition : topic.partitions)
      offsets[{topic.name, partition.partition_index}] = partition.committed_offset.value();
  return offsets;
}

void Checker::check_offsets(const std::string& group_id, Seen& seen) {
  if (seen.is_in_any_order) return;
  auto now = committed(group_id);
  for (const auto* floor : {&seen.acked, &seen.last})
    for (const auto& [partition, offset] : *floor) {
      const auto place = now.find(partition);
      if (place == now.end() || place->second < offset)
        fail("the offset of " + partition.topic + "-" +
             std::to_string(partition.partition.value()) + " of " + group_id + " went from " +
             std::to_string(offset) + " to " +
             (place == now.end() ? "nothing" : std::to_string(place->second)));
    }
  seen.last = std::move(now);
}

std::string Checker::described_text(const Machine& machine, const std::string& group_id) const {
  std::string text;
  const auto classic = machine.describe_classic({}, group_id);
  text += classic.group_state + " " + classic.protocol_data;
  for (const auto& m : classic.members)
    text += "\n" + m.member_id + " " + m.group_instance_id.value_or("-") + " " + m.client_id + " " +
            std::string(m.member_metadata.begin(), m.member_metadata.end()) + " " +
            std::string(m.member_assignment.begin(), m.member_assignment.end());
  const auto consumer = world_.host.look(
      [&](const Machine&, Step& step) { return machine.describe_consumer(step, {}, group_id); });
  text += "\n" + consumer.group_state + " " + std::to_string(consumer.group_epoch) + " " +
          std::to_string(consumer.assignment_epoch);
  const auto add = [&](const protocol::ConsumerGroupDescribeResponse::Assignment& assignment) {
    for (const auto& topic : assignment.topic_partitions) {
      text += " " + topic.topic_name;
      for (const auto partition : topic.partitions) text += "," + std::to_string(partition.value());
    }
    text += ";";
  };
  for (const auto& m : consumer.members) {
    text += "\n" + m.member_id + " " + m.instance_id.value_or("-") + " " +
            std::to_string(m.member_epoch) + " " + m.client_id + " " +
            std::to_string(m.member_type) + m.subscribed_topic_regex.value_or("-");
    for (const auto& topic : m.subscribed_topic_names) text += "," + topic;
    add(m.assignment);
    add(m.target_assignment);
  }
  return text;
}

std::string Checker::committed_text(const Machine& machine, const std::string& group_id) const {
  protocol::OffsetFetchRequest::Group request;
  request.group_id = group_id;
  request.topics.reset();
  std::string text;
  for (const bool require_stable : {false, true}) {
    const auto fetched = world_.host.look([&](const Machine&, Step& step) {
      return machine.offset_fetch(step, {{}, 8}, request, require_stable);
    });
    for (const auto& topic : fetched.topics)
      for (const auto& partition : topic.partitions)
        text += " " + topic.name + "-" + std::to_string(partition.partition_index.value()) + "=" +
                (partition.error_code == ErrorCode::none
                     ? std::to_string(partition.committed_offset.value())
                     : std::string(protocol::name(partition.error_code)));
    if (!require_stable) text += " (stable:";
  }
  return text + ")";
}

void Checker::check_fold(const Machine& folded, bool with_rebalances) const {
  const auto& live = world_.host.machine();
  for (const auto& [id, seen] : groups_) {
    const auto of_live = committed_text(live, id);
    const auto of_log = committed_text(folded, id);
    if (of_live != of_log) fail("offsets of " + id + ":" + of_live + "; by the log:" + of_log);
    // A classic group that rebalances is not in the log as it is; the log may not know an empty
    // one.
    if (is_rebalancing(seen.state) && !with_rebalances) continue;
    const auto described = described_text(live, id);
    const auto by_log = described_text(folded, id);
    const bool is_nothing = seen.state == "Empty" && by_log.starts_with("Dead");
    if (described != by_log && !is_nothing)
      fail(id + " is\n" + described + "\nand by the log\n" + by_log);
  }
}

void Checker::check_quiet() {
  check_fold(*world_.host.folded(false), false);
  check_fold(*world_.host.folded(true), false);
  std::size_t members = 0;
  for (const auto& [id, seen] : groups_) {
    if (seen.state != "Stable" && seen.state != "Empty" && seen.state != "none")
      fail(id + " is still " + seen.state);
    members += members_[id].size();
    const auto alive = static_cast<std::size_t>(std::ranges::count_if(
        clients, [&](const auto* c) { return c->is_alive() && c->plan().group_id == id; }));
    if (members_[id].size() != alive)
      fail(id + " has " + std::to_string(members_[id].size()) + " members, and " +
           std::to_string(alive) + " clients are alive");
  }
  // A session for each member, and nothing else is due.
  if (world_.host.machine().deadlines().size() != members)
    fail(std::to_string(world_.host.machine().deadlines().size()) + " deadlines of " +
         std::to_string(members) + " members");
  check_coverage();
}

void Checker::check_coverage() const {
  for (const auto* client : clients) {
    if (!client->is_alive()) continue;
    for (const auto& topic : client->plan().topics) {
      const auto* image = world_.host.topics().image().find_topic(topic);
      if (image == nullptr) continue;
      for (std::int32_t i = 0; i < static_cast<std::int32_t>(image->partitions.size()); ++i) {
        const auto owners = std::ranges::count_if(clients, [&](const auto* other) {
          return other->is_alive() && other->plan().group_id == client->plan().group_id &&
                 other->holds({topic, PartitionIndex{i}});
        });
        if (owners != 1)
          fail(topic + "-" + std::to_string(i) + " of " + client->plan().group_id + " has " +
               std::to_string(owners) + " owners");
      }
    }
  }
}

}  // namespace moldau::group::sim
