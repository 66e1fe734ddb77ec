// What is checked before a change is made: the table of states, and the epochs.  The rules themselves are told by
// tests/scenario/txn.

#include "txn/transaction.hpp"

#include <gtest/gtest.h>

#include <set>

namespace moldau::txn {
namespace {

using enum TransactionState;
using Value = TransactionRecord::Value;

constexpr std::array all_states{empty,           ongoing,        prepare_commit, prepare_abort,
                                complete_commit, complete_abort, dead,           prepare_epoch_fence};

Value value_of(TransactionState state, std::int64_t id = 1, int epoch = 5) {
  Value value;
  value.state = state;
  value.producer_id = ProducerId{id};
  value.producer_epoch = ProducerEpoch{static_cast<std::int16_t>(epoch)};
  if (state != empty) value.partitions.emplace();
  return value;
}

Transaction in_state(TransactionState state) {
  Transaction transaction("t");
  transaction.apply(value_of(state));
  return transaction;
}

TEST(TransactionStates, FollowEachOtherAsInKafka) {
  const std::set<std::pair<TransactionState, TransactionState>> allowed{
      {empty, empty},
      {complete_commit, empty},
      {complete_abort, empty},
      {empty, ongoing},
      {complete_commit, ongoing},
      {complete_abort, ongoing},
      {ongoing, ongoing},
      {ongoing, prepare_commit},
      {ongoing, prepare_abort},
      {empty, prepare_abort},
      {complete_commit, prepare_abort},
      {complete_abort, prepare_abort},
      {prepare_commit, complete_commit},
      {prepare_abort, complete_abort},
      {empty, dead},
      {complete_commit, dead},
      {complete_abort, dead}};
  for (const auto from : all_states)
    for (const auto to : all_states)
      EXPECT_EQ(may_follow(from, to), allowed.contains({from, to}))
          << state_name(from) << " -> " << state_name(to);
}

TEST(TransactionDeathTest, ChecksEveryChangeAgainstTheTable) {
  auto decided = in_state(prepare_commit);
  EXPECT_DEATH(decided.change_to(value_of(complete_abort)), "may not follow");
  EXPECT_DEATH(decided.change_to(value_of(prepare_abort)), "may not follow");
  auto complete = in_state(complete_commit);
  EXPECT_DEATH(complete.change_to(value_of(complete_abort)), "may not follow");
  EXPECT_DEATH(complete.change_to(value_of(prepare_commit)), "may not follow");
  Transaction unknown("t");
  EXPECT_DEATH(unknown.change_to(value_of(ongoing)), "may not follow");
}

TEST(TransactionDeathTest, ChecksThatEpochsNeverFall) {
  auto open = in_state(ongoing);
  EXPECT_DEATH(open.change_to(value_of(prepare_abort, 1, 4)), "epoch fell");
  auto complete = in_state(complete_abort);
  EXPECT_DEATH(complete.change_to(value_of(empty, 2, 6)), "begin with epoch 0");
  EXPECT_DEATH(open.change_to(value_of(prepare_abort, 2, 0)), "taken away");
  open.change_to(value_of(prepare_abort, 1, 6));
  EXPECT_EQ(open.state(), prepare_abort);
}

TEST(Transaction, GivesItsMarkersTheVersionThatMayFindThem) {
  auto value = value_of(prepare_commit);
  value.client_transaction_version = 2;
  Transaction transaction("t");
  transaction.apply(value);
  const auto marker = transaction.marker(9);
  EXPECT_EQ(marker.producer.id, ProducerId{1});
  EXPECT_EQ(marker.producer.epoch, ProducerEpoch{5});
  EXPECT_TRUE(marker.commit);
  EXPECT_EQ(marker.coordinator_epoch, 9);
  EXPECT_EQ(marker.transaction_version, 2);
  value.client_transaction_version = 0;
  transaction.apply(value);
  EXPECT_EQ(transaction.marker(9).transaction_version, 0);
  // No epoch is above the last, which the newer version asks for.
  value.client_transaction_version = 2;
  value.producer_epoch = last_epoch;
  transaction.apply(value);
  EXPECT_EQ(transaction.marker(9).transaction_version, 1);
}

TEST(Transaction, KnowsAConnectionThatWasLeft) {
  auto transaction = in_state(ongoing);
  EXPECT_FALSE(transaction.is_left(Transaction::Channel::transaction, 4));
  EXPECT_FALSE(transaction.is_left(Transaction::Channel::transaction, 4));
  EXPECT_FALSE(transaction.is_left(Transaction::Channel::transaction, 9));
  EXPECT_TRUE(transaction.is_left(Transaction::Channel::transaction, 4));
  transaction.change_to(value_of(prepare_abort));
  EXPECT_TRUE(transaction.is_left(Transaction::Channel::transaction, 4)) << "the producer is the same";
  EXPECT_FALSE(transaction.is_left(Transaction::Channel::offsets, 4)) << "that has connections of its own";
  EXPECT_FALSE(transaction.is_left(Transaction::Channel::offsets, 12));
  EXPECT_TRUE(transaction.is_left(Transaction::Channel::offsets, 4));
  EXPECT_FALSE(transaction.is_left(Transaction::Channel::transaction, 9));
  transaction.change_to(value_of(complete_abort));
  transaction.change_to(value_of(empty, 1, 6));
  EXPECT_FALSE(transaction.is_left(Transaction::Channel::transaction, 4)) << "another epoch is another client";
}

}  // namespace
}  // namespace moldau::txn
