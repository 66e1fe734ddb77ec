// Members that join, leave, stall, crash and lose answers, as they like: no partition is ever used
// by two members of the group, epochs only rise, and when all is quiet everything that is wanted is
// owned.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "consumer_group_harness.hpp"
#include "tests/support/rounds.hpp"

namespace moldau::group {
namespace {

using Used = std::set<std::pair<std::string, std::int32_t>>;

Partitions as_partitions(const Used& used) {
  Partitions result;
  for (const auto& [topic, partition] : used) result[topic].push_back(partition);
  return result;
}

Used as_used(const Partitions& partitions) {
  Used used;
  for (const auto& [topic, indexes] : partitions)
    for (const auto index : indexes) used.emplace(topic, index);
  return used;
}

/// As a consumer behaves: it gives up first and takes then, and says what it owns when that
/// changed.
struct Client {
  std::string id;
  std::optional<std::string> instance;
  Names topics;
  std::string regex;
  std::int32_t epoch = 0;
  Used uses;
  Used told;  // to own, by the last answer that said so
  std::optional<Used> reported;
  bool is_new_wish = false;  // everything is said in the next heartbeat
};

class ConsumerGroupRandom : public ConsumerGroupHarness, public testing::WithParamInterface<int> {
 protected:
  ConsumerGroupRandom() : dice_(static_cast<std::uint32_t>(GetParam())) {
    fold_interval_ = 16;
    for (const auto* name : {"t0", "t1", "t2"}) topics_.make(name, 1 + pick(6));
    if (GetParam() % 3 == 0) options_.consumer_assignment_interval = 1000ms;
  }

  std::int32_t pick(std::int32_t n) {
    return static_cast<std::int32_t>(dice_() % static_cast<std::uint32_t>(n));
  }
  bool maybe(std::int32_t one_in) { return pick(one_in) == 0; }

  Names some_topics() {
    Names names;
    for (const auto* name : {"t0", "t1", "t2", "t3"})
      if (maybe(2)) names.emplace_back(name);
    return names;
  }

  void new_client() {
    Client client;
    client.id = "m" + std::to_string(next_id_++);
    if (maybe(3)) client.instance = "i" + std::to_string(pick(3));
    for (const auto& [id, other] : clients_)
      if (client.instance && other.instance == client.instance) return;  // it is taken
    if (maybe(4)) {
      client.regex = maybe(2) ? "t.*" : "t[01]";
    } else {
      client.topics = maybe(2) ? Names{"t0", "t1", "t2"} : some_topics();
    }
    clients_.emplace(client.id, client);
  }

  void change_wish(Client& client) {
    client.regex.clear();
    client.topics = some_topics();
    client.is_new_wish = true;
  }

  void drop_revoked(Client& client) {
    std::erase_if(client.uses, [&](const auto& p) { return !client.told.contains(p); });
  }

  void heartbeat(Client& client, bool loses_answer) {
    Beat beat{.member = client.id, .epoch = client.epoch, .instance = client.instance};
    if (client.epoch == 0 || client.is_new_wish) {
      beat.topics = client.topics;
      beat.regex = client.regex;
      beat.rebalance_ms = 20'000;
    }
    if (client.epoch == 0) {
      beat.owned = Partitions{};
    } else if (client.reported != client.uses || client.is_new_wish) {
      beat.owned = as_partitions(client.uses);
    }
    const auto response = this->beat(beat);
    check();
    if (loses_answer) {
      client.is_new_wish = true;  // says everything again
      return;
    }
    switch (response.error_code) {
      case ErrorCode::none:
        break;
      case ErrorCode::unreleased_instance_id:
        return;  // comes again
      default:
        ASSERT_TRUE(response.error_code == ErrorCode::unknown_member_id ||
                    response.error_code == ErrorCode::fenced_member_epoch ||
                    response.error_code == ErrorCode::fenced_instance_id)
            << static_cast<int>(response.error_code);
        client.epoch = 0;
        client.uses.clear();
        client.told.clear();
        client.reported.reset();
        return;
    }
    client.epoch = response.member_epoch;
    client.is_new_wish = false;
    client.reported = client.uses;
    if (const auto told = assigned_if_there(response)) client.told = *told;
    take_assigned(client);
    check();
  }

  /// Only when nothing is left to be given up.
  void take_assigned(Client& client) {
    if (std::ranges::includes(client.told, client.uses)) client.uses = client.told;
  }

  std::optional<Used> assigned_if_there(const Response& response) {
    if (!response.assignment) return std::nullopt;
    return as_used(assigned(response).value());
  }

  void leave(Client& client) {
    const bool for_a_while = client.instance && maybe(2);
    if (client.epoch > 0)
      beat({.member = client.id, .epoch = for_a_while ? -2 : -1, .instance = client.instance});
    client.uses.clear();
  }

  void check() {
    std::map<std::pair<std::string, std::int32_t>, std::string> users;
    for (const auto& [id, client] : clients_) {
      // One that was removed does not know it yet; that is what sessions are for.
      const auto place = group_->members().find(id);
      if (place == group_->members().end() || place->second.current.member_epoch < 0) continue;
      for (const auto& partition : client.uses) {
        const auto [user, is_new] = users.try_emplace(partition, id);
        EXPECT_TRUE(is_new) << partition.first << "-" << partition.second << " is used by " << id
                            << " and " << user->second;
      }
    }
    EXPECT_GE(group_->epoch(), epoch_);
    epoch_ = group_->epoch();
    for (const auto& [id, member] : group_->members()) {
      auto& epoch = epochs_[id];
      if (member.current.member_epoch >= 0) {
        EXPECT_GE(member.current.member_epoch, epoch) << id;
        epoch = member.current.member_epoch;
      }
    }
  }

  void random_step() {
    pass(base::Milliseconds{pick(3000)});
    const auto what = pick(100);
    if (clients_.empty() || what < 8) return new_client();
    auto client = std::next(clients_.begin(), pick(static_cast<std::int32_t>(clients_.size())));
    if (what < 12) {
      leave(client->second);
      clients_.erase(client);
    } else if (what < 15) {
      clients_.erase(client);  // crashes
    } else if (what < 18) {
      change_wish(client->second);
    } else if (what < 20) {
      change_topic(maybe(3) ? "t3" : "t" + std::to_string(pick(3)), 1 + pick(8));
    } else if (what < 22) {
      reload();
    } else if (what < 24) {
      pass(50s);  // everybody stalls
    } else {
      if (maybe(2)) drop_revoked(client->second);
      heartbeat(client->second, maybe(10));
    }
    check();
  }

  void settle() {
    for (int round = 0; round < 20; ++round) {
      pass(4s);
      for (auto& [id, client] : clients_) {
        drop_revoked(client);
        heartbeat(client, false);
      }
    }
  }

  void check_settled() {
    EXPECT_EQ(group_->state_name(), clients_.empty() ? "Empty" : "Stable");
    Used wanted;
    Used used;
    for (const auto& [id, client] : clients_) {
      const auto* member = &this->member(id);
      topics_.image().for_each_topic([&](const metadata::TopicImage& topic) {
        const bool wants = std::ranges::find(client.topics, topic.name) != client.topics.end() ||
                           client.regex == "t.*" ||
                           (client.regex == "t[01]" && (topic.name == "t0" || topic.name == "t1"));
        for (std::int32_t i = 0; wants && i < static_cast<std::int32_t>(topic.partitions.size());
             ++i)
          wanted.emplace(topic.name, i);
      });
      EXPECT_EQ(client.uses, client.told);
      EXPECT_EQ(client.epoch, member->current.member_epoch);
      used.insert(client.uses.begin(), client.uses.end());
    }
    EXPECT_EQ(used, wanted);
  }

  std::mt19937 dice_;
  std::map<std::string, Client> clients_;
  std::map<std::string, std::int32_t> epochs_;
  std::int32_t epoch_ = 0;
  int next_id_ = 0;
};

TEST_P(ConsumerGroupRandom, NothingIsUsedTwiceAndAllSettles) {
  for (int i = 0; i < 400 && !HasFailure(); ++i) random_step();
  settle();
  check_fold();
  check_settled();
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConsumerGroupRandom, testing::Range(0, support::rounds(40)));

}  // namespace
}  // namespace moldau::group
