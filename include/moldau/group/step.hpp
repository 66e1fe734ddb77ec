#pragma once
// What goes into a step of the group machine and what comes out: events, time and randomness in; records,
// answers and deadlines out.  Nothing of the machine asks for the time, waits, or writes.

#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/function.hpp"
#include "moldau/base/random.hpp"
#include "moldau/group/options.hpp"
#include "moldau/group/records.hpp"
#include "moldau/metadata/image.hpp"

namespace moldau::group {

struct Now {
  base::SteadyTime steady{};   // deadlines
  std::int64_t wall_ms = 0;    // what records say
};

/// How a request is answered: once, now or in a later step.
template <class Response>
using Answer = base::Function<void(Response)>;

/// What steps ask of whoever drives the machine.
struct Effects {
  /// To be appended in this order, all or none.  The machine has applied them to itself already: when
  /// they cannot be appended, it is thrown away and built anew from the log.
  std::vector<Record> records;
  /// To be run, in this order, once every record of this step and of the steps before is durable: an
  /// answer never tells of what a power cut could still take back.
  std::vector<base::Task> answers;

  template <class Response>
  void answer(Answer<Response>& to, Response response) {
    answers.push_back([to = std::move(to), response = std::move(response)]() mutable {
      to(std::move(response));
    });
  }
};

/// What may become due in a group.  The group that set a deadline knows what it means.
enum class DeadlineKind : std::uint8_t {
  session,    // of a member: it was silent too long
  rebalance,  // of a member: it did not do its part of a rebalance
  join,       // of a group: the members of the next generation have been waited for
  sync,       // of a group: its members have to have fetched their assignment
  assign,     // of a group: the next assignment may be computed
};

struct DeadlineKey {
  DeadlineKind kind{};
  std::string group_id;
  std::string member_id;  // empty: of the group
  friend bool operator==(const DeadlineKey&, const DeadlineKey&) = default;
};

struct DeadlineKeyHash {
  std::size_t operator()(const DeadlineKey& key) const noexcept;
};

/// One deadline for a key.  Moving one to later, which every heartbeat does, costs a look-up and no
/// reordering: the queue's old entry finds out when it comes up.
class Deadlines {
 public:
  void set(DeadlineKey key, base::SteadyTime when);
  void clear(const DeadlineKey& key);
  [[nodiscard]] bool has(const DeadlineKey& key) const { return when_.contains(key); }
  /// When to call take_due() next at the latest; nullopt when nothing is set.
  [[nodiscard]] std::optional<base::SteadyTime> next();
  /// The next key that is due, cleared; nullopt when there is none.
  std::optional<DeadlineKey> take_due(base::SteadyTime now);
  /// Every deadline is that much later: time in which nobody could have been heard.
  void postpone(base::SteadyTime::duration by);
  [[nodiscard]] std::size_t size() const { return when_.size(); }

 private:
  struct Entry {
    base::SteadyTime when{};
    DeadlineKey key;
    friend bool operator<(const Entry& a, const Entry& b) { return a.when > b.when; }
  };
  struct Due {
    base::SteadyTime when{};
    base::SteadyTime queued_for{};  // of its one entry in the queue that counts
  };
  void drop_old_entries();

  std::unordered_map<DeadlineKey, Due, DeadlineKeyHash> when_;
  std::priority_queue<Entry> queue_;
};

/// Who asks: as records and descriptions name it.
struct Client {
  std::string id;
  std::string host;  // "/192.0.2.7"
};

/// All that one step may look at and touch, besides the group itself.
struct Step {
  Now now;
  const metadata::MetadataImage& image;
  const GroupOptions& options;
  base::Random& random;
  Deadlines& deadlines;
  Effects& effects;
};

/// A request's own facts.
struct Caller {
  Client client;
  std::int16_t version = 0;  // of its API
};

}  // namespace moldau::group
