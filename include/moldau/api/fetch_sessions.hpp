#pragma once
// Fetch sessions (KIP-227): what a client asked for before, so that it need not say it again.
// Source of the rules: protocol.md edge cases 36 to 38; Kafka's FetchSession.

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/base/random.hpp"
#include "moldau/base/result.hpp"

namespace moldau::api {

constexpr std::int32_t no_fetch_session = 0;
constexpr std::int32_t initial_fetch_epoch = 0;  // a full fetch that may open a session
constexpr std::int32_t final_fetch_epoch = -1;   // a full fetch without one; closes the named session

/// One partition as a client asks for it.
struct FetchPartition {
  std::string topic;   // by name: Fetch up to v12, and what a known id is called now
  TopicId topic_id{};  // by id: Fetch from v13 on
  PartitionIndex partition{};
  LeaderEpoch current_leader_epoch = no_leader_epoch;
  LeaderEpoch last_fetched_epoch = no_leader_epoch;
  Offset fetch_offset{};
  std::int32_t bytes_max = 0;
};

struct FetchPartitionKey {
  std::string topic;
  TopicId topic_id{};
  PartitionIndex partition{};
  friend bool operator==(const FetchPartitionKey&, const FetchPartitionKey&) = default;
};

struct FetchPartitionKeyHash {
  std::size_t operator()(const FetchPartitionKey& key) const noexcept;
};

/// One client's session.  Thread rule: used by one request at a time; its lock says so.
class FetchSession {
 public:
  struct Entry {
    FetchPartition partition;
    // What the last answer said; -1 after an error, so that recovery is told again.
    Offset sent_high_watermark{-1};
    Offset sent_log_start{-1};
  };
  FetchSession(std::int32_t id, bool uses_topic_ids) : id_(id), uses_topic_ids_(uses_topic_ids) {}

  [[nodiscard]] std::int32_t id() const { return id_; }

  base::Mutex mutex;
  /// In the order in which they are served; one with data moves to the end (fairness).
  std::list<Entry> entries MOLDAU_GUARDED_BY(mutex);
  std::unordered_map<FetchPartitionKey, std::list<Entry>::iterator, FetchPartitionKeyHash> index
      MOLDAU_GUARDED_BY(mutex);
  std::int32_t next_epoch MOLDAU_GUARDED_BY(mutex) = 1;
  [[nodiscard]] bool uses_topic_ids() const { return uses_topic_ids_; }

  /// The key by which this session knows a partition.
  [[nodiscard]] FetchPartitionKey key_of(const FetchPartition& partition) const;
  void put(const FetchPartition& partition) MOLDAU_REQUIRES(mutex);
  void forget(const FetchPartition& partition) MOLDAU_REQUIRES(mutex);

 private:
  const std::int32_t id_;
  const bool uses_topic_ids_;
};

/// Thread-safe.  Holds at most `slots` sessions; a new one takes the place of the least recently used
/// that has been idle for two minutes, or is not opened (a session is only an optimisation).
class FetchSessions {
 public:
  FetchSessions(std::size_t slots, const base::Clock& clock, base::Random& random);

  struct Request {
    std::int32_t session_id = no_fetch_session;
    std::int32_t session_epoch = final_fetch_epoch;
    bool uses_topic_ids = false;
    std::vector<FetchPartition> partitions;
    std::vector<FetchPartition> forgotten;
  };
  enum class Kind { sessionless, full, incremental };
  struct Context {
    Kind kind = Kind::sessionless;
    std::shared_ptr<FetchSession> session;   // incremental only; second owner: the cache
    std::vector<FetchPartition> partitions;  // all that this fetch reads, in order
  };
  enum class Refusal { id_not_found, invalid_epoch, topic_id_error };

  /// Resolves a request to what it reads; an incremental one updates its session.
  std::variant<Context, Refusal> begin(Request request);
  /// Opens a session for a full fetch; nullptr when there is no slot.
  std::shared_ptr<FetchSession> open(const std::vector<FetchPartition>& partitions,
                                     bool uses_topic_ids);
  [[nodiscard]] std::size_t count() const;

 private:
  struct Slot {
    std::shared_ptr<FetchSession> session;
    base::SteadyTime used{};
  };
  void remove(std::int32_t id) MOLDAU_REQUIRES(mutex_);
  bool make_room() MOLDAU_REQUIRES(mutex_);

  const std::size_t slots_max_;
  const base::Clock& clock_;
  base::Random& random_;
  mutable base::Mutex mutex_;
  std::unordered_map<std::int32_t, Slot> slots_ MOLDAU_GUARDED_BY(mutex_);
};

}  // namespace moldau::api
