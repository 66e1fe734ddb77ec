#include "moldau/txn/transaction_filter.hpp"

#include <gtest/gtest.h>

namespace moldau::txn {
namespace {

/// What ListTransactions asks for, field by field.
struct Asked {
  std::vector<std::string> states{};
  std::vector<ProducerId> producers{};
  std::int64_t duration = -1;
  std::optional<std::string> pattern{};
};

base::Result<TransactionFilter> try_filter_of(const Asked& asked) {
  protocol::ListTransactionsRequest request;
  request.state_filters = asked.states;
  request.producer_id_filters = asked.producers;
  request.duration_filter = asked.duration;
  request.transactional_id_pattern = asked.pattern;
  return TransactionFilter::of(request);
}
TransactionFilter filter_of(const Asked& asked) { return try_filter_of(asked).value(); }

TransactionRecord::Value value_of(TransactionState state, std::int64_t start_ms = -1) {
  TransactionRecord::Value value;
  value.producer_id = ProducerId{7};
  value.state = state;
  value.start_ms = start_ms;
  return value;
}

TEST(TransactionFilter, WithoutConditionsLeavesAll) {
  const auto filter = filter_of({});
  EXPECT_TRUE(filter.passes("a", value_of(TransactionState::empty), 0));
  EXPECT_TRUE(filter.passes("b", value_of(TransactionState::prepare_abort, 5), 0));
}

TEST(TransactionFilter, KnowsEveryStateOfKafkasByItsName) {
  for (const auto* name : {"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit",
                           "CompleteAbort", "Dead", "PrepareEpochFence"}) {
    const auto filter = filter_of({.states = {name}});
    EXPECT_TRUE(filter.unknown_states().empty()) << name;
    EXPECT_TRUE(filter.passes("a", value_of(state_of(name).value()), 0));
    const bool is_empty = std::string_view(name) == "Empty";
    EXPECT_EQ(filter.passes("a", value_of(TransactionState::empty), 0), is_empty);
  }
}

TEST(TransactionFilter, NamesStatesThatThereAreNot) {
  const auto filter = filter_of({.states = {"ongoing", "Open"}});
  EXPECT_EQ(filter.unknown_states(), (std::vector<std::string>{"ongoing", "Open"}));
  EXPECT_FALSE(filter.passes("a", value_of(TransactionState::ongoing), 0)) << "Kafka is exact about case";
}

TEST(TransactionFilter, LeavesTheProducersThatAreNamed) {
  EXPECT_TRUE(filter_of({.producers = {ProducerId{6}, ProducerId{7}}})
                  .passes("a", value_of(TransactionState::empty), 0));
  EXPECT_FALSE(filter_of({.producers = {ProducerId{6}}})
                   .passes("a", value_of(TransactionState::empty), 0));
}

TEST(TransactionFilter, OfADurationLeavesWhatIsOpenForLonger) {
  const auto filter = filter_of({.duration = 100});
  EXPECT_FALSE(filter.passes("a", value_of(TransactionState::ongoing, 1'000), 1'100));
  EXPECT_TRUE(filter.passes("a", value_of(TransactionState::ongoing, 1'000), 1'101));
  EXPECT_TRUE(filter.passes("a", value_of(TransactionState::empty), 1'000)) << "never begun: as in Kafka";
}

TEST(TransactionFilter, TakesAPatternForTheWholeId) {
  const auto filter = filter_of({.pattern = "a.*z"});
  EXPECT_TRUE(filter.passes("a to z", value_of(TransactionState::empty), 0));
  EXPECT_FALSE(filter.passes("a to zz top", value_of(TransactionState::empty), 0));
  EXPECT_TRUE(filter_of({.pattern = ""})
                  .passes("anything", value_of(TransactionState::empty), 0));
}

TEST(TransactionFilter, RefusesAPatternThatIsNone) {
  const auto filter = try_filter_of({.pattern = "a("});
  ASSERT_FALSE(filter);
  EXPECT_EQ(filter.error().code, base::Errc::invalid_argument);
}

}  // namespace
}  // namespace moldau::txn
