#pragma once
// What has to hold after every step, whatever happens to members and broker.
// Thread rule: one thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/group_simulation_world.hpp"

namespace moldau::group::sim {

class SimClient;

/// How much of what can happen did.
struct Tally {
  std::uint64_t steps = 0;
  std::uint64_t generations = 0;
  std::uint64_t upgrades = 0;
  std::uint64_t downgrades = 0;
  std::uint64_t crashes = 0;
  std::uint64_t commits = 0;
  std::uint64_t fenced_commits = 0;
  std::uint64_t txn_commits = 0;       // offsets, of transactions that ended so
  std::uint64_t txn_aborts = 0;        // offsets
  std::uint64_t unstable_fetches = 0;  // offsets
};

class Checker {
 public:
  explicit Checker(World& world);

  std::vector<const SimClient*> clients;
  Tally tally;

  void check();
  /// The broker died and came back: the log is what counts.
  void on_crash();
  /// In the end, when nothing has gone wrong for long.
  void check_quiet();

  // What answers say.  Told: the answer has run, so it may never be taken back.
  void on_joined(const std::string& group_id, const protocol::JoinGroupResponse& response);
  void on_beat(const std::string& group_id, const std::string& member_id);
  /// An answer gave it the partition (again); the answer may be older than what became of the
  /// member.
  void on_taken(const SimClient& client, const TopicPartition& partition);
  void on_told_epoch(const std::string& group_id, std::int32_t epoch);
  void on_commit(const protocol::OffsetCommitRequest& request,
                 const protocol::OffsetCommitResponse& response);
  void on_committed(const protocol::OffsetCommitRequest& request,
                    const protocol::OffsetCommitResponse& response);
  /// `metadata` of what is committed in a transaction, which tells one from the other.
  [[nodiscard]] std::string new_mark() { return "t" + std::to_string(++last_mark_); }
  void on_txn_commit(const protocol::TxnOffsetCommitRequest& request,
                     const protocol::TxnOffsetCommitResponse& response);
  /// Before it is written; what is returned is to be called when it is durable.
  base::Task on_marker(const coordinator::Marker& marker);
  std::function<void()> on_marker_in_log;
  /// By whoever minds whether an offset may still change.
  void on_fetched(const protocol::OffsetFetchResponse::Group& response);
  /// No transaction is open.
  void check_nothing_pending() const;
  /// Whoever beats in time is no longer a member although nothing is wrong.
  void on_expelled(const SimClient& client, ErrorCode code);
  /// An administrator deleted the offsets.
  void forget_offsets(const std::string& group_id);
  /// Its offsets may go back: nobody reads by them.
  void expect_any_order(const std::string& group_id) { groups_[group_id].is_in_any_order = true; }
  void forget_offsets_of_topic(const std::string& topic);

 private:
  /// What is known of a group from its records and answers.
  struct Seen {
    std::string state = "none";
    std::string type;
    std::int32_t newest_generation = -1;  // of the classic protocol
    /// Whom the newest generation, or the consumer group, has let in: their partitions count.
    std::set<std::string> valid_ids;
    std::int32_t epoch_floor = 0;  // of a consumer group
    std::int32_t told_epoch = 0;
    bool is_consumer_in_log = false;
    bool is_in_any_order = false;
    std::map<std::string, std::int32_t> member_epochs;
    std::map<TopicPartition, std::int64_t> last;   // committed offsets after the last step
    std::map<TopicPartition, std::int64_t> acked;  // never less than these
  };
  /// An offset that was committed in a transaction, by its mark.
  struct Marked {
    enum class Fate { open, counts, aborted, deleted } fate = Fate::open;
    ProducerId producer{};
    std::string group_id;
    TopicPartition partition;
    std::int64_t offset = 0;
    bool is_in_log = false;
  };
  void on_written(const GroupHost::Written& written);
  void on_durable(const GroupHost::Written& written);
  void forget_marked(const std::function<bool(const Marked&)>& is_deleted);
  void check_marks(const std::string& group_id) const;
  [[noreturn]] void fail(const std::string& what) const;
  [[nodiscard]] std::string committed_text(const Machine& machine,
                                           const std::string& group_id) const;
  [[nodiscard]] std::string described_text(const Machine& machine,
                                           const std::string& group_id) const;
  [[nodiscard]] std::map<TopicPartition, std::int64_t> committed(const std::string& group_id) const;
  void check_states();
  void note_lost(const std::string& group_id, const std::set<std::string>& members);
  void check_owners() const;
  void check_epochs(const std::string& group_id, Seen& seen);
  void check_offsets(const std::string& group_id, Seen& seen);
  void check_fold(const Machine& folded, bool with_rebalances) const;
  void check_coverage() const;

  World& world_;
  std::map<std::string, Seen> groups_;
  /// What a member held when the coordinator dropped it: not its own, even if it gets in again,
  /// until an answer says so.
  std::map<const SimClient*, std::set<TopicPartition>> lost_;
  std::map<std::string, std::set<std::string>> members_;  // of the machine, after the last step
  std::unique_ptr<Machine> shadow_ = std::make_unique<Machine>();  // folded as records come
  bool has_new_records_ = false;
  std::map<std::string, Marked> marked_;
  std::uint64_t last_mark_ = 0;
};

}  // namespace moldau::group::sim
