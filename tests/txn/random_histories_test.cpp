// Clients of both kinds that commit, abort, lose answers, retry, come late and are replaced; partitions that are
// away; a broker that dies at any entry of its lane.  Each history is checked against lane_checker, and against
// what the clients were told:
//   what a client was told of its transaction is what became of it, all its partitions with it;
//   when all is quiet, no transaction is open, and everybody can commit one.
// MOLDAU_SEEDS=n runs n histories of each kind instead of a few, MOLDAU_SEED=n that one.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <random>

#include "tests/support/rounds.hpp"
#include "tests/txn/lane_checker.hpp"

namespace moldau::txn {
namespace {

using protocol::ErrorCode;
using namespace std::chrono_literals;

using Partitions = std::set<TopicPartition>;

/// A transaction as its client sees it.
struct OwnTransaction {
  std::string transactional_id;
  coordinator::Producer producer;
  Partitions added{};      // acknowledged
  Partitions attempted{};  // these and those without an answer
  std::optional<bool> told_commit{};
};

struct Request {
  enum class Kind { init, enlist, end };
  Kind kind = Kind::init;
  std::uint64_t connection = 0;
  coordinator::Producer producer{no_producer_id, no_producer_epoch};
  Partitions partitions{};
  bool commit = false;
};

/// What came back, and how much of the lane has to be durable before the client may hear it.
struct Answer {
  ErrorCode code = ErrorCode::none;
  coordinator::Producer producer{no_producer_id, no_producer_epoch};
};

struct Client {
  bool is_v2 = true;
  std::string id;
  std::uint64_t connection = 0;
  coordinator::Producer producer{no_producer_id, no_producer_epoch};
  bool is_ready = false;        // it has a producer
  bool continues = false;       // it names its producer when it asks for one (KIP-360)
  std::optional<Request> asks{};  // until it has an answer
  std::optional<OwnTransaction> open{};
  std::vector<OwnTransaction> past{};
};

class RandomHistory {
 public:
  RandomHistory(std::uint32_t seed, bool near_exhaustion) : dice_(seed) {
    host_.options.id_expiration = base::Milliseconds{1h};
    checker_.first_epochs_are_given = near_exhaustion;
    const int ids = 1 + pick(3);
    for (int i = 0; i < ids; ++i) {
      const std::string id = "id" + std::to_string(i);
      ids_.push_back(id);
      if (near_exhaustion) give(id, i);
      for (int k = 1 + pick(2); k > 0; --k)
        clients_.push_back({.is_v2 = pick(2) == 0, .id = id, .continues = pick(3) == 0});
    }
    host_.crash();
    durable_ = host_.lane().size();
  }

  void live(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      step();
      if (i % 64 == 63) check_lane();
    }
  }

  void expect_all_is_well() {
    check_lane();
    expect_told_is_true();
    calm_down();
    for (auto& client : clients_) expect_can_commit(client);
    check_lane();
    expect_told_is_true();
  }

  [[nodiscard]] std::size_t committed() const { return committed_; }
  [[nodiscard]] std::size_t crashes() const { return crashes_; }

 private:
  int pick(int n) { return static_cast<int>(dice_() % static_cast<std::uint32_t>(n)); }
  bool maybe(int one_in) { return pick(one_in) == 0; }

  void give(const std::string& id, int number) {
    TransactionRecord record{.transactional_id = id, .value = std::nullopt};
    auto& value = record.value.emplace();
    value.producer_id = ProducerId{number + 1};
    value.previous_producer_id = value.producer_id;
    value.producer_epoch = ProducerEpoch{static_cast<std::int16_t>(32'755 + pick(12))};
    value.timeout_ms = 10'000;
    value.last_update_ms = host_.now().wall_ms;
    host_.put_in_log(record);
  }

  // --- One thing that happens.

  void step() {
    switch (pick(32)) {
      case 0: return crash();
      case 1: return pass_time();
      case 2: return change_partitions();
      case 3: return deliver_late();
      case 4:
        if (maybe(8)) host_.transaction_version = static_cast<std::int16_t>(pick(3));
        return;
      case 5:
        if (maybe(8)) return sweep();
        if (maybe(8)) host_.has_producer_ids = !host_.has_producer_ids;
        return;
      case 6:
      case 7:
      case 8:
      case 9: durable_ = host_.lane().size(); return hear_answers();
      default: return act(clients_[static_cast<std::size_t>(pick(static_cast<int>(clients_.size())))]);
    }
  }

  void crash() {
    ++crashes_;
    check_lane();
    const auto undurable = host_.lane().size() - durable_;
    const auto kept = durable_ + static_cast<std::size_t>(pick(static_cast<int>(undurable) + 1));
    host_.crash(kept);
    durable_ = host_.lane().size();
    // Connections end; what was on its way, and answers that were not sent, are lost.
    for (auto& waiting : unheard_) waiting.client->connection = ++connections_;
    unheard_.clear();
    late_.clear();
    for (auto& client : clients_) client.connection = ++connections_;
    host_.has_producer_ids = true;
  }

  void pass_time() {
    const std::array<base::Milliseconds, 4> steps{1ms, 150ms, 3s, 20s};
    host_.advance(steps[static_cast<std::size_t>(pick(4))]);
    host_.expire();
  }

  void sweep() {
    if (maybe(2)) host_.advance(base::Milliseconds{2h});
    host_.expire();
    host_.run([](Machine& machine, Step& step) { machine.expire_ids(step); });
  }

  void change_partitions() {
    if (!maybe(3)) return host_.offline.clear();
    host_.offline.insert(some_partition());
  }

  TopicPartition some_partition() { return {maybe(2) ? "foo" : "bar", PartitionIndex{pick(3)}}; }

  // --- Clients.

  void act(Client& client) {
    const bool waits = std::ranges::any_of(
        unheard_, [&](const auto& waiting) { return waiting.client == &client; });
    if (waits) {
      if (!maybe(12)) return;
      // It loses patience: the answer, if one comes, goes to a connection that is gone.
      std::erase_if(unheard_, [&](const auto& waiting) { return waiting.client == &client; });
      client.connection = ++connections_;
    }
    if (maybe(60)) return replace(client);
    if (!client.asks) client.asks = next_request(client);
    send(client);
  }

  /// The process is started anew, perhaps as another version of the program.
  void replace(Client& client) {
    leave(client);
    client.is_v2 = maybe(2);
    client.connection = ++connections_;
  }

  /// It has no producer any more; what became of its transaction it does not know.
  void leave(Client& client) {
    if (client.open) client.past.push_back(*std::exchange(client.open, std::nullopt));
    client.is_ready = false;
    client.asks.reset();
  }

  Request next_request(Client& client) {
    if (!client.is_ready) {
      Request request{.kind = Request::Kind::init};
      if (client.continues && maybe(2)) request.producer = client.producer;
      return request;
    }
    Request request{.kind = Request::Kind::enlist, .producer = client.producer};
    if (client.open && !client.open->added.empty() && maybe(2)) {
      request.kind = Request::Kind::end;
      request.commit = !maybe(3);
      return request;
    }
    for (int i = 1 + pick(2); i > 0; --i) request.partitions.insert(some_partition());
    if (!client.open) client.open = {.transactional_id = client.id, .producer = client.producer};
    client.open->attempted.insert(request.partitions.begin(), request.partitions.end());
    return request;
  }

  void send(Client& client) {
    if (client.connection == 0) client.connection = ++connections_;
    auto request = *client.asks;
    request.connection = client.connection;
    if (maybe(10)) {
      // It does not arrive now; the client connects anew and tries again.
      late_.push_back({client.id, client.is_v2, request});
      client.connection = ++connections_;
      return;
    }
    const auto answer = process(client.id, client.is_v2, request);
    unheard_.push_back({&client, request, answer, host_.lane().size()});
    hear_answers();
  }

  void deliver_late() {
    if (late_.empty()) return;
    const auto place = late_.begin() + pick(static_cast<int>(late_.size()));
    const auto late = *place;
    late_.erase(place);
    process(late.id, late.is_v2, late.request);
  }

  Answer process(const std::string& id, bool is_v2, const Request& request) {
    switch (request.kind) {
      case Request::Kind::init: return process_init(id, is_v2, request);
      case Request::Kind::enlist: return process_enlist(id, is_v2, request);
      case Request::Kind::end: return process_end(id, is_v2, request);
    }
    return {};
  }

  Answer process_init(const std::string& id, bool is_v2, const Request& request) {
    Answer answer;
    host_.run([&](Machine& machine, Step& step) {
      protocol::InitProducerIdRequest init;
      init.transactional_id = id;
      init.transaction_timeout_ms = 10'000;
      init.producer_id = request.producer.id;
      init.producer_epoch = request.producer.epoch;
      const auto response =
          machine.init_producer_id(step, caller(request, is_v2 ? 5 : 4), init);
      answer = {response.error_code, {response.producer_id, response.producer_epoch}};
    });
    return answer;
  }

  Answer process_enlist(const std::string& id, bool is_v2, const Request& request) {
    Answer answer;
    host_.run([&](Machine& machine, Step& step) {
      Enlistment wanted{.transactional_id = id,
                        .producer = request.producer,
                        .partitions = {request.partitions.begin(), request.partitions.end()},
                        .mode = is_v2 ? Enlistment::Mode::add_by_write : Enlistment::Mode::add};
      answer.code = machine.enlist(step, caller(request, is_v2 ? 12 : 3), wanted).front();
      if (answer.code != ErrorCode::none) return;
      wanted.mode = Enlistment::Mode::verify;
      for (const auto code : machine.enlist(step, caller(request, 11), wanted))
        EXPECT_EQ(code, ErrorCode::none) << "a partition that was just added";
    });
    return answer;
  }

  Answer process_end(const std::string& id, bool is_v2, const Request& request) {
    Answer answer;
    host_.run([&](Machine& machine, Step& step) {
      protocol::EndTxnRequest end;
      end.transactional_id = id;
      end.producer_id = request.producer.id;
      end.producer_epoch = request.producer.epoch;
      end.committed = request.commit;
      const auto response = machine.end_txn(step, caller(request, is_v2 ? 5 : 4), end);
      answer = {response.error_code, {response.producer_id, response.producer_epoch}};
    });
    return answer;
  }

  static Caller caller(const Request& request, std::int16_t version) {
    return {.version = version, .connection_id = request.connection, .client_id = "c", .host = "/h"};
  }

  // --- Answers, when they are durable.

  void hear_answers() {
    while (!unheard_.empty() && unheard_.front().needs <= durable_) {
      const auto heard = unheard_.front();
      unheard_.pop_front();
      if (maybe(10)) {
        heard.client->connection = ++connections_;  // lost on its way: the client asks again
        continue;
      }
      hear(*heard.client, heard.request, heard.answer);
    }
  }

  void hear(Client& client, const Request& request, const Answer& answer) {
    switch (answer.code) {
      case ErrorCode::concurrent_transactions:
      case ErrorCode::coordinator_load_in_progress:
      case ErrorCode::not_coordinator: return;  // it asks again
      case ErrorCode::none: break;
      default:
        client.continues = client.continues && request.kind != Request::Kind::init;
        return leave(client);
    }
    client.asks.reset();
    switch (request.kind) {
      case Request::Kind::init:
        leave(client);
        client.producer = answer.producer;
        client.is_ready = true;
        return;
      case Request::Kind::enlist:
        client.open->added.insert(request.partitions.begin(), request.partitions.end());
        return;
      case Request::Kind::end:
        client.open->told_commit = request.commit;
        client.past.push_back(*std::exchange(client.open, std::nullopt));
        if (request.commit) ++committed_;
        if (client.is_v2) client.producer = answer.producer;
        return;
    }
  }

  // --- What has to be so.

  void check_lane() {
    for (const auto& wrong : checker_.check(host_.lane())) ADD_FAILURE() << wrong;
  }

  void expect_told_is_true() {
    // Transactions of one producer and epoch in their order: many for older clients, one for newer ones.
    std::map<std::tuple<std::string, std::int64_t, std::int16_t>, std::vector<const SeenTransaction*>> seen;
    for (const auto& transaction : checker_.transactions())
      seen[{transaction.transactional_id, transaction.producer.id.value(),
            transaction.producer.epoch.value()}]
          .push_back(&transaction);
    std::map<std::tuple<std::string, std::int64_t, std::int16_t>, std::size_t> next;
    for (const auto& client : clients_) {
      for (const auto& own : client.past) {
        const std::tuple key{own.transactional_id, own.producer.id.value(),
                             own.producer.epoch.value()};
        const auto number = next[key]++;
        if (!own.told_commit) continue;
        ASSERT_LT(number, seen[key].size()) << "a transaction whose end was told is not there";
        const auto& transaction = *seen[key][number];
        EXPECT_TRUE(transaction.is_decided) << "told, but not decided";
        EXPECT_EQ(transaction.is_commit, *own.told_commit) << "decided otherwise than was told";
        for (const auto& partition : own.added)
          EXPECT_TRUE(transaction.partitions.contains(partition)) << "without a partition that was added";
        for (const auto& partition : transaction.partitions)
          EXPECT_TRUE(own.attempted.contains(partition)) << "with a partition of another transaction";
      }
    }
  }

  void calm_down() {
    host_.offline.clear();
    host_.has_producer_ids = true;
    durable_ = host_.lane().size();
    hear_answers();
    late_.clear();
    unheard_.clear();
    for (int i = 0; i < 12; ++i) {
      host_.advance(base::Milliseconds{10s});
      host_.expire();
    }
    EXPECT_EQ(host_.machine().ongoing(), 0U) << "a transaction that nobody ends";
    EXPECT_FALSE(host_.machine().deadlines().next()) << "something that is due for nobody";
  }

  void expect_can_commit(Client& client) {
    replace(client);
    for (int tries = 0; tries < 3 && !client.is_ready; ++tries)
      serve(client, {.kind = Request::Kind::init});
    ASSERT_TRUE(client.is_ready) << "nobody can be the producer of " << client.id;
    client.open = {.transactional_id = client.id, .producer = client.producer};
    const Partitions partitions{{"foo", PartitionIndex{0}}, {"bar", PartitionIndex{1}}};
    client.open->attempted = partitions;
    serve(client, {.kind = Request::Kind::enlist, .producer = client.producer, .partitions = partitions});
    const auto before = committed_;
    serve(client, {.kind = Request::Kind::end, .producer = client.producer, .commit = true});
    EXPECT_EQ(committed_, before + 1) << client.id << " cannot commit";
  }

  void serve(Client& client, Request request) {
    request.connection = client.connection = ++connections_;
    const auto answer = process(client.id, client.is_v2, request);
    durable_ = host_.lane().size();
    hear(client, request, answer);
  }

  struct Unheard {
    Client* client;
    Request request;
    Answer answer;
    std::size_t needs = 0;  // entries of the lane
  };
  struct Late {
    std::string id;
    bool is_v2 = false;
    Request request;
  };

  std::mt19937 dice_;
  TxnHost host_;
  LaneChecker checker_;
  std::vector<std::string> ids_;
  std::vector<Client> clients_;
  std::deque<Unheard> unheard_;
  std::vector<Late> late_;
  std::uint64_t connections_ = 0;
  std::size_t durable_ = 0;
  std::size_t committed_ = 0;
  std::size_t crashes_ = 0;
};

std::uint32_t number_from(const char* variable, std::uint32_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

void run_histories(bool near_exhaustion) {
  const bool is_one = std::getenv("MOLDAU_SEED") != nullptr;
  const auto first = number_from("MOLDAU_SEED", 1);
  const auto last = is_one ? first : number_from("MOLDAU_SEEDS", support::rounds(400u));
  std::size_t committed = 0;
  std::size_t crashes = 0;
  for (auto seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("MOLDAU_SEED=" + std::to_string(seed));
    RandomHistory history(seed, near_exhaustion);
    history.live(400);
    history.expect_all_is_well();
    committed += history.committed();
    crashes += history.crashes();
    ASSERT_FALSE(testing::Test::HasFailure()) << "MOLDAU_SEED=" << seed;
  }
  // That there was something to be wrong with.
  const std::size_t histories = last - first + 1;
  EXPECT_GT(committed, 6 * histories);
  EXPECT_GT(crashes, 5 * histories);
}

TEST(TransactionHistories, AreWhatClientsWereTold) { run_histories(false); }
TEST(TransactionHistories, AreWhatClientsWereToldWhenEpochsRunOut) { run_histories(true); }

}  // namespace
}  // namespace moldau::txn
