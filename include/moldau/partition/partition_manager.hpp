#pragma once
// Every partition of this broker, found by name or by id, kept as the metadata say.

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/function.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/metadata/image.hpp"
#include "moldau/metadata/topic_config.hpp"
#include "moldau/partition/partition.hpp"
#include "moldau/partition/transaction_owner.hpp"
#include "moldau/storage/log_directory.hpp"

namespace moldau::partition {

class HangingTransactions;  // src/partition: private to the layer

using PartitionPtr = std::shared_ptr<Partition>;  // second owners: requests that use it

/// Thread rule: apply() and close() from one thread at a time (the controller's); the rest from any.
class PartitionManager {
 public:
  /// Error that opening a log met, for readiness and logs.
  struct OfflinePartition {
    TopicPartition partition;
    base::Error reason;
  };

  /// `directory` and `static_config` outlive the manager.
  PartitionManager(storage::LogDirectory& directory, const metadata::BrokerConfig& static_config,
                   BrokerId self);
  ~PartitionManager();

  /// The first call, with all there is, also moves logs aside that no topic of `image` has: of one whose
  /// deletion was decided and not carried out before a crash.  Makes logs for partitions that are new, begins leaders' terms, takes removed ones out of service
  /// and passes configurations on.  A partition whose log cannot be made or trusted is served as
  /// offline; the others are not touched by it.  (blocks: syncs directories)
  void apply(const metadata::MetadataImage& image, const metadata::MetadataDelta& delta);

  /// Lets the threads of StorageThreads tell who waits for the lane.
  /// `done` is called once `lsn` is durable, or with the error that ended the log directory.
  void when_durable(Lsn lsn, base::Function<void(const base::Status&)> done);
  /// Called by the committing thread after each commit.
  void committed(const base::Status& status);
  /// Called by the background thread now and then: names transactions in the log that nobody ends.
  void look_for_hanging_transactions(const base::Clock& clock);
  /// Who knows the clients of such transactions; until then they are named without.  It is called on the
  /// background thread, with no lock held.
  void find_transaction_owners_by(FindTransactionOwners find_owners);

  [[nodiscard]] PartitionPtr find(std::string_view topic, PartitionIndex partition) const;
  [[nodiscard]] PartitionPtr find(const TopicIdPartition& partition) const;
  [[nodiscard]] std::vector<PartitionPtr> all() const;
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::vector<OfflinePartition> offline() const;
  /// Partitions with a transaction that hangs, as of the last look.
  [[nodiscard]] std::size_t hanging_transactions() const { return hanging_count_.load(); }
  [[nodiscard]] storage::LogDirectory& directory() { return directory_; }

 private:
  struct Topic {
    TopicId id{};
    std::vector<PartitionPtr> partitions;  // by index; null where the log could not be made
  };
  /// Immutable; swapped whole, so that look-ups take no lock for longer than a pointer's copy.
  struct Table {
    std::unordered_map<TopicId, std::shared_ptr<const Topic>> by_id;
    std::map<std::string, TopicId, std::less<>> by_name;
  };
  struct DurableWaiter {
    Lsn lsn{};
    base::Function<void(const base::Status&)> done;
  };

  std::shared_ptr<const Table> table() const;
  using ConfigPtr = std::shared_ptr<const metadata::TopicConfig>;
  ConfigPtr config_of(const metadata::MetadataImage& image, std::string_view topic) const;
  PartitionPtr open_partition(const metadata::TopicImage& topic, PartitionIndex index,
                              const ConfigPtr& config);
  void apply_topic(const metadata::TopicImage& topic, const std::vector<PartitionIndex>& changed,
                   const metadata::MetadataImage& image, Table& table);
  void remove_topic(const TopicId& id, Table& table);
  void move_strays_aside(const metadata::MetadataImage& image);
  void apply_configs(const metadata::MetadataImage& image,
                     const std::vector<metadata::ConfigResource>& changed, const Table& table);
  void note_offline(const TopicPartition& partition, const base::Error& reason);

  storage::LogDirectory& directory_;
  const metadata::BrokerConfig& static_config_;
  const BrokerId self_;
  bool strays_looked_for_ = false;  // of the thread that applies
  std::unique_ptr<HangingTransactions> hanging_;  // of the background thread
  std::atomic<std::size_t> hanging_count_{0};
  mutable base::Mutex mutex_;
  FindTransactionOwners find_owners_ MOLDAU_GUARDED_BY(mutex_);
  std::shared_ptr<const Table> table_ MOLDAU_GUARDED_BY(mutex_);
  std::vector<DurableWaiter> durable_waiters_ MOLDAU_GUARDED_BY(mutex_);
  std::vector<OfflinePartition> offline_ MOLDAU_GUARDED_BY(mutex_);
};

}  // namespace moldau::partition
