#include "tests/scenario/group_scenario.hpp"

#include <algorithm>
#include <stdexcept>

#include "moldau/group/consumer_protocol.hpp"

namespace moldau::scenario {
namespace {

using group::Caller;
using group::Machine;
using group::Step;
using protocol::ErrorCode;

/// "foo-0,1" or "foo-3" as a topic and its partitions.
std::pair<std::string, std::vector<std::int32_t>> partitions_in(const std::string& text) {
  const auto dash = text.rfind('-');
  if (dash == std::string::npos) throw std::runtime_error("not partitions: " + text);
  std::vector<std::int32_t> indexes;
  for (const auto& index : split(std::string_view(text).substr(dash + 1), ','))
    indexes.push_back(std::stoi(index));
  return {text.substr(0, dash), indexes};
}

std::vector<group::NamedTopicPartitions> named_partitions(const std::string& text) {
  std::vector<group::NamedTopicPartitions> list;
  for (const auto& part : split(text, ' ')) {
    auto [topic, indexes] = partitions_in(part);
    list.push_back({topic, indexes});
  }
  return list;
}

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

/// The bytes of an assignment: as a consumer's, or quoted with ' as they are.
std::vector<std::uint8_t> assignment_bytes(const std::string& text, bool custom) {
  if (text.starts_with('\'')) return bytes_of(text.substr(1, text.size() - 2));
  group::ConsumerAssignment assignment{named_partitions(text), {}};
  if (custom) assignment.user_data = bytes_of("custom");
  return group::encode_assignment(assignment, 3);
}

group::MigrationPolicy policy_of(const std::string& name) {
  if (name == "disabled") return group::MigrationPolicy::disabled;
  if (name == "upgrade") return group::MigrationPolicy::upgrade;
  if (name == "downgrade") return group::MigrationPolicy::downgrade;
  return group::MigrationPolicy::bidirectional;
}

}  // namespace

GroupScenario::GroupScenario(Transitions& seen) : seen_(seen) {
  host_.options.consumer_assignment_interval = base::Milliseconds{0};
  host_.on_written = [this](const auto& written) { written_.push_back(written); };
}

const std::map<std::string, GroupScenario::Verb, std::less<>>& GroupScenario::verbs() {
  static const std::map<std::string, Verb, std::less<>> table{
      {"options", &GroupScenario::set_options},
      {"topic", &GroupScenario::change_topic},
      {"delete-topic", &GroupScenario::delete_topic},
      {"pass", &GroupScenario::pass},
      {"restart", &GroupScenario::restart},
      {"deadlines", &GroupScenario::show_deadlines},
      {"expire-offsets", &GroupScenario::expire_offsets},
      {"join", &GroupScenario::join},
      {"sync", &GroupScenario::sync},
      {"heartbeat", &GroupScenario::heartbeat},
      {"leave", &GroupScenario::leave},
      {"beat", &GroupScenario::beat},
      {"commit", &GroupScenario::commit},
      {"fetch", &GroupScenario::fetch},
      {"txn-commit", &GroupScenario::commit_in_transaction},
      {"marker", &GroupScenario::write_marker},
      {"describe", &GroupScenario::describe},
      {"describe-consumer", &GroupScenario::describe_consumer},
      {"list", &GroupScenario::list},
      {"delete", &GroupScenario::delete_group},
      {"delete-offsets", &GroupScenario::delete_offsets},
  };
  return table;
}

std::string GroupScenario::run(const Command& command) {
  said_.clear();
  written_.clear();
  const auto verb = verbs().find(command.verb);
  if (verb == verbs().end()) throw std::runtime_error("no such command: " + command.verb);
  (this->*verb->second)(command);
  host_.flush();
  // Ids that were told in this very step are known by their names only now.
  for (const auto& written : written_) note_written(written);
  say_changed_states();
  expect_same_when_folded();
  return said_.empty() ? "ok" : said_;
}

// --- What is watched.

void GroupScenario::note_written(const group::GroupHost::Written& written) {
  const auto in =
      written.producer ? " in " + std::to_string(written.producer->id.value()) + "'s transaction"
                       : std::string();
  for (const auto& record : written.records) {
    say("  wrote " + text_of(names_, record) + in);
    note_member_state(record);
  }
  if (written.marker)
    say("  wrote " + std::string(written.marker->commit ? "COMMIT" : "ABORT") + " of " +
        std::to_string(written.marker->producer.id.value()));
}

void GroupScenario::note_member_state(const group::Record& record) {
  const auto* current = std::get_if<group::CurrentMemberAssignmentRecord>(&record);
  if (current == nullptr) return;
  const auto next = current->value ? member_state_name(current->value->state) : "none";
  auto& state = member_states_.try_emplace(current->member_id, "none").first->second;
  if (next != state) seen_.insert({state, next});
  state = next;
}

void GroupScenario::say_changed_states() {
  std::map<std::string, std::string> states;
  for (const auto& group : host_.machine().list({}))
    states[group.group_id] = group.group_type + " " + group.group_state;
  auto ids = states;
  ids.insert(states_.begin(), states_.end());
  for (const auto& [id, unused] : ids) {
    const auto before = states_.contains(id) ? states_[id] : "none";
    const auto after = states.contains(id) ? states[id] : "none";
    if (before == after) continue;
    say("  " + (id == "g" ? "" : id + ": ") + before + " -> " + after);
    seen_.insert({before, after});
  }
  states_ = std::move(states);
}

void GroupScenario::expect_same_when_folded() {
  const auto offsets_of = [&](const Machine& machine, const std::string& id, bool require_stable) {
    return host_.look([&](const Machine&, Step& step) {
      protocol::OffsetFetchRequest::Group all;
      all.group_id = id;
      all.topics.reset();
      return text_of(machine.offset_fetch(step, Caller{{}, 8}, all, require_stable));
    });
  };
  for (const bool compacted : {false, true}) {
    const auto folded = host_.folded(compacted);
    for (const auto& [id, state] : states_) {
      // What is on its way is in no record.
      if (state.ends_with("Rebalance")) continue;
      const auto of = [&, id = id](const Machine& machine) {
        return text_of(names_, machine.describe_classic({}, id)) + "\n" +
               host_.look([&](const Machine&, Step& step) {
                 return text_of(names_, machine.describe_consumer(step, {}, id));
               }) +
               "\n" + offsets_of(machine, id, false) + "\n" + offsets_of(machine, id, true);
      };
      // Nor is a group, once compacted, of which there were only offsets that never counted.
      if (compacted && state == "classic Empty" &&
          offsets_of(host_.machine(), id, false) == "no offsets" &&
          folded->describe_classic({}, id).group_state == "Dead")
        continue;
      EXPECT_EQ(of(*folded), of(host_.machine())) << "the log tells another story of " << id;
    }
  }
}

// --- The parts of a command.

std::string GroupScenario::group_of(const Command& command) {
  return command.get("group", "g");
}

std::string GroupScenario::member_of(const Command& command, std::size_t place) const {
  if (place >= command.arguments.size()) throw std::runtime_error(command.verb + " needs a member");
  return command.arguments[place];
}

Caller GroupScenario::caller(const Command& command, std::int16_t version) const {
  const auto name = command.arguments.empty() ? "admin" : command.arguments[0];
  return {.client = {.id = name.substr(0, name.find('/')), .host = "/h"},
          .version = static_cast<std::int16_t>(command.number("v", version))};
}

TopicId GroupScenario::topic_id_of(const std::string& name) const {
  const auto* topic = host_.topics().image().find_topic(name);
  return topic == nullptr ? group::topic_id(name) : topic->id;
}

/// "foo-0 foo-1=5": topics with their partitions, each given to `fill` with what follows the '='.
template <class Topic>
std::vector<Topic> GroupScenario::partitions_of(const Command& command,
                                                std::size_t first_argument) const {
  std::vector<Topic> topics;
  const auto add = [&](const std::string& text, const std::string& value) {
    auto [name, indexes] = partitions_in(text);
    if (topics.empty() || topics.back().name != name) {
      topics.emplace_back().name = name;
      if constexpr (requires { topics.back().topic_id; })
        topics.back().topic_id = topic_id_of(name);
    }
    for (const auto index : indexes) {
      if constexpr (requires { topics.back().partition_indexes; }) {
        topics.back().partition_indexes.emplace_back(index);
      } else {
        auto& partition = topics.back().partitions.emplace_back();
        partition.partition_index = PartitionIndex{index};
        if constexpr (requires { partition.committed_offset; }) {
          partition.committed_offset = Offset{std::stoll(value)};
          partition.committed_metadata = command.get("metadata");
          if (const auto size = command.find("metadata_bytes"))
            partition.committed_metadata = std::string(std::stoul(*size), 'm');
        }
      }
    }
  };
  for (std::size_t i = first_argument; i < command.arguments.size(); ++i)
    add(command.arguments[i], "0");
  for (const auto& [key, value] : command.options)
    if (key.find('-') != std::string::npos) add(key, value);
  return topics;
}

// --- The world.

void GroupScenario::set_options(const Command& command) {
  auto& options = host_.options;
  const auto duration = [&](std::string_view key, base::Milliseconds& option) {
    if (const auto text = command.find(key)) option = base::Milliseconds{milliseconds_of(*text)};
  };
  const auto size = [&](std::string_view key, std::int32_t& option) {
    option = static_cast<std::int32_t>(command.number(key, option));
  };
  duration("session_min", options.session_timeout_min);
  duration("initial_delay", options.initial_rebalance_delay);
  size("group_max", options.group_size_max);
  duration("consumer_session", options.consumer_session_timeout);
  duration("assignment_interval", options.consumer_assignment_interval);
  duration("regex_refresh", options.consumer_regex_refresh_interval);
  size("consumer_group_max", options.consumer_group_size_max);
  duration("retention", options.offsets_retention);
  options.offset_metadata_bytes_max = static_cast<std::size_t>(
      command.number("metadata_max", static_cast<std::int64_t>(options.offset_metadata_bytes_max)));
  if (const auto policy = command.find("policy")) options.migration_policy = policy_of(*policy);
  if (const auto policy = command.find("retention_policy"))
    options.retention_policy =
        *policy == "kafka" ? group::OffsetRetention::kafka : group::OffsetRetention::keep;
}

void GroupScenario::change_topic(const Command& command) {
  const auto name = member_of(command);
  const bool is_new = host_.topics().image().find_topic(name) == nullptr;
  // Who makes a topic again gets another one.
  if (is_new) ++topics_made_[name];
  const auto shown = name + std::string(static_cast<std::size_t>(topics_made_[name] - 1), '\'');
  host_.topics().make(name, static_cast<std::int32_t>(command.number("partitions", 1)),
                      group::topic_id(shown));
  names_.note_topic(shown, group::topic_id(shown));
  host_.tell_topics();
}

void GroupScenario::delete_topic(const Command& command) {
  host_.topics().remove(member_of(command));
  host_.tell_topics();
}

void GroupScenario::pass(const Command& command) {
  const auto end = host_.now().steady + base::Milliseconds{milliseconds_of(member_of(command))};
  while (const auto next = host_.machine().deadlines().next()) {
    if (*next > end) break;
    host_.advance(std::chrono::duration_cast<base::Milliseconds>(
        std::max(*next - host_.now().steady, base::SteadyTime::duration{0})));
    host_.expire();
    host_.flush();
  }
  host_.advance(std::chrono::duration_cast<base::Milliseconds>(end - host_.now().steady));
}

void GroupScenario::restart(const Command&) {
  host_.flush();
  host_.crash(0);
  host_.run([](Machine& machine, Step& step) { machine.finish_loading(step); });
}

void GroupScenario::show_deadlines(const Command& command) {
  auto& deadlines = host_.machine().deadlines();
  std::string text;
  const auto show = [&](group::DeadlineKind kind, const std::string& kind_name,
                        const std::string& member_id) {
    if (!deadlines.has({kind, group_of(command), member_id})) return;
    text += (text.empty() ? "" : ", ") + kind_name;
    if (!member_id.empty()) text += " of " + names_.member(member_id);
  };
  using Kind = group::DeadlineKind;
  for (const auto& [kind, kind_name] : std::initializer_list<std::pair<Kind, std::string>>{
           {Kind::join, "join"}, {Kind::sync, "sync"}, {Kind::assign, "assignment"}})
    show(kind, kind_name, "");
  for (const auto& name : command.arguments)
    for (const auto& [kind, kind_name] :
         std::initializer_list<std::pair<Kind, std::string>>{{Kind::session, "session"},
                                                             {Kind::rebalance, "rebalance"},
                                                             {Kind::join, "join"},
                                                             {Kind::sync, "sync"}})
      show(kind, kind_name, names_.id_of(name));
  say(std::to_string(deadlines.size()) + " deadlines" + (text.empty() ? "" : ": " + text));
}

void GroupScenario::expire_offsets(const Command& command) {
  host_.run([&](Machine& machine, Step& step) {
    machine.expire_offsets(
        step, [&](std::string_view topic, PartitionIndex partition) -> std::optional<Offset> {
          const auto end =
              command.find(std::string(topic) + "-" + std::to_string(partition.value()));
          return end ? std::optional(Offset{std::stoll(*end)}) : std::nullopt;
        });
  });
}

// --- Members of the classic protocol.

void GroupScenario::join(const Command& command) {
  const auto name = member_of(command);
  protocol::JoinGroupRequest request;
  request.group_id = group_of(command);
  request.session_timeout_ms =
      static_cast<std::int32_t>(milliseconds_of(command.get("session", "10s")));
  request.rebalance_timeout_ms =
      static_cast<std::int32_t>(milliseconds_of(command.get("rebalance", "60s")));
  request.member_id = names_.id_of(name);
  // Whoever has no id yet, or starts anew, has none to say.
  if (command.get("id", request.member_id == name ? "new" : "known") == "new")
    request.member_id.clear();
  if (command.get("id") == "made-up") request.member_id = name;
  request.group_instance_id = command.find("instance");
  request.protocol_type = command.get("type", "consumer");
  const auto topics = split(command.get("topics", "foo"), ',');
  group::ConsumerSubscription subscription{
      topics,
      {},
      named_partitions(command.get("owned")),
      static_cast<std::int32_t>(command.number("owned_in", -1)),
      command.find("rack")};
  for (const auto& protocol : split(command.get("protocols", "range"), ',')) {
    auto metadata = command.has("metadata") ? bytes_of(command.get("metadata"))
                                            : group::encode_subscription(subscription, 3);
    request.protocols.push_back({protocol, std::move(metadata)});
  }
  const auto shown = name.substr(0, name.find('/'));
  host_.run([&](Machine& machine, Step& step) {
    machine.join_group(step, caller(command, 9), request, [this, name, shown](auto response) {
      const bool names_member = response.error_code == ErrorCode::none ||
                                response.error_code == ErrorCode::member_id_required;
      if (names_member) names_.note_member(shown, response.member_id);
      if (response.error_code == ErrorCode::none) epochs_[shown] = response.generation_id;
      answer(name, text_of(names_, response));
    });
  });
}

void GroupScenario::sync(const Command& command) {
  const auto name = member_of(command);
  protocol::SyncGroupRequest request;
  request.group_id = group_of(command);
  request.member_id = names_.id_of(name);
  request.group_instance_id = command.find("instance");
  request.generation_id = static_cast<std::int32_t>(
      command.number("generation", epochs_[name.substr(0, name.find('/'))]));
  if (command.get("type", "consumer") != "null")
    request.protocol_type = command.get("type", "consumer");
  if (command.get("protocol", "range") != "null")
    request.protocol_name = command.get("protocol", "range");
  for (const auto& part : split(command.get("assign"), ';')) {
    const auto colon = part.find(':');
    request.assignments.push_back(
        {names_.id_of(part.substr(0, colon)),
         assignment_bytes(part.substr(colon + 1), command.has("custom"))});
  }
  host_.run([&](Machine& machine, Step& step) {
    machine.sync_group(step, caller(command, 5), request,
                       [this, name](auto response) { answer(name, text_of(response)); });
  });
}

void GroupScenario::heartbeat(const Command& command) {
  const auto name = member_of(command);
  protocol::HeartbeatRequest request;
  request.group_id = group_of(command);
  request.member_id = names_.id_of(name);
  request.group_instance_id = command.find("instance");
  request.generation_id = static_cast<std::int32_t>(
      command.number("generation", epochs_[name.substr(0, name.find('/'))]));
  host_.run([&](Machine& machine, Step& step) {
    answer(name, text_of(machine.heartbeat(step, caller(command, 4), request).error_code));
  });
}

void GroupScenario::leave(const Command& command) {
  protocol::LeaveGroupRequest request;
  request.group_id = group_of(command);
  if (!command.arguments.empty()) request.member_id = names_.id_of(command.arguments[0]);
  for (const auto& name : command.arguments) {
    auto& member = request.members.emplace_back();
    member.member_id = names_.id_of(name);
    member.group_instance_id = command.find("instance");
  }
  if (command.arguments.empty())
    request.members.emplace_back().group_instance_id = command.get("instance");
  host_.run([&](Machine& machine, Step& step) {
    answer(command.arguments.empty() ? "admin" : command.arguments[0],
           text_of(names_, machine.leave_group(step, caller(command, 5), request)));
  });
}

// --- Members of the consumer protocol.

void GroupScenario::beat(const Command& command) {
  const auto name = member_of(command);
  const auto shown = name.substr(0, name.find('/'));
  protocol::ConsumerGroupHeartbeatRequest request;
  request.group_id = group_of(command);
  names_.note_member(shown, "");
  request.member_id = command.get("id") == "none" ? "" : shown;
  if (command.has("id") && command.get("id") != "none") request.member_id = command.get("id");
  if (name != shown) request.member_id = names_.id_of(name);
  request.member_epoch = static_cast<std::int32_t>(command.number("epoch", epochs_[shown]));
  const bool joins = request.member_epoch == 0;
  request.instance_id = command.find("instance");
  request.rack_id = command.find("rack");
  request.subscribed_topic_regex = command.find("regex");
  request.server_assignor = command.find("assignor");
  if (const auto topics = command.find("topics"))
    request.subscribed_topic_names = split(*topics, ',');
  if (const auto timeout = command.find("rebalance"))
    request.rebalance_timeout_ms = static_cast<std::int32_t>(milliseconds_of(*timeout));
  else if (joins)
    request.rebalance_timeout_ms = 60'000;
  if (command.get("rebalance") == "0s") request.rebalance_timeout_ms = -1;
  if (const auto owned = command.find("owned"); owned || joins) {
    request.topic_partitions.emplace();
    for (const auto& [topic, indexes] : named_partitions(owned.value_or(""))) {
      auto& partitions = request.topic_partitions->emplace_back();
      partitions.topic_id = topic_id_of(topic);
      for (const auto index : indexes) partitions.partitions.emplace_back(index);
    }
  }
  host_.run([&](Machine& machine, Step& step) {
    const auto response = machine.consumer_group_heartbeat(step, caller(command, 1), request);
    if (response.error_code == ErrorCode::none) {
      names_.note_member(shown, response.member_id.value_or(""));
      epochs_[shown] = std::max(response.member_epoch, 0);
    }
    answer(name, text_of(names_, response));
  });
}

// --- Offsets.

void GroupScenario::commit(const Command& command) {
  const auto name = member_of(command);
  const bool by_admin = name == "admin";
  protocol::OffsetCommitRequest request;
  request.group_id = group_of(command);
  if (!by_admin) {
    request.member_id = names_.id_of(name);
    request.group_instance_id = command.find("instance");
    request.generation_id_or_member_epoch = epochs_[name.substr(0, name.find('/'))];
  }
  request.generation_id_or_member_epoch =
      static_cast<std::int32_t>(command.number("epoch", request.generation_id_or_member_epoch));
  if (const auto time = command.find("keep")) request.retention_time_ms = milliseconds_of(*time);
  request.topics = partitions_of<protocol::OffsetCommitRequest::Topic>(command, 1);
  host_.run([&](Machine& machine, Step& step) {
    answer(name, text_of(machine.offset_commit(step, caller(command, 9), request)));
  });
}

void GroupScenario::fetch(const Command& command) {
  const auto name = member_of(command);
  protocol::OffsetFetchRequest::Group request;
  request.group_id = group_of(command);
  if (name != "admin") {
    request.member_id = names_.id_of(name);
    request.member_epoch = epochs_[name.substr(0, name.find('/'))];
  }
  request.member_epoch = static_cast<std::int32_t>(command.number("epoch", request.member_epoch));
  request.topics = partitions_of<protocol::OffsetFetchRequest::Group::Topic>(command, 1);
  if (request.topics->empty()) request.topics.reset();
  host_.run([&](Machine& machine, Step& step) {
    const bool require_stable = command.has("stable");
    answer(name, text_of(machine.offset_fetch(step, caller(command, 9), request, require_stable)));
  });
}

void GroupScenario::commit_in_transaction(const Command& command) {
  const auto name = member_of(command);
  protocol::TxnOffsetCommitRequest request;
  request.group_id = group_of(command);
  request.producer_id = ProducerId{command.number("producer", 1)};
  // Before KIP-447 a producer said nothing of the consumer whose offsets it commits.
  if (name != "producer") {
    request.member_id = names_.id_of(name);
    request.group_instance_id = command.find("instance");
    request.generation_id = epochs_[name.substr(0, name.find('/'))];
  }
  request.generation_id = static_cast<std::int32_t>(command.number("epoch", request.generation_id));
  request.topics = partitions_of<protocol::TxnOffsetCommitRequest::Topic>(command, 1);
  host_.run([&](Machine& machine, Step& step) {
    answer(name, text_of(machine.txn_offset_commit(step, caller(command, 5), request)));
  });
}

void GroupScenario::write_marker(const Command& command) {
  const auto kind = member_of(command);
  if (kind != "COMMIT" && kind != "ABORT") throw std::runtime_error("no such marker: " + kind);
  coordinator::Marker marker;
  marker.producer.id = ProducerId{command.number("producer", 1)};
  marker.commit = kind == "COMMIT";
  host_.write_marker(marker);
}

// --- Administrators.

void GroupScenario::describe(const Command& command) {
  say(text_of(names_, host_.machine().describe_classic(caller(command, 6), group_of(command))));
}

void GroupScenario::describe_consumer(const Command& command) {
  host_.run([&](Machine& machine, Step& step) {
    say(text_of(names_, machine.describe_consumer(step, caller(command, 1), group_of(command))));
  });
}

void GroupScenario::list(const Command& command) {
  const protocol::ListGroupsRequest request{split(command.get("states"), ','),
                                            split(command.get("types"), ',')};
  for (const auto& group : host_.machine().list(request))
    say(group.group_id + ": " + group.group_type + " " + group.group_state + " " +
        (group.protocol_type.empty() ? "(no protocol type)" : group.protocol_type));
  if (said_.empty()) say("no groups");
}

void GroupScenario::delete_group(const Command& command) {
  host_.run([&](Machine& machine, Step& step) {
    const auto result = machine.delete_group(step, group_of(command));
    answer("admin",
           text_of(result.error_code) + (result.error_message ? ": " + *result.error_message : ""));
  });
}

void GroupScenario::delete_offsets(const Command& command) {
  protocol::OffsetDeleteRequest request;
  request.group_id = group_of(command);
  request.topics = partitions_of<protocol::OffsetDeleteRequest::Topic>(command, 0);
  host_.run([&](Machine& machine, Step& step) {
    answer("admin", text_of(machine.offset_delete(step, request)));
  });
}

}  // namespace moldau::scenario
