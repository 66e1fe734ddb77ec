#include "tests/txn/lane_checker.hpp"

namespace moldau::txn {
namespace {

using enum TransactionState;

bool rests(TransactionState state) {
  return state != ongoing && state != prepare_commit && state != prepare_abort;
}

std::set<TopicPartition> partitions_of(const TransactionRecord::Value& value) {
  std::set<TopicPartition> partitions;
  if (value.partitions)
    for (const auto& [topic, ids] : *value.partitions)
      for (const auto id : ids) partitions.insert({topic, PartitionIndex{id}});
  return partitions;
}

}  // namespace

std::vector<std::string> LaneChecker::check(const std::vector<LaneEntry>& lane) {
  LaneChecker fresh;
  fresh.first_epochs_are_given = first_epochs_are_given;
  *this = std::move(fresh);
  for (const auto& entry : lane) {
    std::visit([this](const auto& typed) { take(typed); }, entry);
    ++at_;
  }
  return std::move(wrong_);
}

void LaneChecker::require(bool condition, const std::string& what) {
  if (!condition) wrong_.push_back("entry " + std::to_string(at_) + ": " + what);
}

void LaneChecker::check_producer(const std::string& name, const TransactionRecord::Value& value) {
  const auto id = value.producer_id.value();
  const auto epoch = value.producer_epoch.value();
  const auto [owner, is_new] = owners_.try_emplace(id, name);
  require(owner->second == name, "a producer id belongs to two transactional ids");
  const bool is_given = first_epochs_are_given && !ids_[name].is_there;
  require(!is_new || epoch == 0 || is_given, "a producer id that begins with another epoch than 0");
  auto& newest = epochs_[id];
  require(is_new || epoch >= newest, "an epoch that falls");
  newest = epoch;
}

void LaneChecker::take(const TransactionRecord& record) {
  const auto& name = record.transactional_id;
  auto& id = ids_[name];
  if (!record.value) {
    require(id.is_there && rests(id.value.state), "an open transaction is forgotten");
    id = {};
    return;
  }
  const auto& value = *record.value;
  check_producer(name, value);
  switch (value.state) {
    case empty:
      require(!id.is_there || rests(id.value.state), "a new producer while a transaction is open");
      require(!value.partitions, "partitions without a transaction");
      break;
    case ongoing: begin_or_grow(id, name, value); break;
    case prepare_commit:
    case prepare_abort: decide(id, name, value); break;
    case complete_commit:
    case complete_abort: complete(id, value); break;
    default: require(false, "a state that no log has");
  }
  id.value = value;
  id.is_there = true;
}

void LaneChecker::begin_or_grow(Id& id, const std::string& name,
                                const TransactionRecord::Value& value) {
  require(id.is_there, "a transaction without a producer");
  require(value.producer_id == id.value.producer_id &&
              value.producer_epoch == id.value.producer_epoch,
          "a transaction of another producer than was initialised");
  const auto partitions = partitions_of(value);
  if (id.value.state != ongoing) {
    require(rests(id.value.state), "a transaction begins before the last one is complete");
    id.transaction = transactions_.size();
    id.has_transaction = true;
    transactions_.push_back({name, {value.producer_id, value.producer_epoch}, {}});
  }
  auto& transaction = transactions_[id.transaction];
  for (const auto& partition : transaction.partitions)
    require(partitions.contains(partition), "a partition is lost");
  transaction.partitions = partitions;
}

void LaneChecker::decide(Id& id, const std::string& name, const TransactionRecord::Value& value) {
  const bool is_commit = value.state == prepare_commit;
  require(value.producer_id == id.value.producer_id, "a decision for another producer");
  const int raise = value.producer_epoch.value() - id.value.producer_epoch.value();
  require(raise == 0 || raise == 1, "a decision that raises the epoch by " + std::to_string(raise));
  id.marked.clear();
  if (id.value.state == ongoing) {
    auto& transaction = transactions_[id.transaction];
    require(!transaction.is_decided, "a second decision");
    require(partitions_of(value) == transaction.partitions,
            "a decision for other partitions than were added");
    transaction.is_decided = true;
    transaction.is_commit = is_commit;
    return;
  }
  require(id.is_there && rests(id.value.state) && !is_commit && raise == 1,
          "a decision without a transaction");
  require(partitions_of(value).empty(), "partitions without a transaction");
  // An abort of nothing is a transaction, too: its epoch is used up.
  id.transaction = transactions_.size();
  id.has_transaction = true;
  transactions_.push_back({name, {id.value.producer_id, id.value.producer_epoch}, {}, true, false});
}

void LaneChecker::complete(Id& id, const TransactionRecord::Value& value) {
  const bool is_commit = value.state == complete_commit;
  require(id.has_transaction && id.value.state == (is_commit ? prepare_commit : prepare_abort),
          "complete, but not as it was decided");
  if (!id.has_transaction) return;
  auto& transaction = transactions_[id.transaction];
  for (const auto& partition : transaction.partitions)
    require(id.marked.contains(partition), "complete, but a partition has no marker");
  if (value.producer_id == id.value.producer_id)
    require(value.producer_epoch == id.value.producer_epoch, "completion changes the epoch");
  else
    require(value.producer_id == id.value.next_producer_id, "completion changes the producer");
  transaction.is_complete = true;
}

void LaneChecker::take(const WrittenMarker& written) {
  const auto& id = ids_[written.transactional_id];
  const auto state = id.value.state;
  require(id.is_there && (state == prepare_commit || state == prepare_abort),
          "a marker without a decision");
  require(written.marker.commit == (state == prepare_commit),
          "a marker that says something else than the decision");
  require(written.marker.producer.id == id.value.producer_id &&
              written.marker.producer.epoch == id.value.producer_epoch,
          "a marker of another producer");
  require(partitions_of(id.value).contains(written.partition), "a marker for another partition");
  ids_[written.transactional_id].marked.insert(written.partition);
}

}  // namespace moldau::txn
