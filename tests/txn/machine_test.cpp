// What the stories of tests/scenario/txn do not show: times, what a step hands out besides records, and bounds.

#include "moldau/txn/machine.hpp"

#include <gtest/gtest.h>

#include "tests/support/txn_host.hpp"

namespace moldau::txn {
namespace {

using protocol::ErrorCode;
using namespace std::chrono_literals;

class TransactionMachine : public testing::Test {
 protected:
  coordinator::Producer init(const std::string& id, std::int32_t timeout_ms = 60'000) {
    coordinator::Producer producer{no_producer_id, no_producer_epoch};
    host_.run([&](Machine& machine, Step& step) {
      protocol::InitProducerIdRequest request;
      request.transactional_id = id;
      request.transaction_timeout_ms = timeout_ms;
      const auto response = machine.init_producer_id(step, {.version = 5, .client_id = "", .host = ""}, request);
      EXPECT_EQ(response.error_code, ErrorCode::none);
      producer = {response.producer_id, response.producer_epoch};
    });
    return producer;
  }

  std::vector<ErrorCode> enlist(const std::string& id, coordinator::Producer producer,
                                const std::vector<TopicPartition>& partitions,
                                Enlistment::Mode mode = Enlistment::Mode::add_by_write) {
    std::vector<ErrorCode> codes;
    host_.run([&](Machine& machine, Step& step) {
      codes = machine.enlist(step, {.version = 12, .client_id = "cli", .host = "/192.0.2.7"},
                             {id, producer, partitions, mode});
    });
    return codes;
  }

  ErrorCode end(const std::string& id, coordinator::Producer producer, bool commit) {
    auto code = ErrorCode::none;
    host_.run([&](Machine& machine, Step& step) {
      protocol::EndTxnRequest request;
      request.transactional_id = id;
      request.producer_id = producer.id;
      request.producer_epoch = producer.epoch;
      request.committed = commit;
      code = machine.end_txn(step, {.version = 5, .client_id = "", .host = ""}, request).error_code;
    });
    return code;
  }

  [[nodiscard]] TransactionRecord::Value newest(const std::string& id) const {
    return host_.newest(id).value().value.value();
  }

  TxnHost host_;
  const TopicPartition foo_{"foo", PartitionIndex{0}};
  const TopicPartition bar_{"bar", PartitionIndex{1}};
};

TEST_F(TransactionMachine, WritesWhenATransactionBeganAndWhenItChanged) {
  const auto t0 = host_.now().wall_ms;
  const auto producer = init("t");
  EXPECT_EQ(newest("t").start_ms, -1);
  EXPECT_EQ(newest("t").last_update_ms, t0);
  host_.advance(5s);
  enlist("t", producer, {foo_});
  EXPECT_EQ(newest("t").start_ms, t0 + 5'000);
  EXPECT_EQ(newest("t").last_update_ms, t0 + 5'000);
  host_.advance(5s);
  enlist("t", producer, {bar_});
  EXPECT_EQ(newest("t").start_ms, t0 + 5'000);
  EXPECT_EQ(newest("t").last_update_ms, t0 + 10'000);
  host_.advance(5s);
  end("t", producer, true);
  EXPECT_EQ(newest("t").state, TransactionState::complete_commit);
  EXPECT_EQ(newest("t").start_ms, t0 + 5'000) << "as Kafka keeps it";
  EXPECT_EQ(newest("t").last_update_ms, t0 + 15'000);
  // An abort of nothing began when it ended.
  host_.advance(5s);
  end("t", {producer.id, ProducerEpoch{1}}, false);
  EXPECT_EQ(newest("t").start_ms, t0 + 20'000);
}

TEST_F(TransactionMachine, GivesItsMarkersTheEpochOfTheCoordinator) {
  host_.coordinator_epoch = 42;
  const auto producer = init("t");
  enlist("t", producer, {foo_});
  std::vector<WrittenMarker> markers;
  host_.on_entry = [&](const LaneEntry& entry) {
    if (const auto* marker = std::get_if<WrittenMarker>(&entry)) markers.push_back(*marker);
  };
  end("t", producer, true);
  ASSERT_EQ(markers.size(), 1U);
  EXPECT_EQ(markers[0].partition, foo_);
  EXPECT_EQ(markers[0].marker.coordinator_epoch, 42);
}

TEST_F(TransactionMachine, NamesWhoseTransactionTimedOut) {
  std::vector<TimedOut> timed_out;
  host_.on_timed_out = [&](const TimedOut& each) { timed_out.push_back(each); };
  const auto producer = init("t", 1'000);
  enlist("t", producer, {foo_});
  host_.advance(1500ms);
  host_.expire();
  ASSERT_EQ(timed_out.size(), 1U);
  EXPECT_EQ(timed_out[0].transactional_id, "t");
  EXPECT_EQ(timed_out[0].producer.id, producer.id);
  EXPECT_EQ(timed_out[0].producer.epoch, producer.epoch);
  EXPECT_EQ(timed_out[0].client_id, "cli");
  EXPECT_EQ(timed_out[0].host, "/192.0.2.7");
  EXPECT_EQ(timed_out[0].open_ms, 1'500);
}

TEST_F(TransactionMachine, KnowsWhoseAProducerIs) {
  const auto a = init("a");
  const auto b = init("b");
  const auto owners_of = [this](std::vector<ProducerId> producers) {
    partition::TransactionOwners found;
    host_.machine().find_owners(producers, found);
    return found.by_producer;
  };
  enlist("a", a, {foo_, bar_});
  auto found = owners_of({a.id});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.at(a.id).transactional_id, "a");
  EXPECT_EQ(found.at(a.id).client_id, "cli");
  EXPECT_EQ(found.at(a.id).client_host, "/192.0.2.7");
  EXPECT_EQ(found.at(a.id).partitions, (std::vector{bar_, foo_}));
  EXPECT_EQ(owners_of({a.id, b.id}).size(), 2U);
  EXPECT_TRUE(owners_of({b.id}).at(b.id).client_id.empty());
  EXPECT_TRUE(owners_of({ProducerId{4711}}).empty());
  EXPECT_TRUE(owners_of({no_producer_id}).empty());
  // What is over is open nowhere; a restart forgets the client.
  end("a", a, true);
  EXPECT_TRUE(owners_of({a.id}).at(a.id).partitions.empty());
  EXPECT_EQ(owners_of({a.id}).at(a.id).client_id, "cli");
  host_.crash();
  EXPECT_EQ(owners_of({a.id}).at(a.id).transactional_id, "a");
  EXPECT_TRUE(owners_of({a.id}).at(a.id).client_id.empty());
}

TEST_F(TransactionMachine, KnowsWhoseAProducerWasWhoseEpochsAreUsedUp) {
  const auto old = init("t");
  const ProducerEpoch last{32766};
  TransactionRecord spent = host_.newest("t").value();
  spent.value->producer_epoch = last;
  host_.run([&](Machine& machine, Step&) { machine.apply(spent); });
  const auto renewed = init("t");
  ASSERT_NE(renewed.id, old.id);
  partition::TransactionOwners found;
  host_.machine().find_owners({old.id, renewed.id}, found);
  EXPECT_EQ(found.by_producer.size(), 2U);
  EXPECT_EQ(found.by_producer.at(old.id).transactional_id, "t");
}

TEST_F(TransactionMachine, TimesOutByTheSteadyClock) {
  const auto producer = init("t", 10'000);
  enlist("t", producer, {foo_});
  host_.set_wall_clock(host_.now().wall_ms + 86'400'000);
  host_.advance(9s);
  host_.expire();
  EXPECT_EQ(newest("t").state, TransactionState::ongoing);
  host_.set_wall_clock(host_.now().wall_ms - 2 * 86'400'000);
  host_.advance(1s);
  host_.expire();
  EXPECT_EQ(newest("t").state, TransactionState::complete_abort);
}

TEST_F(TransactionMachine, GivesNobodyMoreThanTheTimeoutAfterARestart) {
  const auto producer = init("t", 10'000);
  enlist("t", producer, {foo_});
  // The wall clock was set back while the broker was away.
  host_.set_wall_clock(host_.now().wall_ms - 86'400'000);
  host_.crash();
  EXPECT_EQ(host_.machine().deadlines().next(), host_.now().steady + 10s);
  // And it was away for long.
  host_.set_wall_clock(host_.now().wall_ms + 2 * 86'400'000);
  host_.crash();
  EXPECT_EQ(host_.machine().deadlines().next(), host_.now().steady);
}

TEST_F(TransactionMachine, CountsWhatIsOpen) {
  const auto a = init("a");
  const auto b = init("b");
  init("c");
  EXPECT_EQ(host_.machine().size(), 3U);
  EXPECT_EQ(host_.machine().ongoing(), 0U);
  enlist("a", a, {foo_});
  enlist("b", b, {bar_});
  enlist("b", b, {foo_});
  EXPECT_EQ(host_.machine().ongoing(), 2U);
  host_.offline = {foo_};
  end("a", a, true);
  EXPECT_EQ(host_.machine().ongoing(), 2U) << "decided, but not complete";
  host_.crash();
  EXPECT_EQ(host_.machine().ongoing(), 2U);
  host_.offline.clear();
  host_.advance(1s);
  host_.expire();
  EXPECT_EQ(host_.machine().ongoing(), 1U);
  end("b", b, false);
  EXPECT_EQ(host_.machine().ongoing(), 0U);
}

TEST_F(TransactionMachine, ForgetsManyIdsStepByStep) {
  host_.options.id_expiration = base::Milliseconds{1'000};
  for (int i = 0; i < 2'500; ++i) init("t" + std::to_string(i));
  host_.advance(1s);
  std::vector<std::size_t> records;
  for (bool more = true; more;) {
    const auto before = host_.lane().size();
    host_.run([&](Machine& machine, Step& step) { more = machine.expire_ids(step); });
    records.push_back(host_.lane().size() - before);
  }
  EXPECT_EQ(records, (std::vector<std::size_t>{1'000, 1'000, 500}));
  EXPECT_EQ(host_.machine().size(), 0U);
  EXPECT_EQ(host_.folded()->size(), 0U);
}

TEST_F(TransactionMachine, RefusesWhatNamesNoTransactionalId) {
  EXPECT_EQ(enlist("", {}, {foo_}), (std::vector{ErrorCode::invalid_request}));
  EXPECT_EQ(end("", {}, true), ErrorCode::invalid_request);
  host_.run([](Machine& machine, Step& step) {
    protocol::InitProducerIdRequest request;
    request.transaction_timeout_ms = 1'000;
    for (const auto& id : {std::optional<std::string>{}, std::optional<std::string>{""}}) {
      request.transactional_id = id;
      const auto response = machine.init_producer_id(step, {.version = 5, .client_id = "", .host = ""}, request);
      EXPECT_EQ(response.error_code, ErrorCode::invalid_request);
    }
  });
  EXPECT_TRUE(host_.lane().empty());
}

TEST_F(TransactionMachine, BeginsATransactionWithoutPartitionsWhenThatIsAskedFor) {
  const auto producer = init("t");
  EXPECT_TRUE(enlist("t", producer, {}).empty());
  EXPECT_EQ(newest("t").state, TransactionState::ongoing) << "as Kafka does";
  EXPECT_EQ(end("t", producer, true), ErrorCode::none);
  EXPECT_EQ(newest("t").state, TransactionState::complete_commit);
}

TEST_F(TransactionMachine, AppliesWhatALogHasInAnyOrder) {
  // Compaction leaves the newest record of an id, whatever it is, and other brokers write what they like.
  const auto given = [](TransactionState state, std::int16_t epoch) {
    TransactionRecord record{.transactional_id = "t", .value = std::nullopt};
    auto& value = record.value.emplace();
    value.state = state;
    value.producer_id = ProducerId{7};
    value.producer_epoch = ProducerEpoch{epoch};
    value.timeout_ms = -5;
    return record;
  };
  host_.put_in_log(given(TransactionState::complete_abort, 9));
  host_.put_in_log(given(TransactionState::prepare_commit, 3));
  host_.put_in_log(given(TransactionState::ongoing, -1));
  host_.crash();
  host_.expire();
  EXPECT_EQ(newest("t").state, TransactionState::complete_abort) << "a timeout that is none is over";
  host_.put_in_log({.transactional_id = "t", .value = std::nullopt});
  host_.put_in_log({.transactional_id = "nobody", .value = std::nullopt});
  host_.crash();
  EXPECT_EQ(host_.machine().size(), 0U);
}

TEST_F(TransactionMachine, MarkersThatNobodyOrderedAreABug) {
  init("t");
  EXPECT_DEATH(host_.run([&](Machine& machine, Step& step) {
    machine.markers_written(step, {"t", {}, {foo_}, {}});
  }),
               "not ending");
}

}  // namespace
}  // namespace moldau::txn
