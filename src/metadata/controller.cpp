#include "moldau/metadata/controller.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "metadata/config_changes.hpp"
#include "metadata/feature_updates.hpp"
#include "metadata/raw_ids.hpp"
#include "moldau/base/limits.hpp"
#include "moldau/metadata/features.hpp"

namespace moldau::metadata {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Status;

constexpr std::int32_t producer_ids_per_block = 1000;  // KIP-730
/// Partitions that one request may make, as in Kafka (KRaft's limit for one batch).
constexpr std::int64_t partitions_per_request_max = 10'000;
constexpr std::string_view metadata_topic = "__cluster_metadata";

std::string folded(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

bool contains(const std::vector<BrokerId>& brokers, BrokerId id) {
  return std::ranges::find(brokers, id) != brokers.end();
}

PartitionChangeRecord change_of(const TopicImage& topic, const PartitionImage& partition) {
  PartitionChangeRecord change;
  change.topic_id = topic.id;
  change.partition_id = partition.index.value();
  return change;
}

/// The items that stand more than once in a request, each with the count.
template <class Items, class KeyOf>
auto count_by(const Items& items, KeyOf key) {
  std::map<decltype(key(*items.begin())), int> counts;
  for (const auto& item : items) ++counts[key(item)];
  return counts;
}

}  // namespace

std::string invalid_topic_name(std::string_view name) {
  if (name.empty()) return "Topic name is invalid: the empty string is not allowed";
  if (name == "." || name == "..") {
    return fmt::format("Topic name is invalid: '{}' is not allowed", name);
  }
  if (name.size() > limits::topic_name_length_max) {
    return fmt::format(
        "Topic name is invalid: the length of '{}' is longer than the max allowed length {}", name,
        limits::topic_name_length_max);
  }
  const bool legal = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (legal) return {};
  return fmt::format(
      "Topic name is invalid: '{}' contains one or more characters other than ASCII alphanumerics, "
      "'.', '_' and '-'",
      name);
}

const BrokerConfig& Controller::config() {
  if (!config_) config_ = context_.static_config.with_dynamic(context_.image, context_.self);
  return *config_;
}

// Topics.

ItemError Controller::check_new_name(const std::string& name) {
  if (name == metadata_topic) {
    return fail(Errc::invalid_request,
                fmt::format("Creation of internal topic {} is prohibited.", name));
  }
  std::string reason = invalid_topic_name(name);
  if (!reason.empty()) return fail(Errc::invalid_topic, std::move(reason));
  if (context_.image.find_topic(name) != nullptr) {
    return fail(Errc::topic_already_exists, fmt::format("Topic '{}' already exists.", name));
  }
  // Metrics write '.' as '_': two topics may not become one there.
  const bool may_collide = name.find_first_of("._") != std::string::npos;
  if (!may_collide) return std::nullopt;
  if (!folded_names_) {
    folded_names_.emplace();
    context_.image.for_each_topic([&](const TopicImage& topic) {
      if (topic.name.find_first_of("._") != std::string::npos) {
        folded_names_->emplace(folded(topic.name), topic.name);
      }
    });
  }
  const auto [it, fresh] = folded_names_->emplace(folded(name), name);
  if (fresh) return std::nullopt;
  return fail(Errc::invalid_topic,
              fmt::format("Topic '{}' collides with existing topic: {}", name, it->second));
}

ItemError Controller::check_replicas(const std::vector<BrokerId>& replicas,
                                     std::size_t expected) const {
  const auto invalid = [](std::string message) {
    return fail(Errc::invalid_replica_assignment, std::move(message));
  };
  if (replicas.empty()) {
    return invalid("The manual partition assignment includes an empty replica list.");
  }
  std::set<BrokerId> seen;
  for (const BrokerId id : replicas) {
    if (context_.image.find_broker(id) == nullptr) {
      return invalid(
          fmt::format("The manual partition assignment includes broker {}, but no such "
                      "broker is registered.",
                      id.value()));
    }
    if (!seen.insert(id).second) {
      return invalid(fmt::format(
          "The manual partition assignment includes the broker {} more than once.", id.value()));
    }
  }
  if (expected != 0 && replicas.size() != expected) {
    return invalid(
        fmt::format("The manual partition assignment includes a partition with {} "
                    "replica(s), but this is not consistent with previous partitions, "
                    "which have {} replica(s).",
                    replicas.size(), expected));
  }
  return std::nullopt;
}

Controller::Placement Controller::place_automatically(std::int32_t partitions,
                                                      std::int32_t replication_factor) {
  std::vector<BrokerId> usable;
  for (const auto& [id, broker] : context_.image.brokers()) {
    if (!broker->fenced) usable.push_back(id);
  }
  if (static_cast<std::size_t>(replication_factor) > usable.size()) {
    return {{},
            fail(Errc::invalid_replication_factor,
                 fmt::format("Unable to replicate the partition {} time(s): The target replication "
                             "factor of {} cannot be reached because only {} broker(s) are "
                             "registered or some brokers have all their log directories cordoned.",
                             replication_factor, replication_factor, usable.size()))};
  }
  Placement placement;
  std::size_t first = static_cast<std::size_t>(context_.random.next() % usable.size());
  for (std::int32_t p = 0; p < partitions; ++p, ++first) {
    std::vector<BrokerId> replicas;
    for (std::int32_t r = 0; r < replication_factor; ++r) {
      replicas.push_back(usable[(first + static_cast<std::size_t>(r)) % usable.size()]);
    }
    placement.replicas.push_back(std::move(replicas));
  }
  return placement;
}

Controller::Placement Controller::place(const CreateTopicsRequest::Topic& topic) {
  if (topic.assignments.empty()) {
    if (topic.replication_factor < -1 || topic.replication_factor == 0) {
      return {{},
              fail(Errc::invalid_replication_factor,
                   "Replication factor must be larger than 0, or -1 to use the default value.")};
    }
    if (topic.num_partitions < -1 || topic.num_partitions == 0) {
      return {{},
              fail(Errc::invalid_partitions,
                   "Number of partitions was set to an invalid non-positive value.")};
    }
    const std::int64_t partitions =
        topic.num_partitions != -1 ? topic.num_partitions : config().integer("num.partitions");
    const std::int64_t replicas = topic.replication_factor != -1
                                      ? topic.replication_factor
                                      : config().integer("default.replication.factor");
    return place_automatically(static_cast<std::int32_t>(partitions),
                               static_cast<std::int32_t>(replicas));
  }
  for (const auto& [value, what] :
       {std::pair{static_cast<std::int32_t>(topic.replication_factor), "replication factor"},
        std::pair{topic.num_partitions, "numPartitions"}}) {
    if (value == -1) continue;
    return {{},
            fail(Errc::invalid_request,
                 fmt::format("A manual partition assignment was specified, but {} was not set to "
                             "-1.",
                             what))};
  }
  std::map<PartitionIndex, std::vector<BrokerId>> by_index;
  for (const auto& assignment : topic.assignments) {
    if (!by_index.emplace(assignment.partition, assignment.replicas).second) {
      return {{},
              fail(Errc::invalid_replica_assignment,
                   fmt::format("Found multiple manual partition assignments for partition {}",
                               assignment.partition.value()))};
    }
  }
  Placement placement;
  std::size_t expected = 0;
  for (auto& [index, replicas] : by_index) {
    if (static_cast<std::size_t>(index.value()) != placement.replicas.size()) {
      return {{},
              fail(Errc::invalid_replica_assignment,
                   "partitions should be a consecutive 0-based integer sequence")};
    }
    if (ItemError error = check_replicas(replicas, expected)) return {{}, error};
    expected = replicas.size();
    placement.replicas.push_back(std::move(replicas));
  }
  return placement;
}

PartitionRecord Controller::new_partition(const TopicId& topic, std::int32_t index,
                                          const std::vector<BrokerId>& replicas) const {
  PartitionRecord record;
  record.partition_id = index;
  record.topic_id = topic;
  record.replicas = raw_ids(replicas);
  for (const BrokerId id : replicas) {
    const BrokerImage* broker = context_.image.find_broker(id);
    if (broker != nullptr && !broker->fenced) record.isr.push_back(id.value());
    const bool one_directory = broker != nullptr && broker->log_dirs.size() == 1;
    record.directories.push_back(one_directory ? broker->log_dirs[0] : base::Uuid{});
  }
  record.leader = record.isr.empty() ? -1 : record.isr[0];
  record.leader_epoch = 0;
  record.partition_epoch = 0;
  return record;
}

CreateTopicsResult::Topic Controller::create_topic(const CreateTopicsRequest::Topic& topic,
                                                   std::vector<MetadataRecord>& records) {
  CreateTopicsResult::Topic result;
  result.name = topic.name;
  result.error = check_new_name(topic.name);
  if (result.error) return result;
  auto configs = new_topic_configs(topic);
  if (!configs) {
    result.error = configs.error();
    return result;
  }
  const Placement placement = place(topic);
  if (placement.error) {
    result.error = placement.error;
    return result;
  }
  result.id = base::Uuid::random(context_.random);
  result.num_partitions = static_cast<std::int32_t>(placement.replicas.size());
  result.replication_factor = static_cast<std::int16_t>(placement.replicas[0].size());
  result.configs = describe_topic(config(), &*configs);
  records.emplace_back(TopicRecord{topic.name, result.id});
  for (const auto& [name, value] : *configs) {
    records.emplace_back(
        ConfigRecord{static_cast<std::int8_t>(ConfigResourceType::topic), topic.name, name, value});
  }
  for (std::int32_t p = 0; p < result.num_partitions; ++p) {
    records.emplace_back(
        new_partition(result.id, p, placement.replicas[static_cast<std::size_t>(p)]));
  }
  return result;
}

Decision<CreateTopicsResult> Controller::create_topics(const CreateTopicsRequest& request) {
  Decision<CreateTopicsResult> decision;
  const auto counts = count_by(request.topics, [](const auto& t) { return t.name; });
  std::set<std::string> answered;
  std::int64_t partitions = 0;
  for (const auto& topic : request.topics) {
    if (counts.at(topic.name) > 1) {
      if (!answered.insert(topic.name).second) continue;
      CreateTopicsResult::Topic result;
      result.name = topic.name;
      result.error = fail(Errc::invalid_request, "Duplicate topic name.");
      decision.result.topics.push_back(std::move(result));
      continue;
    }
    // Before anything is allocated for them.
    partitions += std::max(topic.num_partitions, std::int32_t{1});
    if (partitions > partitions_per_request_max) break;
    decision.result.topics.push_back(create_topic(topic, decision.records));
  }
  if (partitions > partitions_per_request_max) {
    decision = {};
    for (const auto& [name, count] : counts) {
      CreateTopicsResult::Topic result;
      result.name = name;
      result.error =
          fail(Errc::policy_violation, "Excessively large number of partitions per request.");
      decision.result.topics.push_back(std::move(result));
    }
  }
  if (request.validate_only) {
    decision.records.clear();
    for (auto& topic : decision.result.topics) topic.id = {};
  }
  return decision;
}

Decision<DeleteTopicsResult> Controller::delete_topics(const DeleteTopicsRequest& request) {
  Decision<DeleteTopicsResult> decision;
  const auto find = [&](const DeleteTopicsRequest::Topic& wanted) {
    return wanted.name.empty() ? context_.image.find_topic(wanted.id)
                               : context_.image.find_topic(wanted.name);
  };
  const auto counts = count_by(request.topics, [&](const auto& wanted) {
    const TopicImage* topic = find(wanted);
    return topic == nullptr ? std::pair{wanted.name, wanted.id} : std::pair{topic->name, topic->id};
  });
  const bool enabled = config().flag("delete.topic.enable");
  std::set<std::pair<std::string, TopicId>> answered;
  for (const auto& wanted : request.topics) {
    const TopicImage* topic = find(wanted);
    DeleteTopicsResult::Topic result{wanted.name, wanted.id, std::nullopt};
    std::pair key{wanted.name, wanted.id};
    if (topic != nullptr) {
      result.name = topic->name;
      result.id = topic->id;
      key = {topic->name, topic->id};
    }
    if (!answered.insert(key).second) continue;
    if (!enabled) {
      result.error = fail(Errc::topic_deletion_disabled, "Topic deletion is disabled.");
    } else if (!wanted.name.empty() && !wanted.id.is_zero()) {
      result.error =
          fail(Errc::invalid_request, "You may not specify both topic name and topic id.");
    } else if (wanted.name.empty() && wanted.id.is_zero()) {
      result.error = fail(Errc::invalid_request, "Neither topic name nor id were specified.");
    } else if (counts.at(key) > 1) {
      result.error = fail(Errc::invalid_request,
                          wanted.name.empty() ? "Duplicate topic id." : "Duplicate topic name.");
    } else if (topic == nullptr) {
      result.error =
          wanted.name.empty()
              ? fail(Errc::unknown_topic_id, "This server does not host this topic ID.")
              : fail(Errc::unknown_topic, "This server does not host this topic-partition.");
    } else {
      decision.records.emplace_back(RemoveTopicRecord{topic->id});
    }
    decision.result.topics.push_back(std::move(result));
  }
  return decision;
}

ItemError Controller::add_partitions(const CreatePartitionsRequest::Topic& wanted,
                                     std::vector<MetadataRecord>& records) {
  const TopicImage* topic = context_.image.find_topic(wanted.name);
  if (topic == nullptr) {
    return fail(Errc::unknown_topic, "This server does not host this topic-partition.");
  }
  const auto now = static_cast<std::int32_t>(topic->partitions.size());
  if (wanted.count == now) {
    return fail(Errc::invalid_partitions, fmt::format("Topic already has {} partition(s).", now));
  }
  if (wanted.count < now) {
    return fail(Errc::invalid_partitions,
                fmt::format("The topic {} currently has {} partition(s); {} would not be an "
                            "increase.",
                            wanted.name, now, wanted.count));
  }
  const std::int32_t added = wanted.count - now;
  if (added > partitions_per_request_max) {
    return fail(Errc::policy_violation, "Excessively large number of partitions per request.");
  }
  const std::size_t replication = topic->partitions.at(0).replicas.size();
  Placement placement;
  if (!wanted.assignments) {
    placement = place_automatically(added, static_cast<std::int32_t>(replication));
    if (placement.error) return placement.error;
  } else {
    if (wanted.assignments->size() != static_cast<std::size_t>(added)) {
      return fail(Errc::invalid_replica_assignment,
                  fmt::format("Attempted to add {} additional partition(s), but only {} "
                              "assignment(s) were specified.",
                              added, wanted.assignments->size()));
    }
    for (const auto& replicas : *wanted.assignments) {
      if (ItemError error = check_replicas(replicas, replication)) return error;
    }
    placement.replicas = *wanted.assignments;
  }
  for (std::int32_t p = 0; p < added; ++p) {
    records.emplace_back(
        new_partition(topic->id, now + p, placement.replicas[static_cast<std::size_t>(p)]));
  }
  return std::nullopt;
}

Decision<CreatePartitionsResult> Controller::create_partitions(
    const CreatePartitionsRequest& request) {
  Decision<CreatePartitionsResult> decision;
  const auto counts = count_by(request.topics, [](const auto& t) { return t.name; });
  std::set<std::string> answered;
  for (const auto& topic : request.topics) {
    if (!answered.insert(topic.name).second) continue;
    ItemError error = counts.at(topic.name) > 1
                          ? ItemError(fail(Errc::invalid_request, "Duplicate topic name."))
                          : add_partitions(topic, decision.records);
    decision.result.topics.push_back({topic.name, std::move(error)});
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

// Configurations and features.

ItemError Controller::check_resource(const ConfigResource& resource) const {
  switch (resource.type) {
    case ConfigResourceType::topic:
      if (resource.name.empty()) {
        return fail(Errc::invalid_request, "Default topic resources are not allowed.");
      }
      if (context_.image.find_topic(resource.name) != nullptr) return std::nullopt;
      return fail(Errc::unknown_topic,
                  fmt::format("The topic '{}' does not exist.", resource.name));
    case ConfigResourceType::broker: {
      if (resource.name.empty()) return std::nullopt;
      const bool number = resource.name.size() <= 9 &&
                          resource.name.find_first_not_of("0123456789") == std::string::npos;
      if (!number) {
        return fail(Errc::invalid_request,
                    fmt::format("Broker id must be an integer, but it is: {}", resource.name));
      }
      if (context_.image.find_broker(BrokerId{std::stoi(resource.name)}) != nullptr) {
        return std::nullopt;
      }
      return fail(Errc::invalid_request,
                  fmt::format("Unexpected broker id, expected {} or empty string, but received {}",
                              context_.self.value(), resource.name));
    }
    case ConfigResourceType::group:
    case ConfigResourceType::client_metrics:
      if (!resource.name.empty()) return std::nullopt;
      return fail(Errc::invalid_request, resource.type == ConfigResourceType::group
                                             ? "Default group resources are not allowed."
                                             : "Subscription name can't be empty");
    case ConfigResourceType::broker_logger:
    case ConfigResourceType::unknown:
      break;
  }
  return fail(Errc::invalid_request,
              fmt::format("Unknown resource type {}", static_cast<int>(resource.type)));
}

Decision<AlterConfigsResult> Controller::alter_configs(const AlterConfigsRequest& request) {
  Decision<AlterConfigsResult> decision;
  const auto counts = count_by(request.resources, [](const auto& r) { return r.resource; });
  const ConfigChangeRules rules{
      request.replace_all, context_.image.feature_level(eligible_leader_replicas) > 0, config()};
  std::set<ConfigResource> answered;
  for (const auto& resource : request.resources) {
    const ConfigResource& which = resource.resource;
    if (!answered.insert(which).second) continue;
    ItemError error;
    if (counts.at(which) > 1) {
      error = fail(Errc::invalid_request, "Each resource must appear at most once.");
    } else {
      error = check_resource(which);
    }
    if (!error) {
      error = decide_config_changes(resource, context_.image.find_configs(which.type, which.name),
                                    rules, decision.records);
    }
    decision.result.resources.push_back({which, std::move(error)});
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

Decision<UpdateFeaturesResult> Controller::update_features(const UpdateFeaturesRequest& request) {
  Decision<UpdateFeaturesResult> decision;
  for (const auto& update : request.updates) {
    decision.result.error =
        decide_feature_update(context_.image, context_.self, update, decision.records);
    if (decision.result.error) break;
    const bool switched_on = update.name == eligible_leader_replicas && update.level > 0 &&
                             context_.image.feature_level(update.name) == 0;
    if (switched_on)
      std::ranges::move(eligible_leader_records(context_.image, context_.static_config),
                        std::back_inserter(decision.records));
  }
  if (decision.result.error || request.validate_only) decision.records.clear();
  return decision;
}

// Leadership and in-sync replicas.

ItemError Controller::elect(const TopicImage& topic, const PartitionImage& partition,
                            ElectLeadersRequest::Type type,
                            std::vector<MetadataRecord>& records) const {
  const auto alive = [&](BrokerId id) {
    const BrokerImage* broker = context_.image.find_broker(id);
    return broker != nullptr && !broker->fenced;
  };
  const bool preferred = type == ElectLeadersRequest::Type::preferred;
  const BrokerId first = partition.replicas.empty() ? no_leader : partition.replicas[0];
  const bool needed = preferred ? partition.leader != first : partition.leader == no_leader;
  if (!needed) {
    return fail(Errc::election_not_needed, "Leader election not needed for topic partition.");
  }
  PartitionChangeRecord change = change_of(topic, partition);
  if (preferred) {
    if (!contains(partition.isr, first) || !alive(first)) {
      return fail(Errc::broker_not_available, "The preferred leader was not available.");
    }
    change.leader = first.value();
  } else {
    const auto candidate = std::ranges::find_if(partition.replicas, alive);
    if (candidate == partition.replicas.end()) {
      return fail(Errc::element_not_available, "No eligible leader was available.");
    }
    change.leader = candidate->value();
    if (!contains(partition.isr, *candidate)) {
      change.isr = Ids{candidate->value()};
      change.leader_recovery_state = static_cast<std::int8_t>(LeaderRecoveryState::recovering);
    }
  }
  records.emplace_back(std::move(change));
  return std::nullopt;
}

Decision<ElectLeadersResult> Controller::elect_leaders(const ElectLeadersRequest& request) {
  Decision<ElectLeadersResult> decision;
  if (!request.partitions) {
    context_.image.for_each_topic([&](const TopicImage& topic) {
      for (const PartitionImage& partition : topic.partitions) {
        ItemError error = elect(topic, partition, request.type, decision.records);
        if (error && error->code == Errc::election_not_needed) continue;
        decision.result.partitions.push_back({{topic.name, partition.index}, std::move(error)});
      }
    });
    return decision;
  }
  for (const TopicPartition& wanted : *request.partitions) {
    const TopicImage* topic = context_.image.find_topic(wanted.topic);
    const PartitionImage* partition = topic == nullptr ? nullptr : topic->find(wanted.partition);
    ItemError error;
    if (topic == nullptr) {
      error = fail(Errc::unknown_topic, fmt::format("No such topic as {}", wanted.topic));
    } else if (partition == nullptr) {
      error = fail(Errc::unknown_topic, fmt::format("No such partition as {}-{}", wanted.topic,
                                                    wanted.partition.value()));
    } else {
      error = elect(*topic, *partition, request.type, decision.records);
    }
    decision.result.partitions.push_back({wanted, std::move(error)});
  }
  return decision;
}

Status Controller::check_epoch(BrokerId id, BrokerEpoch epoch) const {
  const BrokerImage* broker = context_.image.find_broker(id);
  if (broker == nullptr) {
    return fail(Errc::stale_broker_epoch,
                fmt::format("No broker registration found for broker id {}", id.value()));
  }
  if (broker->epoch != epoch) {
    return fail(Errc::stale_broker_epoch,
                fmt::format("Expected broker epoch {}, but got broker epoch {}",
                            broker->epoch.value(), epoch.value()));
  }
  return {};
}

ItemError Controller::alter_isr(const AlterPartitionRequest& request,
                                const AlterPartitionRequest::Partition& wanted, PartitionImage& now,
                                std::vector<MetadataRecord>& records) const {
  const TopicImage* topic = context_.image.find_topic(wanted.partition.topic_id);
  if (topic == nullptr) {
    return fail(Errc::unknown_topic_id, "This server does not host this topic ID.");
  }
  const PartitionImage* partition = topic->find(wanted.partition.partition);
  if (partition == nullptr) {
    return fail(Errc::unknown_topic, "This server does not host this topic-partition.");
  }
  if (wanted.leader_epoch > partition->leader_epoch ||
      wanted.partition_epoch > partition->partition_epoch) {
    return fail(Errc::not_leader,
                "The request knows an epoch that is newer than the controller's.");
  }
  if (wanted.leader_epoch < partition->leader_epoch) {
    return fail(Errc::fenced_leader_epoch,
                "The leader epoch in the request is older than the epoch on the broker.");
  }
  if (request.id != partition->leader) {
    return fail(Errc::invalid_request,
                fmt::format("Broker {} is not the leader of {}-{}.", request.id.value(),
                            topic->name, partition->index.value()));
  }
  if (wanted.partition_epoch < partition->partition_epoch) {
    return fail(Errc::invalid_update_version, "The given update version was invalid.");
  }
  Ids isr;
  for (const AlterPartitionRequest::Member& member : wanted.isr) {
    const BrokerImage* broker = context_.image.find_broker(member.id);
    const bool eligible = contains(partition->replicas, member.id) && broker != nullptr &&
                          !broker->fenced && !broker->in_controlled_shutdown &&
                          (member.epoch.value() == -1 || member.epoch == broker->epoch);
    if (!eligible) {
      return fail(Errc::invalid_request,
                  fmt::format("Broker {} may not be in sync.", member.id.value()));
    }
    isr.push_back(member.id.value());
  }
  if (!std::ranges::count(isr, request.id.value())) {
    return fail(Errc::invalid_request, "The leader is not among the replicas in sync.");
  }
  now = *partition;
  const bool same = raw_ids(partition->isr) == isr &&
                    partition->leader_recovery_state == wanted.leader_recovery_state;
  if (same) return std::nullopt;
  PartitionChangeRecord change = change_of(*topic, *partition);
  if (raw_ids(partition->isr) != isr) change.isr = isr;
  if (partition->leader_recovery_state != wanted.leader_recovery_state) {
    change.leader_recovery_state = static_cast<std::int8_t>(wanted.leader_recovery_state);
  }
  records.emplace_back(std::move(change));
  now.isr.clear();
  for (const std::int32_t id : isr) now.isr.emplace_back(id);
  now.leader_recovery_state = wanted.leader_recovery_state;
  now.partition_epoch = PartitionEpoch{now.partition_epoch.value() + 1};
  return std::nullopt;
}

Result<Decision<AlterPartitionResult>> Controller::alter_partition(
    const AlterPartitionRequest& request) {
  MOLDAU_TRY(check_epoch(request.id, request.epoch));
  Decision<AlterPartitionResult> decision;
  for (const auto& wanted : request.partitions) {
    AlterPartitionResult::Partition result{wanted.partition, std::nullopt, {}};
    result.error = alter_isr(request, wanted, result.now, decision.records);
    decision.result.partitions.push_back(std::move(result));
  }
  return decision;
}

std::vector<MetadataRecord> Controller::begin_term(BrokerId broker) const {
  std::vector<MetadataRecord> records;
  context_.image.for_each_topic([&](const TopicImage& topic) {
    for (const PartitionImage& partition : topic.partitions) {
      const bool in_sync = contains(partition.isr, broker);
      // Kafka leaves a partition whose last replica stopped with an empty ISR and that replica
      // eligible.
      const bool last =
          partition.isr.empty() && (contains(partition.eligible_leader_replicas, broker) ||
                                    partition.replicas == std::vector{broker});
      if (!in_sync && !last) continue;
      PartitionChangeRecord change = change_of(topic, partition);
      change.leader = broker.value();
      if (!in_sync) change.isr = Ids{broker.value()};
      if (!partition.eligible_leader_replicas.empty()) change.eligible_leader_replicas = Ids{};
      if (!partition.last_known_elr.empty()) change.last_known_elr = Ids{};
      records.emplace_back(std::move(change));
    }
  });
  return records;
}

// Brokers.

Result<Decision<AllocateProducerIdsResult>> Controller::allocate_producer_ids(
    const AllocateProducerIdsRequest& request) {
  MOLDAU_TRY(check_epoch(request.id, request.epoch));
  const std::int64_t first = context_.image.next_producer_id();
  if (first > INT64_MAX - producer_ids_per_block) {
    return fail(Errc::limit_exceeded,
                "Exhausted all producerIds as the next block's end producerId "
                "has exceeded the int64 type limit");
  }
  Decision<AllocateProducerIdsResult> decision{{ProducerId{first}, producer_ids_per_block}, {}};
  decision.records.emplace_back(
      ProducerIdsRecord{request.id.value(), request.epoch.value(), first + producer_ids_per_block});
  return decision;
}

Result<Decision<RegisterBrokerResult>> Controller::register_broker(
    const RegisterBrokerRequest& request) {
  if (request.cluster_id != context_.cluster_id) {
    return fail(Errc::foreign_directory,
                fmt::format("Expected cluster ID {}, but got cluster ID {}", context_.cluster_id,
                            request.cluster_id));
  }
  RegisterBrokerRecord record;
  record.broker_id = request.id.value();
  record.incarnation_id = request.incarnation_id;
  record.broker_epoch = context_.next_offset.value();
  record.end_points = request.endpoints;
  for (const auto& [name, range] : request.features) {
    record.features.push_back({name, range.min, range.max});
  }
  record.rack = request.rack;
  record.fenced = true;
  record.log_dirs = request.log_dirs;
  Decision<RegisterBrokerResult> decision{{BrokerEpoch{record.broker_epoch}}, {}};
  decision.records.emplace_back(std::move(record));
  return decision;
}

Result<Decision<BrokerHeartbeatResult>> Controller::broker_heartbeat(
    const BrokerHeartbeatRequest& request) {
  MOLDAU_TRY(check_epoch(request.id, request.epoch));
  const BrokerImage& broker = *context_.image.find_broker(request.id);
  Decision<BrokerHeartbeatResult> decision;
  decision.result.is_caught_up = request.metadata_offset.value() >= broker.epoch.value();
  decision.result.should_shutdown = request.want_shutdown;
  const bool fence = request.want_fence || request.want_shutdown ||
                     (broker.fenced && !decision.result.is_caught_up);
  decision.result.is_fenced = fence;
  if (fence == broker.fenced) return decision;
  BrokerRegistrationChangeRecord change;
  change.broker_id = request.id.value();
  change.broker_epoch = request.epoch.value();
  change.fenced = fence ? 1 : -1;
  decision.records.emplace_back(std::move(change));
  return decision;
}

}  // namespace moldau::metadata
