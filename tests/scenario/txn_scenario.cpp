#include "tests/scenario/txn_scenario.hpp"

#include <algorithm>
#include <stdexcept>

namespace moldau::scenario {
namespace {

using protocol::ErrorCode;
using txn::Enlistment;
using txn::Machine;
using txn::Step;

std::string code_text(ErrorCode code) {
  return code == ErrorCode::none ? "ok" : std::string(protocol::name(code));
}

/// "foo-0,1" and so on, from the given argument on.
std::vector<TopicPartition> partitions_in(const Command& command, std::size_t first) {
  std::vector<TopicPartition> partitions;
  for (std::size_t i = first; i < command.arguments.size(); ++i) {
    const auto& text = command.arguments[i];
    const auto dash = text.rfind('-');
    if (dash == std::string::npos) throw std::runtime_error("not partitions: " + text);
    for (const auto& index : split(std::string_view(text).substr(dash + 1), ','))
      partitions.push_back({text.substr(0, dash), PartitionIndex{std::stoi(index)}});
  }
  return partitions;
}

/// " foo-0,1 bar-0"
template <class Topics, class Ids>
std::string partitions_text(const Topics& topics, Ids ids) {
  std::string text;
  for (const auto& topic : topics) {
    text += " " + topic.topic + "-";
    const char* between = "";
    for (const auto& id : ids(topic)) {
      text += between + id;
      between = ",";
    }
  }
  return text;
}

std::string partitions_text(const std::vector<txn::TransactionRecord::Partitions>& topics) {
  return partitions_text(topics, [](const auto& topic) {
    std::vector<std::string> ids;
    for (const auto id : topic.partition_ids) ids.push_back(std::to_string(id));
    return ids;
  });
}

std::string seconds_text(std::int64_t ms) {
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

}  // namespace

TxnScenario::TxnScenario(TxnTransitions& seen) : seen_(seen) {
  host_.on_entry = [this](const txn::LaneEntry& entry) { note(entry); };
  host_.on_timed_out = [this](const txn::TimedOut& timed_out) {
    say("  timed out: " + timed_out.transactional_id + " of " + text_of(timed_out.producer) +
        (timed_out.client_id.empty() ? "" : ", client " + timed_out.client_id) + ", open for " +
        seconds_text(timed_out.open_ms));
  };
}

const std::map<std::string, TxnScenario::Verb, std::less<>>& TxnScenario::verbs() {
  static const std::map<std::string, Verb, std::less<>> table{
      {"init", &TxnScenario::init},
      {"add", &TxnScenario::add},
      {"write", &TxnScenario::write},
      {"verify", &TxnScenario::verify},
      {"end", &TxnScenario::end},
      {"abort", &TxnScenario::abort},
      {"describe", &TxnScenario::describe},
      {"list", &TxnScenario::list},
      {"pass", &TxnScenario::pass},
      {"restart", &TxnScenario::restart},
      {"offline", &TxnScenario::take_offline},
      {"online", &TxnScenario::bring_online},
      {"level", &TxnScenario::set_level},
      {"options", &TxnScenario::set_options},
      {"producer-ids", &TxnScenario::set_producer_ids},
      {"expire-ids", &TxnScenario::expire_ids},
      {"given", &TxnScenario::put_in_log},
      {"deadline", &TxnScenario::show_deadline},
  };
  return table;
}

std::string TxnScenario::run(const Command& command) {
  said_.clear();
  const auto verb = verbs().find(command.verb);
  if (verb == verbs().end()) throw std::runtime_error("no such command: " + command.verb);
  if (command.verb != "restart") lane_before_ = host_.lane().size();
  (this->*verb->second)(command);
  expect_same_when_folded();
  return said_.empty() ? "ok" : said_;
}

// --- What is watched.

void TxnScenario::note(const txn::LaneEntry& entry) {
  std::visit([this](const auto& typed) { note(typed); }, entry);
}

void TxnScenario::note(const txn::TransactionRecord& record) {
  const auto& id = record.transactional_id;
  const std::string of = id == "t" ? "" : " " + id + ":";
  auto& state = states_.try_emplace(id, "none").first->second;
  const std::string next = record.value ? std::string(state_name(record.value->state)) : "none";
  seen_.insert({state, next});
  state = next;
  if (!record.value) return say("  forgot " + id);
  const auto& value = *record.value;
  std::string line = "  wrote" + of + " " + next + " " +
                     text_of({value.producer_id, value.producer_epoch});
  if (value.previous_producer_id != value.producer_id)
    line += " after " + name_of(value.previous_producer_id);
  if (value.next_producer_id != no_producer_id) line += " then " + name_of(value.next_producer_id);
  if (value.state == txn::TransactionState::empty) line += " timeout " + seconds_text(value.timeout_ms);
  if (value.client_transaction_version != 0)
    line += " v" + std::to_string(value.client_transaction_version);
  if (record.value_version != 1) line += " in version " + std::to_string(record.value_version);
  if (value.partitions && !value.partitions->empty())
    line += ":" + partitions_text(*value.partitions);
  say(line);
}

void TxnScenario::note(const txn::WrittenMarker& written) {
  const auto& marker = written.marker;
  say("  marked " + written.partition.topic + "-" +
      std::to_string(written.partition.partition.value()) + " " +
      (marker.commit ? "COMMIT " : "ABORT ") + text_of(marker.producer) +
      (marker.transaction_version == 0 ? "" : " v" + std::to_string(marker.transaction_version)));
}

void TxnScenario::expect_same_when_folded() {
  for (const bool compacted : {false, true}) {
    const auto folded = host_.folded(compacted);
    EXPECT_EQ(folded->size(), host_.machine().size());
    EXPECT_EQ(folded->ongoing(), host_.machine().ongoing());
    for (const auto& [id, state] : states_) {
      const auto is = host_.machine().describe(id);
      const auto was = folded->describe(id);
      EXPECT_EQ(was.transaction_state, is.transaction_state) << "the log tells another story of " << id;
      EXPECT_EQ(was.producer_id, is.producer_id);
      EXPECT_EQ(was.producer_epoch, is.producer_epoch);
      EXPECT_EQ(was.transaction_timeout_ms, is.transaction_timeout_ms);
      EXPECT_EQ(was.transaction_start_time_ms, is.transaction_start_time_ms);
    }
  }
}

// --- The parts of a command.

std::string TxnScenario::name_of(ProducerId id) {
  if (id == no_producer_id) return "nobody";
  if (id.value() < txn::TxnHost::first_producer_id) return "X" + std::to_string(id.value());
  const auto place = std::ranges::find(producer_ids_, id);
  const auto number = place - producer_ids_.begin() + 1;
  if (place == producer_ids_.end()) producer_ids_.push_back(id);
  return "P" + std::to_string(number);
}

ProducerId TxnScenario::id_of(const std::string& name) {
  if (name == "nobody") return no_producer_id;
  const auto number = static_cast<std::size_t>(std::stoul(name.substr(1)));
  if (name.starts_with('X')) return ProducerId{static_cast<std::int64_t>(number)};
  return producer_ids_.at(number - 1);
}

std::string TxnScenario::text_of(coordinator::Producer producer) {
  return name_of(producer.id) + "/" + std::to_string(producer.epoch.value());
}

coordinator::Producer TxnScenario::producer_in(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) throw std::runtime_error("not a producer: " + text);
  return {id_of(text.substr(0, slash)),
          ProducerEpoch{static_cast<std::int16_t>(std::stoi(text.substr(slash + 1)))}};
}

TxnScenario::Client& TxnScenario::client_of(const Command& command) {
  if (command.arguments.empty()) throw std::runtime_error(command.verb + " needs a client");
  auto& client = clients_[command.arguments[0]];
  if (const auto id = command.find("id")) client.id = *id;
  return client;
}

txn::Caller TxnScenario::caller(const Command& command, std::int16_t version) const {
  return {.version = static_cast<std::int16_t>(command.number("v", version)),
          .connection_id = static_cast<std::uint64_t>(command.number("connection", 1)),
          .client_id = command.arguments.empty() ? "" : command.arguments[0],
          .host = "/h"};
}

coordinator::Producer TxnScenario::producer_of(const Command& command, const Client& client) {
  const auto given = command.find("producer");
  return given ? producer_in(*given) : client.producer;
}

// --- Clients.

void TxnScenario::init(const Command& command) {
  auto& client = client_of(command);
  protocol::InitProducerIdRequest request;
  request.transactional_id = client.id;
  request.transaction_timeout_ms =
      static_cast<std::int32_t>(milliseconds_of(command.get("timeout", "60s")));
  if (command.has("expects")) {
    const auto expected = command.get("expects") == "own" ? client.producer
                                                          : producer_in(command.get("expects"));
    request.producer_id = expected.id;
    request.producer_epoch = expected.epoch;
  }
  host_.run([&](Machine& machine, Step& step) {
    const auto response = machine.init_producer_id(step, caller(command, 4), request);
    const coordinator::Producer producer{response.producer_id, response.producer_epoch};
    const bool ok = response.error_code == ErrorCode::none;
    if (ok) client.producer = producer;
    if (!ok && text_of(producer) != "nobody/-1") say("  but with " + text_of(producer));
    say(command.arguments[0] + " <- " + (ok ? text_of(producer) : code_text(response.error_code)));
  });
}

void TxnScenario::enlist(const Command& command, Enlistment::Mode mode, std::int16_t version) {
  const auto& client = client_of(command);
  const Enlistment wanted{.transactional_id = client.id,
                          .producer = producer_of(command, client),
                          .partitions = partitions_in(command, 1),
                          .mode = mode};
  host_.run([&](Machine& machine, Step& step) {
    const auto codes = machine.enlist(step, caller(command, version), wanted);
    if (codes.size() != wanted.partitions.size()) throw std::runtime_error("not a code for each");
    std::string text;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      if (std::ranges::adjacent_find(codes, std::ranges::not_equal_to{}) != codes.end())
        text += (i == 0 ? "" : ", ") + wanted.partitions[i].topic + "-" +
                std::to_string(wanted.partitions[i].partition.value()) + ": " + code_text(codes[i]);
      else
        text = code_text(codes[i]);
    }
    say(command.arguments[0] + " <- " + (codes.empty() ? "nothing" : text));
  });
}

void TxnScenario::add(const Command& command) { enlist(command, Enlistment::Mode::add, 3); }
void TxnScenario::write(const Command& command) {
  enlist(command, Enlistment::Mode::add_by_write, 12);
}
void TxnScenario::verify(const Command& command) { enlist(command, Enlistment::Mode::verify, 11); }

void TxnScenario::end(const Command& command) {
  auto& client = client_of(command);
  if (command.arguments.size() != 2 ||
      (command.arguments[1] != "commit" && command.arguments[1] != "abort"))
    throw std::runtime_error("end CLIENT commit|abort");
  protocol::EndTxnRequest request;
  request.transactional_id = client.id;
  const auto producer = producer_of(command, client);
  request.producer_id = producer.id;
  request.producer_epoch = producer.epoch;
  request.committed = command.arguments[1] == "commit";
  host_.run([&](Machine& machine, Step& step) {
    const auto response = machine.end_txn(step, caller(command, 5), request);
    const coordinator::Producer next{response.producer_id, response.producer_epoch};
    std::string text = code_text(response.error_code);
    if (next.id != no_producer_id) {
      text += " " + text_of(next);
      client.producer = next;
    }
    say(command.arguments[0] + " <- " + text);
  });
}

// --- Administrators.

void TxnScenario::abort(const Command& command) {
  host_.run([&](Machine& machine, Step& step) {
    say(code_text(machine.abort(step, command.get("id", "t"))));
  });
}

void TxnScenario::describe(const Command& command) {
  const auto described = host_.machine().describe(command.get("id", "t"));
  if (described.error_code != ErrorCode::none) return say(code_text(described.error_code));
  std::string line = described.transaction_state + " " +
                     text_of({described.producer_id, described.producer_epoch}) + " timeout " +
                     seconds_text(described.transaction_timeout_ms);
  if (described.transaction_start_time_ms != -1)
    line += " for " + seconds_text(host_.now().wall_ms - described.transaction_start_time_ms);
  if (!described.topics.empty())
    line += ":" + partitions_text(described.topics, [](const auto& topic) {
      std::vector<std::string> ids;
      for (const auto id : topic.partitions) ids.push_back(std::to_string(id.value()));
      return ids;
    });
  say(line);
}

void TxnScenario::list(const Command& command) {
  protocol::ListTransactionsRequest request;
  request.state_filters = split(command.get("states"), ',');
  for (const auto& name : split(command.get("producers"), ','))
    request.producer_id_filters.push_back(id_of(name));
  if (command.has("longer")) request.duration_filter = milliseconds_of(command.get("longer"));
  request.transactional_id_pattern = command.find("pattern");
  const auto filter = txn::TransactionFilter::of(request);
  if (!filter) return say(code_text(ErrorCode::invalid_regular_expression));
  for (const auto& unknown : filter->unknown_states()) say("no state " + unknown);
  for (const auto& found : host_.machine().list(host_.now(), *filter))
    say(found.transactional_id + " " + found.transaction_state + " " + name_of(found.producer_id));
}

// --- The world.

void TxnScenario::pass(const Command& command) {
  host_.advance(base::Milliseconds{milliseconds_of(command.arguments.at(0))});
  host_.expire();
}

void TxnScenario::restart(const Command& command) {
  if (const auto kept = command.find("kept")) {
    const auto entries = lane_before_ + static_cast<std::size_t>(std::stoul(*kept));
    if (entries >= host_.lane().size()) throw std::runtime_error("there is nothing to lose");
    // Their states are those of what is left.
    states_.clear();
    for (std::size_t i = 0; i < entries; ++i)
      if (const auto* record = std::get_if<txn::TransactionRecord>(&host_.lane()[i]))
        states_[record->transactional_id] =
            record->value ? std::string(state_name(record->value->state)) : "none";
    host_.crash(entries);
  } else {
    host_.crash();
  }
}

void TxnScenario::take_offline(const Command& command) {
  for (const auto& partition : partitions_in(command, 0)) host_.offline.insert(partition);
}
void TxnScenario::bring_online(const Command& command) {
  for (const auto& partition : partitions_in(command, 0)) host_.offline.erase(partition);
}

void TxnScenario::set_level(const Command& command) {
  host_.transaction_version = static_cast<std::int16_t>(std::stoi(command.arguments.at(0)));
}

void TxnScenario::set_options(const Command& command) {
  const auto ms = [&](const char* name, base::Milliseconds& option) {
    if (command.has(name)) option = base::Milliseconds{milliseconds_of(command.get(name))};
  };
  ms("max_timeout", host_.options.max_timeout);
  ms("expiration", host_.options.id_expiration);
}

void TxnScenario::set_producer_ids(const Command& command) {
  host_.has_producer_ids = command.arguments.at(0) != "none";
}

void TxnScenario::expire_ids(const Command&) {
  host_.run([](Machine& machine, Step& step) {
    while (machine.expire_ids(step)) {
    }
  });
}

void TxnScenario::put_in_log(const Command& command) {
  txn::TransactionRecord record{.transactional_id = command.get("id", "t"), .value = std::nullopt};
  record.value_version = static_cast<std::int16_t>(command.number("version", 1));
  auto& value = record.value.emplace();
  const auto state = txn::state_of(command.arguments.at(0));
  if (!state) throw std::runtime_error("no such state: " + command.arguments.at(0));
  value.state = *state;
  const auto producer = producer_in(command.arguments.at(1));
  value.producer_id = producer.id;
  value.producer_epoch = producer.epoch;
  value.previous_producer_id = producer.id;
  if (command.has("then")) value.next_producer_id = id_of(command.get("then"));
  value.timeout_ms = static_cast<std::int32_t>(milliseconds_of(command.get("timeout", "60s")));
  value.client_transaction_version = static_cast<std::int16_t>(command.number("client", 2));
  value.last_update_ms = host_.now().wall_ms;
  if (value.state != txn::TransactionState::empty) {
    value.start_ms = host_.now().wall_ms;
    auto& topics = value.partitions.emplace();
    for (const auto& [topic, partition] : partitions_in(command, 2)) {
      if (topics.empty() || topics.back().topic != topic) topics.push_back({topic, {}});
      topics.back().partition_ids.push_back(partition.value());
    }
  }
  states_[record.transactional_id] = command.arguments[0];
  host_.put_in_log(std::move(record));
  host_.crash();
}

void TxnScenario::show_deadline(const Command&) {
  const auto next = host_.machine().deadlines().next();
  say(next ? "in " + seconds_text(std::chrono::duration_cast<base::Milliseconds>(
                         *next - host_.now().steady).count())
           : "none");
}

}  // namespace moldau::scenario
