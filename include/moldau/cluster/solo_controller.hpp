#pragma once
// The controller of a node that is alone: decides, appends to its own metadata log, syncs, applies.
// A quorum of one needs no consensus; the log is Kafka's, so a real quorum can take it over.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/loop.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/base/random.hpp"
#include "moldau/cluster/controller_gateway.hpp"
#include "moldau/cluster/metadata_source.hpp"
#include "moldau/metadata/config_view.hpp"
#include "moldau/metadata/records.hpp"
#include "moldau/metadata/records.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::cluster {

class MetadataLog;

struct SoloControllerOptions {
  std::string
      log_dir;  // meta.properties is checked already; the log is in its __cluster_metadata-0
  std::string cluster_id;
  BrokerId node_id{1};
  base::Uuid directory_id{};
  /// What clients are told to connect to (the advertised listeners).
  std::vector<metadata::Endpoint> endpoints;
  std::optional<std::string> rack;
  BrokerEpoch previous_broker_epoch{
      -1};  // of the clean-shutdown file, when the last stop was orderly
  /// Written into a new directory as the address of its KRaft voter, for Kafka to take it over.
  metadata::Endpoint controller_endpoint{"CONTROLLER", "localhost", 9093, 0};
  bool sync = true;                                             // false only with --unsafe-no-fsync
  std::uint64_t bytes_between_snapshots = 20ULL * 1024 * 1024;  // metadata.log.max.record.bytes...
  std::int64_t ms_between_snapshots = 3'600'000;  // metadata.log.max.snapshot.interval.ms
};

/// Thread rule: as its two interfaces say; open() and the destructor on one thread, after which and
/// before which the executor runs nothing of it.
class SoloController final : public ControllerGateway, public MetadataSource {
 public:
  /// Everything that must outlive the controller.  `executor` runs one task at a time, in order,
  /// and may block for the disk.  `random` is used on the executor only.
  struct Environment {
    storage::FileSystem& fs;
    base::Clock& clock;
    base::Random& random;
    base::Executor& executor;
    const metadata::BrokerConfig& static_config;
  };

  /// Reads or makes the metadata log and begins the node's next term, durably: the broker
  /// registered and unfenced, leader of its partitions in a new leader epoch.  The executor is not
  /// used yet. Errors: foreign_directory, damaged, unsupported, io, no_space.  (blocks)
  static base::Result<std::unique_ptr<SoloController>> open(const Environment& environment,
                                                            SoloControllerOptions options);
  ~SoloController() override;

  /// Orderly stop: what is queued is done, the broker is fenced in the log, then `done` is called
  /// on the executor; later calls are answered with cancelled.
  void close(base::Function<void(const base::Status&)> done);

  /// The epoch that this run's registration got.
  [[nodiscard]] BrokerEpoch broker_epoch() const { return broker_epoch_; }

  // ControllerGateway.
  void create_topics(metadata::CreateTopicsRequest request,
                     Completion<metadata::CreateTopicsResult> done) override;
  void delete_topics(metadata::DeleteTopicsRequest request,
                     Completion<metadata::DeleteTopicsResult> done) override;
  void create_partitions(metadata::CreatePartitionsRequest request,
                         Completion<metadata::CreatePartitionsResult> done) override;
  void alter_configs(metadata::AlterConfigsRequest request,
                     Completion<metadata::AlterConfigsResult> done) override;
  void update_features(metadata::UpdateFeaturesRequest request,
                       Completion<metadata::UpdateFeaturesResult> done) override;
  void elect_leaders(metadata::ElectLeadersRequest request,
                     Completion<metadata::ElectLeadersResult> done) override;
  void allocate_producer_ids(metadata::AllocateProducerIdsRequest request,
                             Completion<metadata::AllocateProducerIdsResult> done) override;
  void alter_partition(metadata::AlterPartitionRequest request,
                       Completion<metadata::AlterPartitionResult> done) override;
  void register_broker(metadata::RegisterBrokerRequest request,
                       Completion<metadata::RegisterBrokerResult> done) override;
  void broker_heartbeat(metadata::BrokerHeartbeatRequest request,
                        Completion<metadata::BrokerHeartbeatResult> done) override;

  // MetadataSource.
  [[nodiscard]] std::shared_ptr<const metadata::MetadataImage> image() const override;
  void add_listener(MetadataListener& listener) override;
  void remove_listener(MetadataListener& listener) override;

 private:
  class Mutation;
  template <class Request, class Result, class Decide>
  class TypedMutation;
  struct Step;  // an image that was decided and is not published yet
  using Image = std::shared_ptr<const metadata::MetadataImage>;

  SoloController(const Environment& environment, SoloControllerOptions options,
                 std::unique_ptr<MetadataLog> log);

  base::Status begin_term();
  /// Appends records outside of a mutation, while opening.
  base::Status commit_now(std::vector<metadata::MetadataRecord> records);
  void submit(std::unique_ptr<Mutation> mutation);
  template <class Request, class Result, class Decide>
  void enqueue(Request request, Completion<Result> done, Decide decide);
  void drain();
  void run_group(std::vector<std::unique_ptr<Mutation>> group);
  void publish(const Step& step);
  void start_listener(MetadataListener& listener);
  [[nodiscard]] Image image_with(const Image& base,
                                 const std::vector<metadata::MetadataRecord>& records,
                                 Step& step) const;

  const Environment environment_;
  const SoloControllerOptions options_;
  const std::unique_ptr<MetadataLog> log_;  // the executor's, after open()
  BrokerEpoch broker_epoch_{-1};
  std::optional<base::Error> failed_;  // the executor's
  Image latest_;                       // the executor's: the newest image

  mutable base::Mutex queue_mutex_;
  std::deque<std::unique_ptr<Mutation>> queue_ MOLDAU_GUARDED_BY(queue_mutex_);
  bool draining_ MOLDAU_GUARDED_BY(queue_mutex_) = false;
  bool closed_ MOLDAU_GUARDED_BY(queue_mutex_) = false;

  mutable base::Mutex image_mutex_;
  Image image_ MOLDAU_GUARDED_BY(image_mutex_);

  base::Mutex listeners_mutex_;
  // In the order in which they were added, and whether each has had its first call.
  std::vector<std::pair<MetadataListener*, bool>> listeners_ MOLDAU_GUARDED_BY(listeners_mutex_);
};

}  // namespace moldau::cluster
