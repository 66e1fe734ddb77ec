#pragma once
// Holds what transactions put into the lane against rules written down a second time, from what transactions
// promise and not from how the machine does it.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/txn_host.hpp"

namespace moldau::txn {

/// A transaction as the lane tells of it.
struct SeenTransaction {
  std::string transactional_id;
  coordinator::Producer producer;  // by which its data is written
  std::set<TopicPartition> partitions;
  bool is_decided = false;
  bool is_commit = false;
  bool is_complete = false;
};

class LaneChecker {
 public:
  /// From its beginning.  What is wrong, a line each; nothing when all is well:
  /// - a producer id belongs to one transactional id, and its epochs never fall;
  /// - a transaction has one decision, which nothing changes any more;
  /// - markers come after the decision, say the same, and go to the transaction's partitions;
  /// - it is complete only when each of its partitions has one.
  std::vector<std::string> check(const std::vector<LaneEntry>& lane);
  /// The first record of each id may have any epoch: it was begun elsewhere.
  bool first_epochs_are_given = false;

  /// In the order in which they began.
  [[nodiscard]] const std::vector<SeenTransaction>& transactions() const { return transactions_; }

 private:
  struct Id {
    TransactionRecord::Value value;
    bool is_there = false;
    std::size_t transaction = 0;  // its newest, if it has one
    bool has_transaction = false;
    std::set<TopicPartition> marked;  // since the decision
  };
  void take(const TransactionRecord& record);
  void take(const WrittenMarker& written);
  void begin_or_grow(Id& id, const std::string& name, const TransactionRecord::Value& value);
  void decide(Id& id, const std::string& name, const TransactionRecord::Value& value);
  void complete(Id& id, const TransactionRecord::Value& value);
  void check_producer(const std::string& name, const TransactionRecord::Value& value);
  void require(bool condition, const std::string& what);

  std::map<std::string, Id> ids_;
  std::map<std::int64_t, std::string> owners_;      // of producer ids
  std::map<std::int64_t, std::int16_t> epochs_;     // the newest
  std::vector<SeenTransaction> transactions_;
  std::size_t at_ = 0;
  std::vector<std::string> wrong_;
};

}  // namespace moldau::txn
