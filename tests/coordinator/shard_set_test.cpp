// Shards with a machine that is nothing but names and their values, on real partitions.

#include "moldau/coordinator/shard_set.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moldau/coordinator/deadlines.hpp"
#include "moldau/record/batch_view.hpp"
#include "tests/support/data_node.hpp"

namespace moldau::coordinator {
namespace {

using namespace std::chrono_literals;
using protocol::ErrorCode;

struct NamedValue {
  std::string name;
  std::string value;
};

EncodedRecord encode_value(const NamedValue& record) {
  return {{record.name.begin(), record.name.end()},
          std::vector<std::uint8_t>{record.value.begin(), record.value.end()}};
}

class Values final : public StateMachine {
 public:
  base::Status apply(const record::Record& record, const std::optional<Producer>& producer) override {
    const std::string name(base::as_text(*record.key));
    if (name == "unknown") return base::fail(base::Errc::unsupported, "not known");
    (producer ? pending[producer->id] : values)[name] = base::as_text(*record.value);
    return {};
  }
  void end_transaction(ProducerId producer, bool commit) override {
    auto ended = pending.extract(producer);
    if (ended && commit)
      for (auto& [name, value] : ended.mapped()) values[name] = value;
  }
  void finish_loading(Turn&) override { ++loads; }
  void expire(Turn& turn) override {
    while (const auto name = deadlines.take_due(turn.now().steady)) put(turn, {*name, "expired"});
  }
  std::optional<base::SteadyTime> next_deadline() override { return deadlines.next(); }
  void postpone(base::SteadyTime::duration by) override { deadlines.postpone(by); }

  void put(Turn& turn, NamedValue record, base::Task answer = {}) {
    values[record.name] = record.value;
    Effects<NamedValue> effects;
    effects.records.push_back(std::move(record));
    if (answer) effects.answers.push_back(std::move(answer));
    turn.take(std::move(effects), encode_value);
  }
  void put_pending(Turn& turn, Producer producer, NamedValue record) {
    pending[producer.id][record.name] = record.value;
    Effects<NamedValue> effects;
    effects.records.push_back(std::move(record));
    effects.producer = producer;
    turn.take(std::move(effects), encode_value);
  }

  std::map<std::string, std::string> values;
  std::map<ProducerId, std::map<std::string, std::string>> pending;
  Deadlines<std::string> deadlines;
  int loads = 0;
};

Values& values_of(StateMachine& machine) { return static_cast<Values&>(machine); }

constexpr std::string_view topic = "__values";
constexpr Producer producer_7{ProducerId{7}, ProducerEpoch{1}};

class Shards : public ::testing::Test, public cluster::MetadataListener {
 protected:
  Shards() {
    start();
    // A segment of which a record can be too long.
    node.create_topic(std::string(topic), 1, {{"segment.bytes", "1048576"}});
    node.commit();
    node.settle();
  }
  ~Shards() override { node.controller->remove_listener(*this); }

  void on_metadata(const std::shared_ptr<const metadata::MetadataImage>&,
                   const std::shared_ptr<const metadata::MetadataImage>& after,
                   const metadata::MetadataDelta& delta) override {
    set->follow(*after, delta);
  }
  void start() {
    set.emplace(ShardSet::Environment{*node.partitions, node.clock, node.executor, {&node.loop}},
                ShardKind{topic, "values", "values", [this] {
                            ++made;
                            return std::make_unique<Values>();
                          }});
    node.controller->add_listener(*this);
    node.executor.run();
  }
  /// As after a restart: another set reads what the log has.
  void start_anew() {
    node.controller->remove_listener(*this);
    start();
  }

  /// One step that puts a value and is answered by raising `answered`.
  ErrorCode put(const std::string& name, const std::string& value) {
    return set->run(name, node.loop, [&](StateMachine& machine, Turn& turn) {
      values_of(machine).put(turn, {name, value}, [this] { ++answered; });
    });
  }
  ErrorCode put_pending(Producer producer, const std::string& name, const std::string& value) {
    return set->run(name, node.loop, [&](StateMachine& machine, Turn& turn) {
      values_of(machine).put_pending(turn, producer, {name, value});
    });
  }
  base::Status end(Producer producer, bool commit, std::int32_t coordinator_epoch = 0) {
    base::Status appended;
    const auto code =
        set->run_ordered(PartitionIndex{0}, [&](StateMachine& machine, Turn& turn) {
          appended = turn.append(Marker{.producer = producer, .commit = commit,
                                        .coordinator_epoch = coordinator_epoch});
          if (appended) machine.end_transaction(producer.id, commit);
        });
    EXPECT_EQ(code, ErrorCode::none);
    return appended;
  }
  std::map<std::string, std::string> values() const {
    std::map<std::string, std::string> found;
    set->look([&](StateMachine& machine) { found = values_of(machine).values; });
    return found;
  }
  std::string value(const std::string& name) const {
    const auto all = values();
    const auto place = all.find(name);
    return place == all.end() ? "" : place->second;
  }
  std::size_t pending() const {
    std::size_t count = 0;
    set->look([&](StateMachine& machine) { count = values_of(machine).pending.size(); });
    return count;
  }

  struct Batch {
    std::int32_t records = 0;
    bool is_transactional = false;
    bool is_control = false;
    ProducerId producer = no_producer_id;
    friend bool operator==(const Batch&, const Batch&) = default;
  };
  /// All of the shard's log.
  std::vector<Batch> batches() const {
    partition::ReadRequest request;
    request.isolation = partition::Isolation::log_end;
    request.bytes_max = 100'000'000;
    request.may_block = true;
    const auto outcome = node.partition(std::string(topic))->read(request).value();
    const auto bytes = outcome.records.flatten();
    std::vector<Batch> found;
    base::ByteView rest = bytes.view();
    while (const auto size = record::batch_size(rest, rest.size())) {
      const auto batch =
          record::BatchView::parse(rest.first(size), record::BatchView::Check::crc).value();
      found.push_back({batch.record_count(), batch.is_transactional(), batch.is_control(),
                       batch.producer_id()});
      rest = rest.subspan(size);
    }
    return found;
  }
  Offset end_of_log() const { return node.partition(std::string(topic))->log().end_offset(); }

  support::DataNode node;
  std::optional<ShardSet> set;
  int made = 0;      // machines
  int answered = 0;  // steps
};

TEST_F(Shards, AnAnswerRunsWhenItsRecordIsDurable) {
  EXPECT_EQ(put("a", "1"), ErrorCode::none);
  node.settle();
  EXPECT_EQ(answered, 0);
  node.commit();
  EXPECT_EQ(answered, 1);
}

TEST_F(Shards, WhoOnlyLooksIsAnsweredWithWhatHeSaw) {
  const auto look = [&] {
    return set->run("a", node.loop, [this](StateMachine&, Turn& turn) {
      Effects<NamedValue> effects;
      effects.answers.emplace_back([this] { ++answered; });
      turn.take(std::move(effects), encode_value);
    });
  };
  EXPECT_EQ(look(), ErrorCode::none);
  EXPECT_EQ(answered, 1);  // nothing is on its way
  put("a", "1");
  EXPECT_EQ(look(), ErrorCode::none);
  node.settle();
  EXPECT_EQ(look(), ErrorCode::none);
  EXPECT_EQ(answered, 1);
  node.commit();
  EXPECT_EQ(answered, 4);
}

TEST_F(Shards, TheRecordsOfATickAreOneBatch) {
  put("a", "1");
  put("b", "2");
  put("c", "3");
  node.settle();
  ASSERT_EQ(batches().size(), 1U);
  EXPECT_EQ(batches().front().records, 3);
}

TEST_F(Shards, WhatATransactionWritesIsABatchOfItsOwnInOrder) {
  constexpr Producer producer_8{ProducerId{8}, ProducerEpoch{0}};
  put("a", "1");
  put_pending(producer_7, "b", "1");
  put_pending(producer_7, "c", "1");
  put_pending(producer_8, "d", "1");
  put("e", "1");
  put("f", "1");
  node.settle();
  const std::vector<Batch> expected{{1, false, false, no_producer_id},
                                    {2, true, false, ProducerId{7}},
                                    {1, true, false, ProducerId{8}},
                                    {2, false, false, no_producer_id}};
  EXPECT_EQ(batches(), expected);
  node.commit();
  EXPECT_EQ(answered, 3);
}

TEST_F(Shards, AMarkerComesAfterWhatWasWrittenBeforeIt) {
  put_pending(producer_7, "a", "1");
  put("b", "2");
  EXPECT_TRUE(end(producer_7, true));
  const std::vector<Batch> expected{{1, true, false, ProducerId{7}},
                                    {1, false, false, no_producer_id},
                                    {1, true, true, ProducerId{7}}};
  EXPECT_EQ(batches(), expected);
  EXPECT_EQ(value("a"), "1");
  EXPECT_EQ(pending(), 0U);
}

TEST_F(Shards, ATransactionThatIsOpenIsSoAfterALoad) {
  put_pending(producer_7, "a", "1");
  node.settle();
  start_anew();
  EXPECT_EQ(pending(), 1U);
  EXPECT_EQ(value("a"), "");
  EXPECT_TRUE(end(producer_7, true));
  EXPECT_EQ(value("a"), "1");
}

TEST_F(Shards, ALoadDecidesTransactionsByTheirMarkers) {
  constexpr Producer producer_8{ProducerId{8}, ProducerEpoch{0}};
  put_pending(producer_7, "a", "1");
  put_pending(producer_8, "b", "1");
  EXPECT_TRUE(end(producer_7, true));
  EXPECT_TRUE(end(producer_8, false));
  start_anew();
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(values(), (std::map<std::string, std::string>{{"a", "1"}}));
}

TEST_F(Shards, AMarkerThatTheLogRefusesChangesNothing) {
  put_pending(producer_7, "a", "1");
  EXPECT_TRUE(end(producer_7, true));
  put_pending(producer_7, "a", "2");
  put("b", "3");
  const auto refused = end({ProducerId{7}, ProducerEpoch{0}}, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Errc::invalid_producer_epoch);
  EXPECT_EQ(value("a"), "1");
  EXPECT_EQ(pending(), 1U);
  EXPECT_EQ(made, 1);
  node.commit();
  EXPECT_EQ(answered, 1);  // who put something meanwhile is not touched
}

TEST_F(Shards, AnOrderedStepIsInTheLogWhenItReturns) {
  put("a", "1");  // waits for its tick
  EXPECT_EQ(end_of_log(), Offset{0});
  EXPECT_EQ(set->run_ordered("a", [](StateMachine&, Turn&) {}), ErrorCode::none);
  EXPECT_EQ(end_of_log(), Offset{1});  // with what it saw
  EXPECT_EQ(set->run_ordered("b",
                             [](StateMachine& machine, Turn& turn) {
                               values_of(machine).put(turn, {"b", "2"});
                             }),
            ErrorCode::none);
  EXPECT_EQ(end_of_log(), Offset{2});
}

TEST_F(Shards, AnOrderedStepIsAnsweredOnTheShardsOwnLoop) {
  const auto code = set->run_ordered("a", [this](StateMachine&, Turn& turn) {
    Effects<NamedValue> effects;
    effects.answers.emplace_back([this] { ++answered; });
    turn.take(std::move(effects), encode_value);
  });
  EXPECT_EQ(code, ErrorCode::none);
  EXPECT_EQ(answered, 0);  // whoever called may hold a lock
  node.loop.run();
  EXPECT_EQ(answered, 1);
}

/// More than a segment takes.
std::string too_long() { return std::string(2'000'000, 'x'); }

TEST_F(Shards, WhatCannotBeAppendedIsForgottenWithItsAnswers) {
  put("a", "1");
  node.settle();
  put("a", "2");
  put("b", too_long());
  node.loop.run();
  EXPECT_EQ(put("c", "3"), ErrorCode::coordinator_load_in_progress);
  node.settle();
  EXPECT_EQ(made, 2);
  EXPECT_EQ(values(), (std::map<std::string, std::string>{{"a", "1"}}));
  node.commit();
  EXPECT_EQ(answered, 1);  // the first
}

TEST_F(Shards, AnOrderedStepThatCannotBeAppendedSaysSo) {
  const auto code = set->run_ordered("a", [](StateMachine& machine, Turn& turn) {
    values_of(machine).put(turn, {"a", too_long()});
  });
  EXPECT_NE(code, ErrorCode::none);
  node.settle();
  EXPECT_TRUE(values().empty());
}

TEST_F(Shards, AFlushThatFailsEndsItsStep) {
  bool flushed = true;
  const auto code = set->run("a", node.loop, [&](StateMachine& machine, Turn& turn) {
    values_of(machine).put(turn, {"a", too_long()}, [this] { ++answered; });
    flushed = turn.flush();
  });
  EXPECT_EQ(code, ErrorCode::none);
  EXPECT_FALSE(flushed);
  EXPECT_EQ(made, 1);
  node.settle();
  EXPECT_EQ(made, 2);
  EXPECT_TRUE(values().empty());
  node.commit();
  EXPECT_EQ(answered, 0);
}

TEST_F(Shards, AfterASecondFailureTheLogIsReadLater) {
  put("a", too_long());
  node.settle();
  put("a", too_long());
  node.settle();
  EXPECT_EQ(set->loading(), 1U);
  EXPECT_EQ(made, 2);
  node.advance(1s);
  node.settle();
  EXPECT_EQ(set->loading(), 0U);
  EXPECT_EQ(made, 3);
}

TEST_F(Shards, APartitionThatGoesOfflineTakesItsAnswersWithIt) {
  put("a", "1");
  node.settle();
  node.partition(std::string(topic))->take_offline(base::fail(base::Errc::storage_error, "gone"));
  node.settle();
  EXPECT_EQ(put("a", "2"), ErrorCode::coordinator_not_available);
  EXPECT_EQ(answered, 0);
}

TEST_F(Shards, ARecordThatIsNotKnownIsPassedOver) {
  put("unknown", "1");
  put("a", "1");
  node.settle();
  start_anew();
  EXPECT_EQ(values(), (std::map<std::string, std::string>{{"a", "1"}}));
}

TEST_F(Shards, OnlyALogThatHasSomethingIsLoaded) {
  int loads = -1;
  set->look([&](StateMachine& machine) { loads = values_of(machine).loads; });
  EXPECT_EQ(loads, 0);
  put("a", "1");
  node.settle();
  start_anew();
  set->look([&](StateMachine& machine) { loads = values_of(machine).loads; });
  EXPECT_EQ(loads, 1);
}

TEST_F(Shards, WhatIsDueIsDoneAtItsTime) {
  EXPECT_EQ(set->run("a", node.loop,
                     [&](StateMachine& machine, Turn& turn) {
                       values_of(machine).deadlines.set("a", turn.now().steady + 10s);
                     }),
            ErrorCode::none);
  node.settle();
  node.advance(9s);
  EXPECT_EQ(value("a"), "");
  node.advance(1s);
  EXPECT_EQ(value("a"), "expired");
  EXPECT_EQ(end_of_log(), Offset{1});
}

TEST_F(Shards, TimeInWhichNobodyWasHeardIsGivenBack) {
  EXPECT_EQ(set->run("a", node.loop,
                     [&](StateMachine& machine, Turn& turn) {
                       values_of(machine).deadlines.set("a", turn.now().steady + 10s);
                     }),
            ErrorCode::none);
  node.settle();
  node.advance(60s);  // the process was stopped, and woke 50 s too late
  EXPECT_EQ(value("a"), "");
  node.advance(1s);
  EXPECT_EQ(value("a"), "");
  node.advance(1s);
  EXPECT_EQ(value("a"), "expired");
}

TEST_F(Shards, WithoutTheTopicNobodyIsCoordinator) {
  put("a", "1");
  node.settle();
  node.delete_topic(std::string(topic));
  EXPECT_EQ(put("a", "2"), ErrorCode::not_coordinator);
  EXPECT_EQ(set->partition_of("a"), std::nullopt);
  EXPECT_EQ(set->run_ordered(PartitionIndex{0}, [](StateMachine&, Turn&) {}),
            ErrorCode::not_coordinator);
  node.commit();
  EXPECT_EQ(answered, 0);
}

TEST_F(Shards, ATaskIsCalledAgainAndAgain) {
  int called = 0;
  bool is_more = false;
  set->every(10s, [&] {
    ++called;
    return std::exchange(is_more, false);
  });
  node.settle();
  node.advance(9s);
  EXPECT_EQ(called, 0);
  node.advance(1s);
  EXPECT_EQ(called, 1);
  is_more = true;
  node.advance(10s);
  EXPECT_EQ(called, 3);
  node.advance(9s);
  EXPECT_EQ(called, 3);
  start_anew();
  node.advance(10s);
  EXPECT_EQ(called, 3);
}

TEST_F(Shards, AKeyHasThePartitionThatKafkaGivesIt) {
  node.delete_topic(std::string(topic));
  node.create_topic(std::string(topic), 50);
  node.settle();
  // "a".hashCode() is 97.
  EXPECT_EQ(set->partition_of("a"), PartitionIndex{47});
  put("a", "1");
  node.settle();
  EXPECT_EQ(node.partition(std::string(topic), 47)->log().end_offset(), Offset{1});
}

}  // namespace
}  // namespace moldau::coordinator
