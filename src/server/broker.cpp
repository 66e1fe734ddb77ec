#include "moldau/server/broker.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <thread>
#include <vector>

#include "executors.hpp"
#include "moldau/api/services.hpp"
#include "moldau/base/log.hpp"
#include "moldau/base/metrics.hpp"
#include "moldau/base/random.hpp"
#include "moldau/cluster/solo_controller.hpp"
#include "moldau/group/coordinator.hpp"
#include "moldau/http/server.hpp"
#include "moldau/http/standard_routes.hpp"
#include "moldau/metadata/features.hpp"
#include "moldau/net/listener.hpp"
#include "moldau/partition/partition_manager.hpp"
#include "moldau/partition/storage_threads.hpp"
#include "moldau/router/router.hpp"
#include "moldau/storage/file_system.hpp"
#include "moldau/storage/log_directory.hpp"
#include "moldau/txn/coordinator.hpp"
#include "notify.hpp"
#include "signals.hpp"

namespace moldau::server {
namespace {

using base::Errc;

constexpr base::Milliseconds stop_grace{5'000};

/// Passes each new image to the partitions, before the change that made it is answered.
class PartitionFollower final : public cluster::MetadataListener {
 public:
  explicit PartitionFollower(partition::PartitionManager& partitions) : partitions_(partitions) {}
  void on_metadata(const std::shared_ptr<const metadata::MetadataImage>&,
                   const std::shared_ptr<const metadata::MetadataImage>& after,
                   const metadata::MetadataDelta& delta) override {
    partitions_.apply(*after, delta);
    applied_.store(true, std::memory_order_release);
    applied_.notify_all();
  }
  void wait_for_first() const { applied_.wait(false, std::memory_order_acquire); }

 private:
  partition::PartitionManager& partitions_;
  std::atomic<bool> applied_{false};
};

std::vector<metadata::Endpoint> endpoints_of(const config::Config& config) {
  std::vector<metadata::Endpoint> endpoints;
  for (const auto& listener : config.listeners) {
    metadata::Endpoint endpoint;
    endpoint.name = listener.name;
    // An empty host says that nobody chose one: clients are told the address that they used.
    endpoint.host = listener.advertised ? listener.advertised->host : std::string{};
    endpoint.port = listener.advertised ? listener.advertised->port : listener.bind.port;
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

std::string reachable(const config::Address& address) {
  const bool any = address.host.empty() || address.host == "0.0.0.0" || address.host == "::";
  return (any ? std::string("localhost") : address.host) + ":" + std::to_string(address.port);
}

/// bbr paces each connection by timers, whatever its way is: measured in docs/performance.md.
void hint_at_congestion_control(const config::Config& config) {
  if (net::standard_congestion_control() != "bbr") return;
  for (const auto& listener : config.listeners) {
    if (!listener.tcp_congestion_control.empty()) continue;
    log::info("net.congestion_control",
              "listener {} has the kernel's congestion control, bbr: readers nearby are served "
              "several times cheaper with tcp_congestion_control: cubic",
              listener.name);
  }
}

partition::CleanupOptions cleanup_options(const metadata::BrokerConfig& config) {
  partition::CleanupOptions options;
  options.retention_interval = base::Milliseconds{config.integer("log.retention.check.interval.ms")};
  options.compaction_backoff = base::Milliseconds{config.integer("log.cleaner.backoff.ms")};
  options.compacts = config.flag("log.cleaner.enable");
  options.compaction_bytes_per_second = config.real("log.cleaner.io.max.bytes.per.second");
  options.compaction_key_bytes_max = static_cast<std::uint64_t>(config.integer("log.cleaner.dedupe.buffer.size"));
  return options;
}

/// All parts of a running broker, made in order and taken apart in the reverse order.
class Broker {
 public:
  explicit Broker(const config::Config& config)
      : config_(config),
        static_config_(config.kafka),
        loops_count_(config.loops > 0 ? config.loops
                                      : static_cast<int>(std::thread::hardware_concurrency())),
        metrics_(loops_count_) {}

  base::Status start();
  void stop();
  [[nodiscard]] bool failed() const { return failed_.load(); }

 private:
  base::Status open_storage();
  base::Status open_metadata();
  void open_coordinators();
  base::Status open_network();
  base::Status open_http();
  void add_metrics();
  void announce(std::chrono::steady_clock::time_point began) const;
  void on_storage_failure(const base::Error& error);

  const config::Config& config_;
  const metadata::BrokerConfig static_config_;
  const int loops_count_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  base::MetricsRegistry metrics_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> ready_{false};
  std::unique_ptr<storage::FileSystem> file_system_ = storage::make_real_file_system();
  std::unique_ptr<storage::LogDirectory> directory_;
  std::optional<ThreadPool> helpers_;
  std::optional<ThreadPool> controller_thread_;
  std::optional<partition::PartitionManager> partitions_;
  std::optional<partition::StorageThreads> storage_threads_;
  std::unique_ptr<cluster::SoloController> controller_;
  std::optional<PartitionFollower> follower_;
  std::optional<api::FetchSessions> fetch_sessions_;
  std::optional<api::ProducerIds> producer_ids_;
  std::optional<net::EventLoopGroup> loops_;
  std::optional<group::Coordinator> groups_;
  std::optional<api::TransactionMarkers> markers_;
  std::optional<txn::Coordinator> transactions_;
  std::optional<api::Services> services_;
  std::optional<router::Router> router_;
  std::unique_ptr<net::ConnectionLimiter> limiter_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::unique_ptr<http::Server> http_;
};

base::Status Broker::open_storage() {
  storage::LogDirectoryOptions options;
  options.sync = config_.sync;
  options.lane_file_bytes = config_.lane_file_bytes;
  options.tail_bytes_max = config_.tail_bytes_max;
  options.free_bytes_min = config_.free_bytes_min;
  storage::DirectoryIdentity identity;
  identity.cluster_id = config_.cluster_id;
  identity.node_id = config_.node_id;
  auto directory = storage::LogDirectory::open(*file_system_, config_.data_dir, identity, options,
                                               clock_, random_);
  if (!directory && (directory.error().code == Errc::already_exists ||
                     directory.error().code == Errc::not_found))
    return base::fail(Errc::unsupported, directory.error().message +
                                             "; storage.data_dir has to name a directory, or one "
                                             "that can be made");
  if (!directory) return directory.error();
  directory_ = std::move(*directory);
  const auto& opened = directory_->opened();
  if (!opened.formatted && !opened.clean)
    log::info("storage.recovered",
              "{} was not stopped in order: {} entries replayed, {} bytes of a torn tail cut",
              config_.data_dir, opened.replayed_entries, opened.truncated_bytes);
  return {};
}

void Broker::on_storage_failure(const base::Error& error) {
  log::error("storage.failed",
             "the data directory failed and nothing is acknowledged any more; stopping: {}",
             base::to_string(error));
  failed_.store(true);
  raise_stop();
}

base::Status Broker::open_metadata() {
  helpers_.emplace("helper", 2);
  controller_thread_.emplace("controller", 1);
  partitions_.emplace(*directory_, static_config_, config_.node_id);
  storage_threads_.emplace(*partitions_, clock_,
                           [this] {
                             auto options = cleanup_options(
                                 static_config_.with_dynamic(*controller_->image(), config_.node_id));
                             options.scrub_interval = base::Milliseconds{config_.scrub_interval_ms};
                             return options;
                           },
                           [this](const base::Error& error) { on_storage_failure(error); });
  cluster::SoloControllerOptions options;
  options.log_dir = config_.data_dir;
  options.cluster_id = directory_->identity().cluster_id;
  options.node_id = config_.node_id;
  options.directory_id = directory_->identity().directory_id;
  options.endpoints = endpoints_of(config_);
  options.rack = config_.rack;
  // Synced always: --unsafe-no-fsync is about records, and without its topics nothing could be compared.
  options.sync = true;
  options.previous_broker_epoch = BrokerEpoch{directory_->opened().broker_epoch};
  const cluster::SoloController::Environment environment{*file_system_, clock_, random_,
                                                         *controller_thread_, static_config_};
  MOLDAU_ASSIGN(controller_, cluster::SoloController::open(environment, std::move(options)));
  follower_.emplace(*partitions_);
  controller_->add_listener(*follower_);
  storage_threads_->start();
  follower_->wait_for_first();
  return {};
}

void Broker::open_coordinators() {
  net::EventLoopOptions loop_options;
  loop_options.request_memory_bytes = config_.limits.request_memory_bytes;
  loops_.emplace(clock_, loops_count_, loop_options);
  groups_.emplace(group::Coordinator::Environment{
      *partitions_, *controller_, static_config_, config_.node_id, clock_, random_, *helpers_,
      {loops_->loops().begin(), loops_->loops().end()},
      config_.offsets_retention_policy == "kafka" ? group::OffsetRetention::kafka
                                                  : group::OffsetRetention::keep});
  controller_->add_listener(*groups_);
  producer_ids_.emplace(*controller_, config_.node_id);
  producer_ids_->set_broker_epoch(controller_->broker_epoch());
  markers_.emplace(*partitions_, *controller_, *groups_, clock_);
  // After the groups: a transaction that was decided is brought to its end when it is loaded, in their log too.
  transactions_.emplace(txn::Coordinator::Environment{
      *partitions_, *controller_, static_config_, config_.node_id, clock_, *helpers_,
      {loops_->loops().begin(), loops_->loops().end()}, *markers_,
      [this] { return producer_ids_->try_next(); }});
  controller_->add_listener(*transactions_);
  partitions_->find_transaction_owners_by([this](const std::vector<ProducerId>& producers) {
    return transactions_->find_owners(producers);
  });
}

base::Status Broker::open_network() {
  fetch_sessions_.emplace(
      static_cast<std::size_t>(static_config_.integer("max.incremental.fetch.session.cache.slots")),
      clock_, random_);
  services_.emplace(api::Services{*partitions_, *controller_, *controller_, static_config_,
                                  *fetch_sessions_, *producer_ids_, *groups_, *transactions_,
                                  *markers_, clock_, *helpers_, directory_->identity().cluster_id, config_.node_id,
                                  directory_->path()});
  router_.emplace(*services_, metrics_);
  net::ConnectionLimits limits;
  limits.connections_max = config_.limits.connections_max;
  limits.connections_per_ip_max = config_.limits.connections_per_ip_max;
  limiter_ = net::ConnectionLimiter::create(limits);
  for (const auto& wanted : config_.listeners) {
    net::ListenerOptions options;
    options.name = wanted.name;
    options.host = wanted.bind.host;
    options.port = wanted.bind.port;
    options.tcp_congestion_control = wanted.tcp_congestion_control;
    options.net.frame_bytes_max =
        static_cast<std::size_t>(static_config_.integer("socket.request.max.bytes"));
    options.net.idle_max = base::Milliseconds{static_config_.integer("connections.max.idle.ms")};
    MOLDAU_ASSIGN(auto listener, net::Listener::open(loops_->loops(), options, *router_, *limiter_,
                                                     &metrics_));
    listeners_.push_back(std::move(listener));
  }
  hint_at_congestion_control(config_);
  return {};
}

base::Status Broker::open_http() {
  if (!config_.http_enabled) return {};
  http::StandardRoutes routes;
  routes.metrics = &metrics_;
  routes.version = "0.1.0";
  routes.live = [this] {
    return std::vector<http::Check>{{"storage", !failed_.load(), "the data directory failed"}};
  };
  routes.ready = [this] {
    return std::vector<http::Check>{
        {"listening", ready_.load(), "not listening yet, or stopping"},
        {"storage", !failed_.load(), "the data directory failed"},
        {"partitions", partitions_->offline().empty(), "partitions are offline; see the log"}};
  };
  http::ServerOptions options;
  options.host = config_.http.host;
  options.port = config_.http.port;
  MOLDAU_ASSIGN(http_, http::Server::open(options, http::standard_routes(std::move(routes))));
  return {};
}

void Broker::add_metrics() {
  http::add_process_metrics(metrics_);
  metrics_.add_collector([this](base::MetricsSnapshot& snapshot) {
    const auto add = [&](const char* name, const char* help, base::MetricType type, double value) {
      base::MetricFamily family;
      family.name = name;
      family.help = help;
      family.type = type;
      family.samples.push_back({{}, value, {}});
      snapshot.push_back(std::move(family));
    };
    const auto lane = directory_->lane_statistics();
    add("moldau_lane_commits_total", "Commits of the write-ahead lane.",
        base::MetricType::counter, static_cast<double>(lane.commits));
    add("moldau_lane_committed_bytes_total", "Bytes of batches committed by the lane.",
        base::MetricType::counter, static_cast<double>(lane.committed_bytes));
    add("moldau_lane_committed_entries_total", "Batches and other entries committed by the lane.",
        base::MetricType::counter, static_cast<double>(lane.committed_entries));
    add("moldau_tail_bytes", "Batches held in memory for readers, or until a segment has them.",
        base::MetricType::gauge, static_cast<double>(lane.tail_bytes));
    add("moldau_unflushed_bytes", "Batches that are in the lane and in no segment yet.",
        base::MetricType::gauge, static_cast<double>(lane.unflushed_bytes));
    add("moldau_partitions", "Partitions of this broker.", base::MetricType::gauge,
        static_cast<double>(partitions_->count()));
    add("moldau_partitions_offline", "Partitions that cannot be served.", base::MetricType::gauge,
        static_cast<double>(partitions_->offline().size()));
    add("moldau_partitions_transaction_hanging",
        "Partitions whose oldest transaction is open for longer than any may be.", base::MetricType::gauge,
        static_cast<double>(partitions_->hanging_transactions()));
    const auto groups = groups_->totals();
    add("moldau_groups", "Consumer groups held.", base::MetricType::gauge,
        static_cast<double>(groups.groups));
    add("moldau_committed_offsets", "Partitions with a committed offset, over all groups.",
        base::MetricType::gauge, static_cast<double>(groups.offsets));
    add("moldau_pending_offsets", "Partitions whose offset an open transaction may change.",
        base::MetricType::gauge, static_cast<double>(groups.pending_offsets));
    add("moldau_group_shards_loading", "Partitions of __consumer_offsets that are being read.",
        base::MetricType::gauge, static_cast<double>(groups.loading));
    const auto transactions = transactions_->totals();
    add("moldau_transactional_ids", "Transactional ids held.", base::MetricType::gauge,
        static_cast<double>(transactions.ids));
    add("moldau_transactions_ongoing", "Transactions that are open.", base::MetricType::gauge,
        static_cast<double>(transactions.ongoing));
    add("moldau_transaction_shards_loading", "Partitions of __transaction_state that are being read.",
        base::MetricType::gauge, static_cast<double>(transactions.loading));
    add("moldau_fetch_sessions", "Fetch sessions held.", base::MetricType::gauge,
        static_cast<double>(fetch_sessions_->count()));
  });
}

void Broker::announce(std::chrono::steady_clock::time_point began) const {
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - began);
  log::info("broker.ready", "ready in {} ms", took.count());
  const auto& first = config_.listeners.front();
  std::fprintf(stderr, "moldau 0.1.0  single node, %s, data %s\n",
               config_.sync ? "durable (every acknowledgement is synced)"
                            : "NOT DURABLE (--unsafe-no-fsync)",
               config_.data_dir.c_str());
  for (const auto& listener : config_.listeners) {
    const std::string advertised =
        listener.advertised ? listener.advertised->host + ":" +
                                  std::to_string(listener.advertised->port)
                            : std::string("the address each client used");
    std::fprintf(stderr, "  kafka    %s  (advertised to clients as: %s)\n",
                 reachable(listener.bind).c_str(), advertised.c_str());
  }
  if (config_.http_enabled)
    std::fprintf(stderr, "  http     http://%s/\n", reachable(config_.http).c_str());
  std::fprintf(stderr, "  ready in %lld ms\n", static_cast<long long>(took.count()));
  const std::string server = first.bind.port == 9092 ? std::string{}
                                                     : " --server " + reachable(first.bind);
  std::fprintf(stderr, "  try:     moldau topic produce hello%s  |  moldau topic consume hello%s\n",
               server.c_str(), server.c_str());
  std::fprintf(stderr, "  config:  %s\n", config_.source.c_str());
}

base::Status Broker::start() {
  const auto began = std::chrono::steady_clock::now();
  MOLDAU_TRY(open_storage());
  MOLDAU_TRY(open_metadata());
  open_coordinators();
  MOLDAU_TRY(open_network());
  MOLDAU_TRY(open_http());
  add_metrics();
  ready_.store(true);
  announce(began);
  notify_systemd("READY=1");
  return {};
}

void Broker::stop() {
  ready_.store(false);
  notify_systemd("STOPPING=1");
  for (auto& listener : listeners_) listener->shut_down(stop_grace);
  if (loops_) loops_->stop();
  if (storage_threads_) storage_threads_->stop();
  if (helpers_) helpers_->stop();
  if (controller_ && follower_) {
    if (transactions_) controller_->remove_listener(*transactions_);
    if (groups_) controller_->remove_listener(*groups_);
    controller_->remove_listener(*follower_);
    controller_->close([](const base::Status& closed) {
      if (!closed) log::warn("metadata.close_failed", "{}", base::to_string(closed.error()));
    });
  }
  if (controller_thread_) controller_thread_->stop();
  http_.reset();
  listeners_.clear();
  const auto epoch = controller_ ? controller_->broker_epoch().value() : -1;
  if (directory_ && !failed_.load()) {
    if (const auto closed = directory_->close(epoch); !closed) {
      log::error("storage.close_failed", "{}", base::to_string(closed.error()));
      failed_.store(true);
    }
  }
}

ExitStatus status_of(const base::Error& error) {
  switch (error.code) {
    case Errc::locked:
    case Errc::foreign_directory:
    case Errc::damaged:
    case Errc::unsupported: return ExitStatus::directory_unusable;
    default: return ExitStatus::failure;
  }
}

/// Connections, segments and their indexes take one each.
void raise_descriptor_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

ExitStatus run_broker(const config::Config& config) {
  raise_descriptor_limit();
  block_signals();
  if (!config.no_effect.empty()) {
    std::string names;
    for (const auto& name : config.no_effect) names += (names.empty() ? "" : ", ") + name;
    log::info("config.no_effect", "accepted without effect: {}", names);
  }
  if (!config.sync)
    log::warn("storage.unsafe", "--unsafe-no-fsync: a power cut loses acknowledged records");
  Broker broker(config);
  if (const auto started = broker.start(); !started) {
    log::error("broker.start_failed", "{}", base::to_string(started.error()));
    broker.stop();
    return status_of(started.error());
  }
  int signal = wait_for_signal();
  while (signal == SIGHUP) {
    log::info("config.reload", "nothing of the configuration can be changed while running yet");
    signal = wait_for_signal();
  }
  if (broker.failed()) _exit(static_cast<int>(ExitStatus::failure));  // R7: at once, nothing synced
  log::info("broker.stopping", "stopping in order; a second signal stops at once");
  std::thread impatient([] {
    wait_for_signal();
    _exit(static_cast<int>(ExitStatus::failure));
  });
  impatient.detach();
  broker.stop();
  log::info("broker.stopped", "stopped");
  return broker.failed() ? ExitStatus::failure : ExitStatus::ok;
}

}  // namespace moldau::server
