#include "moldau/cluster/solo_controller.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cluster/metadata_log.hpp"
#include "moldau/base/check.hpp"
#include "moldau/base/log.hpp"
#include "moldau/metadata/controller.hpp"
#include "moldau/metadata/features.hpp"
#include "moldau/metadata/image_builder.hpp"

namespace moldau::cluster {

using base::Errc;
using base::fail;
using base::Result;
using base::Status;
using metadata::Controller;
using metadata::MetadataRecord;

namespace {
/// Records of one batch: what is queued beyond it waits for the next sync.
constexpr std::size_t group_records_max = 50'000;
/// Records of one batch while the node starts.
constexpr std::size_t term_records_per_batch = 10'000;

template <class R>
Result<metadata::Decision<R>> as_result(metadata::Decision<R> decision) {
  return decision;
}
template <class R>
Result<metadata::Decision<R>> as_result(Result<metadata::Decision<R>> decision) {
  return decision;
}
}  // namespace

/// A request on its way: decided first, answered when its records are committed and applied.
class SoloController::Mutation {
 public:
  virtual ~Mutation() = default;
  /// Decides; the records to commit, none when the request is refused or changes nothing.
  virtual std::vector<MetadataRecord> decide(Controller& controller) = 0;
  /// Answers as decided, or with `error` when that is given.
  virtual void answer(const std::optional<base::Error>& error) = 0;
};

template <class Request, class Answer, class Decide>
class SoloController::TypedMutation final : public SoloController::Mutation {
 public:
  TypedMutation(Request request, Completion<Answer> done, Decide decide)
      : request_(std::move(request)), done_(std::move(done)), decide_(decide) {}
  std::vector<MetadataRecord> decide(Controller& controller) override {
    auto decision = as_result((controller.*decide_)(request_));
    if (!decision) {
      result_ = failure(decision.error());
      return {};
    }
    result_ = std::move(decision->result);
    return std::move(decision->records);
  }
  void answer(const std::optional<base::Error>& error) override {
    if (error) {
      done_(failure(*error));
    } else {
      done_(std::move(result_));
    }
  }

 private:
  /// Said outright: an answer may be makeable of an Error too.
  static Result<Answer> failure(base::Error error) {
    return Result<Answer>(boost::system::in_place_error, std::move(error));
  }

  Request request_;
  Completion<Answer> done_;
  Decide decide_;
  Result<Answer> result_ = failure(fail(Errc::unknown, "not decided"));
};

struct SoloController::Step {
  Image before;
  Image after;
  metadata::MetadataDelta delta;
};

SoloController::SoloController(const Environment& environment, SoloControllerOptions options,
                               std::unique_ptr<MetadataLog> log)
    : environment_(environment), options_(std::move(options)), log_(std::move(log)) {
  latest_ = log_->opened_image();
}

SoloController::~SoloController() = default;

// Starting and stopping.

Result<std::unique_ptr<SoloController>> SoloController::open(const Environment& environment,
                                                             SoloControllerOptions options) {
  MetadataLogOptions log_options;
  log_options.log_dir = options.log_dir;
  log_options.node_id = options.node_id;
  log_options.directory_id = options.directory_id;
  log_options.controller_endpoint = options.controller_endpoint;
  log_options.sync = options.sync;
  log_options.bytes_between_snapshots = options.bytes_between_snapshots;
  log_options.ms_between_snapshots = options.ms_between_snapshots;
  MOLDAU_ASSIGN(auto log, MetadataLog::open(environment.fs, log_options, environment.clock));
  std::unique_ptr<SoloController> controller(
      new SoloController(environment, std::move(options), std::move(log)));
  MOLDAU_TRY(controller->begin_term());
  return controller;
}

SoloController::Image SoloController::image_with(const Image& base,
                                                 const std::vector<MetadataRecord>& records,
                                                 Step& step) const {
  metadata::ImageBuilder builder(base);
  for (const MetadataRecord& record : records) {
    const Status status = builder.apply(record);
    // Decided on this very image: a record that does not fit is our mistake, found before it is
    // written.
    MOLDAU_CHECK(status.has_value(), "the controller decided a record that does not fit");
  }
  const Offset last =
      std::max(base->offset(), log_->next_offset() - 1) + static_cast<std::int64_t>(records.size());
  auto built = builder.build(last, log_->epoch());
  step = {base, built.image, std::move(built.delta)};
  return step.after;
}

Status SoloController::commit_now(std::vector<MetadataRecord> records) {
  auto first = records.begin();
  while (first != records.end()) {
    const auto count = std::min<std::ptrdiff_t>(
        std::distance(first, records.end()), static_cast<std::ptrdiff_t>(term_records_per_batch));
    const std::vector<MetadataRecord> part(std::make_move_iterator(first),
                                           std::make_move_iterator(first + count));
    first += count;
    Step step;
    Image next = image_with(latest_, part, step);
    MOLDAU_TRY(log_->append(part));
    latest_ = std::move(next);
  }
  return {};
}

Status SoloController::begin_term() {
  const auto controller = [this] {
    return Controller({*latest_, environment_.static_config, environment_.random,
                       options_.cluster_id, options_.node_id, log_->next_offset()});
  };
  // One batch, unless there are very many partitions: each record by itself is harmless.
  std::vector<MetadataRecord> records = log_->bootstrap_records();
  if (std::ranges::count_if(records, [](const MetadataRecord& record) {
        const auto* feature = std::get_if<metadata::FeatureLevelRecord>(&record);
        return feature != nullptr && feature->name == metadata::eligible_leader_replicas &&
               feature->feature_level > 0;
      }) > 0)
    std::ranges::move(metadata::eligible_leader_records(*latest_, environment_.static_config),
                      std::back_inserter(records));
  metadata::RegisterBrokerRequest broker;
  broker.id = options_.node_id;
  broker.cluster_id = options_.cluster_id;
  broker.incarnation_id = base::Uuid::random(environment_.random);
  broker.endpoints = options_.endpoints;
  broker.features = metadata::supported_features();
  broker.rack = options_.rack;
  broker.log_dirs = {options_.directory_id};
  broker.previous_epoch = options_.previous_broker_epoch;
  MOLDAU_ASSIGN(auto registered, controller().register_broker(broker));
  broker_epoch_ =
      BrokerEpoch{log_->next_offset().value() + static_cast<std::int64_t>(records.size())};
  auto& registration = std::get<metadata::RegisterBrokerRecord>(registered.records.at(0));
  registration.broker_epoch = broker_epoch_.value();
  registration.fenced = true;
  records.emplace_back(std::move(registration));
  metadata::BrokerRegistrationChangeRecord unfence;
  unfence.broker_id = options_.node_id.value();
  unfence.broker_epoch = broker_epoch_.value();
  unfence.fenced = -1;
  records.emplace_back(std::move(unfence));
  std::ranges::move(controller().begin_term(options_.node_id), std::back_inserter(records));
  MOLDAU_TRY(commit_now(std::move(records)));
  {
    const base::MutexLock lock(image_mutex_);
    image_ = latest_;
  }
  return log_->snapshot_when_due(*latest_);
}

void SoloController::close(base::Function<void(const Status&)> done) {
  {
    const base::MutexLock lock(queue_mutex_);
    closed_ = true;
  }
  // A drain that was posted before runs before this, and empties the queue.
  environment_.executor.post([this, done = std::move(done)]() mutable {
    drain();
    Status status;
    if (failed_) {
      status = *failed_;
    } else {
      // Fenced, so that the next who reads this log need not wait for a session that is over.
      metadata::BrokerRegistrationChangeRecord fence;
      fence.broker_id = options_.node_id.value();
      fence.broker_epoch = broker_epoch_.value();
      fence.fenced = 1;
      status = commit_now({std::move(fence)});
    }
    done(status);
  });
}

// Mutations.

void SoloController::submit(std::unique_ptr<Mutation> mutation) {
  bool refused = false;
  bool post = false;
  {
    const base::MutexLock lock(queue_mutex_);
    refused = closed_;
    if (!refused) {
      queue_.push_back(std::move(mutation));
      post = !std::exchange(draining_, true);
    }
  }
  if (post) environment_.executor.post([this] { drain(); });
  // NOLINTNEXTLINE(bugprone-use-after-move): it was moved only when it was not refused
  if (refused) mutation->answer(fail(Errc::cancelled, "the node is stopping"));
}

void SoloController::drain() {
  while (true) {
    std::vector<std::unique_ptr<Mutation>> group;
    {
      const base::MutexLock lock(queue_mutex_);
      std::ranges::move(queue_, std::back_inserter(group));
      queue_.clear();
      if (group.empty()) {
        draining_ = false;
        return;
      }
    }
    run_group(std::move(group));
  }
}

void SoloController::run_group(std::vector<std::unique_ptr<Mutation>> group) {
  std::size_t at = 0;
  while (at < group.size()) {
    // Decided one upon the other, committed with one write and one sync, published in order.
    struct Decided {
      Mutation* mutation = nullptr;
      std::optional<Step> step;
    };
    std::vector<Decided> decided;
    std::vector<MetadataRecord> records;
    Image image = latest_;
    for (; at < group.size() && records.size() < group_records_max && !failed_; ++at) {
      Controller controller({*image, environment_.static_config, environment_.random,
                             options_.cluster_id, options_.node_id,
                             log_->next_offset() + static_cast<std::int64_t>(records.size())});
      std::vector<MetadataRecord> mine = group[at]->decide(controller);
      decided.push_back({group[at].get(), std::nullopt});
      if (mine.empty()) continue;
      decided.back().step.emplace();
      image = image_with(image, mine, *decided.back().step);
      std::ranges::move(mine, std::back_inserter(records));
    }
    if (!failed_ && !records.empty()) {
      const auto last = log_->append(records);
      if (!last) {
        failed_ = fail(Errc::storage_error, "the metadata log failed: " + last.error().message);
        log::error("metadata.log_failed", "{}", last.error().message);
      }
    }
    if (failed_) {
      for (const Decided& d : decided) d.mutation->answer(failed_);
      for (; at < group.size(); ++at) group[at]->answer(failed_);
      return;
    }
    latest_ = image;
    for (const Decided& d : decided) {
      if (d.step) publish(*d.step);
      d.mutation->answer(std::nullopt);
    }
    const Status snapshot = log_->snapshot_when_due(*latest_);
    if (!snapshot) {
      log::warn("metadata.snapshot_failed", "{}", base::to_string(snapshot.error()));
    }
  }
}

void SoloController::publish(const Step& step) {
  {
    const base::MutexLock lock(image_mutex_);
    image_ = step.after;
  }
  const base::MutexLock lock(listeners_mutex_);
  for (const auto& [listener, started] : listeners_) {
    if (started) listener->on_metadata(step.before, step.after, step.delta);
  }
}

template <class Request, class Answer, class Decide>
void SoloController::enqueue(Request request, Completion<Answer> done, Decide decide) {
  submit(std::make_unique<TypedMutation<Request, Answer, Decide>>(std::move(request),
                                                                  std::move(done), decide));
}

void SoloController::create_topics(metadata::CreateTopicsRequest request,
                                   Completion<metadata::CreateTopicsResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::create_topics);
}
void SoloController::delete_topics(metadata::DeleteTopicsRequest request,
                                   Completion<metadata::DeleteTopicsResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::delete_topics);
}
void SoloController::create_partitions(metadata::CreatePartitionsRequest request,
                                       Completion<metadata::CreatePartitionsResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::create_partitions);
}
void SoloController::alter_configs(metadata::AlterConfigsRequest request,
                                   Completion<metadata::AlterConfigsResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::alter_configs);
}
void SoloController::update_features(metadata::UpdateFeaturesRequest request,
                                     Completion<metadata::UpdateFeaturesResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::update_features);
}
void SoloController::elect_leaders(metadata::ElectLeadersRequest request,
                                   Completion<metadata::ElectLeadersResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::elect_leaders);
}
void SoloController::allocate_producer_ids(metadata::AllocateProducerIdsRequest request,
                                           Completion<metadata::AllocateProducerIdsResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::allocate_producer_ids);
}
void SoloController::alter_partition(metadata::AlterPartitionRequest request,
                                     Completion<metadata::AlterPartitionResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::alter_partition);
}
void SoloController::register_broker(metadata::RegisterBrokerRequest request,
                                     Completion<metadata::RegisterBrokerResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::register_broker);
}
void SoloController::broker_heartbeat(metadata::BrokerHeartbeatRequest request,
                                      Completion<metadata::BrokerHeartbeatResult> done) {
  enqueue(std::move(request), std::move(done), &Controller::broker_heartbeat);
}

// Readers.

SoloController::Image SoloController::image() const {
  const base::MutexLock lock(image_mutex_);
  return image_;
}

void SoloController::add_listener(MetadataListener& listener) {
  {
    const base::MutexLock lock(listeners_mutex_);
    listeners_.emplace_back(&listener, false);
  }
  environment_.executor.post([this, &listener] { start_listener(listener); });
}

void SoloController::start_listener(MetadataListener& listener) {
  const base::MutexLock lock(listeners_mutex_);
  const auto it = std::find_if(listeners_.begin(), listeners_.end(),
                               [&](const auto& entry) { return entry.first == &listener; });
  if (it == listeners_.end() || it->second) return;  // Removed meanwhile.
  it->second = true;
  listener.on_metadata(metadata::MetadataImage::empty(), latest_,
                       metadata::delta_from_nothing(*latest_));
}

void SoloController::remove_listener(MetadataListener& listener) {
  const base::MutexLock lock(listeners_mutex_);
  std::erase_if(listeners_, [&](const auto& entry) { return entry.first == &listener; });
}

}  // namespace moldau::cluster
