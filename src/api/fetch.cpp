// Fetch: reads what is there, or waits for it as an object on the partitions' lists.
// Rules: protocol.md edge cases 29 to 42; KIP-74 (sizes), KIP-227 (sessions), KIP-320 (epochs).

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"
#include "moldau/base/limits.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;
using protocol::FetchResponse;
using PartitionData = FetchResponse::Response::Partition;

struct Target {
  FetchPartition wanted;
  partition::PartitionPtr partition;
  base::Errc missing = base::Errc::unknown_topic;
  PartitionData answer;
};

class PendingFetch final : public partition::FetchWaiter,
                           public Parked,
                           public std::enable_shared_from_this<PendingFetch> {
 public:
  PendingFetch(const Services& services, RequestContext context, const FetchRequest& request,
               FetchSessions::Context session, Reply<FetchResponse> reply);

  void start();
  void wake() override;
  void give_up() override;

 private:
  struct Round {
    std::size_t bytes = 0;
    bool at_once = false;  // an error or a divergence is answered without waiting
    bool would_block = false;
  };

  void find_targets();
  Round read_all(bool may_block);
  bool read_one(Target& target, Round& round, bool may_block);
  void settle(bool may_block);
  void look_again();
  void park();
  void unpark();
  void arm_timer();
  void on_timer();
  void answer();
  FetchResponse full_response(std::int32_t session_id);
  FetchResponse incremental_response();
  static void add(FetchResponse& response, Target& target);

  const Services& services_;
  const RequestContext context_;
  FetchSessions::Context session_;
  Reply<FetchResponse> reply_;
  std::vector<Target> targets_;
  const partition::Isolation isolation_;
  const std::size_t bytes_max_;
  const std::size_t bytes_min_;
  base::SteadyTime deadline_;
  const bool uses_topic_ids_;
  std::atomic<bool> woken_{false};
  bool parked_ = false;
  bool busy_ = false;  // a helper thread reads
  bool answered_ = false;
  bool again_ = false;
  base::Loop::TimerId timer_ = 0;
};

partition::Isolation isolation_of(const FetchRequest& request) {
  return request.isolation_level == 1 ? partition::Isolation::committed
                                      : partition::Isolation::high_watermark;
}

PendingFetch::PendingFetch(const Services& services, RequestContext context,
                           const FetchRequest& request, FetchSessions::Context session,
                           Reply<FetchResponse> reply)
    : services_(services),
      context_(std::move(context)),
      session_(std::move(session)),
      reply_(std::move(reply)),
      isolation_(isolation_of(request)),
      bytes_max_(static_cast<std::size_t>(std::max<std::int64_t>(
          0, std::min<std::int64_t>(request.max_bytes,
                                    services.static_config.integer("fetch.max.bytes"))))),
      bytes_min_(static_cast<std::size_t>(
          std::max(0, std::min(request.min_bytes, request.max_bytes)))),
      deadline_(context_.received + base::Milliseconds{std::max(0, request.max_wait_ms)}),
      uses_topic_ids_(context_.version >= 13) {}

void PendingFetch::find_targets() {
  const auto image = services_.metadata.image();
  targets_.reserve(session_.partitions.size());
  for (auto& wanted : session_.partitions) {
    Target target;
    target.answer.partition_index = wanted.partition;
    if (uses_topic_ids_) {
      const auto* topic = image->find_topic(wanted.topic_id);
      target.missing = topic == nullptr ? base::Errc::unknown_topic_id : base::Errc::unknown_topic;
      target.partition = services_.partitions.find(
          TopicIdPartition{wanted.topic_id, wanted.partition});
    } else {
      target.partition = services_.partitions.find(wanted.topic, wanted.partition);
    }
    target.wanted = std::move(wanted);
    targets_.push_back(std::move(target));
  }
  session_.partitions.clear();
}

void PendingFetch::start() {
  find_targets();
  settle(false);
}

/// Reads one partition into its answer; true when it would have to wait for the disk.
bool PendingFetch::read_one(Target& target, Round& round, bool may_block) {
  auto& answer = target.answer;
  answer = PartitionData{};
  answer.partition_index = target.wanted.partition;
  answer.records.emplace();
  const auto refuse = [&](base::Errc error) {
    answer.error_code = error_code(error);
    answer.high_watermark = no_offset;
    round.at_once = true;
    return false;
  };
  if (target.partition == nullptr) return refuse(target.missing);
  partition::ReadRequest request;
  request.from = target.wanted.fetch_offset;
  request.isolation = isolation_;
  request.current_leader_epoch = target.wanted.current_leader_epoch;
  request.last_fetched_epoch = target.wanted.last_fetched_epoch;
  const std::size_t left = bytes_max_ > round.bytes ? bytes_max_ - round.bytes : 0;
  request.bytes_max = std::min(left, static_cast<std::size_t>(std::max(0, target.wanted.bytes_max)));
  request.at_least_one = round.bytes == 0;
  request.may_block = may_block;
  auto read = target.partition->read(request);
  if (!read) return refuse(read.error().code);
  auto& outcome = read.value();
  if (outcome.would_block) return true;
  answer.high_watermark = outcome.high_watermark;
  answer.last_stable_offset = outcome.last_stable_offset;
  answer.log_start_offset = outcome.log_start;
  round.bytes += outcome.records.size();
  answer.records = std::move(outcome.records);
  if (outcome.diverging) {
    answer.diverging_epoch.epoch = outcome.diverging->epoch;
    answer.diverging_epoch.end_offset = outcome.diverging->end_offset;
    round.at_once = true;
  }
  if (isolation_ == partition::Isolation::committed) {
    auto& aborted = answer.aborted_transactions.emplace();
    for (const auto& transaction : outcome.aborted)
      aborted.push_back({transaction.producer_id, transaction.first_offset});
  } else {
    answer.aborted_transactions.reset();
  }
  return false;
}

PendingFetch::Round PendingFetch::read_all(bool may_block) {
  Round round;
  for (auto& target : targets_) {
    if (!read_one(target, round, may_block)) continue;
    round.would_block = true;
    break;
  }
  return round;
}

/// Reads, and answers if there is enough, it is late, or something is wrong; else parks.
void PendingFetch::settle(bool may_block) {
  const Round round = read_all(may_block);
  const auto finish = [self = shared_from_this(), round] {
    self->busy_ = false;
    if (self->answered_) return;
    if (round.would_block) {
      self->busy_ = true;
      self->services_.helpers.post([self] { self->settle(true); });
      return;
    }
    const bool late = self->services_.clock.now() >= self->deadline_;
    if (round.at_once || late || self->targets_.empty() || round.bytes >= self->bytes_min_) {
      self->answer();
    } else if (!self->parked_) {
      self->park();
    } else if (std::exchange(self->again_, false)) {
      self->look_again();
    }
  };
  if (may_block) {
    context_.loop->post(finish);
  } else {
    finish();
  }
}

void PendingFetch::park() {
  parked_ = true;
  context_.connection->park(shared_from_this());
  for (auto& target : targets_)
    if (target.partition != nullptr) target.partition->add_waiter(shared_from_this());
  // What came between the read and the registration would otherwise be slept through.
  for (auto& target : targets_) {
    if (target.partition != nullptr &&
        target.partition->high_watermark() > target.answer.high_watermark) {
      wake();
      break;
    }
  }
  arm_timer();
}

void PendingFetch::unpark() {
  if (!std::exchange(parked_, false)) return;
  for (auto& target : targets_)
    if (target.partition != nullptr) target.partition->remove_waiter(this);
}

void PendingFetch::arm_timer() {
  timer_ = context_.loop->call_at(deadline_, [self = shared_from_this()] { self->on_timer(); });
}

void PendingFetch::on_timer() {
  timer_ = 0;
  look_again();
}

/// The connection drains or is gone: what is there is the answer, at once.
void PendingFetch::give_up() {
  deadline_ = services_.clock.now();
  look_again();
}

void PendingFetch::wake() {
  if (woken_.exchange(true, std::memory_order_acq_rel)) return;
  context_.loop->post([self = shared_from_this()] {
    self->woken_.store(false, std::memory_order_release);
    self->look_again();
  });
}

void PendingFetch::look_again() {
  if (answered_) return;
  if (busy_) {
    again_ = true;
    return;
  }
  settle(false);
}

void PendingFetch::add(FetchResponse& response, Target& target) {
  auto& topics = response.responses;
  const bool same = !topics.empty() && topics.back().topic == target.wanted.topic &&
                    topics.back().topic_id == target.wanted.topic_id;
  if (!same) {
    auto& topic = topics.emplace_back();
    topic.topic = target.wanted.topic;
    topic.topic_id = target.wanted.topic_id;
  }
  topics.back().partitions.push_back(std::move(target.answer));
}

FetchResponse PendingFetch::full_response(std::int32_t session_id) {
  FetchResponse response;
  response.session_id = session_id;
  for (auto& target : targets_) add(response, target);
  return response;
}

/// Only what is news: data, an error, or a mark that moved (KIP-227).
FetchResponse PendingFetch::incremental_response() {
  FetchResponse response;
  auto& session = *session_.session;
  response.session_id = session.id();
  base::MutexLock lock(session.mutex);
  for (auto& target : targets_) {
    const auto place = session.index.find(session.key_of(target.wanted));
    if (place == session.index.end()) continue;
    auto& entry = *place->second;
    auto& answer = target.answer;
    const bool has_data = answer.records && !answer.records->empty();
    const bool failed = answer.error_code != ErrorCode::none;
    const bool diverges = answer.diverging_epoch.epoch.value() >= 0;
    const bool moved = entry.sent_high_watermark != answer.high_watermark ||
                       entry.sent_log_start != answer.log_start_offset;
    if (!has_data && !failed && !moved && !diverges) continue;
    entry.sent_high_watermark = failed ? no_offset : answer.high_watermark;
    entry.sent_log_start = answer.log_start_offset;
    if (has_data) session.entries.splice(session.entries.end(), session.entries, place->second);
    add(response, target);
  }
  return response;
}

void PendingFetch::answer() {
  answered_ = true;
  unpark();
  if (timer_ != 0) context_.loop->cancel(timer_);
  if (session_.kind == FetchSessions::Kind::incremental) {
    reply_(incremental_response());
    return;
  }
  std::shared_ptr<FetchSession> opened;
  if (session_.kind == FetchSessions::Kind::full) {
    std::vector<FetchPartition> partitions;
    partitions.reserve(targets_.size());
    for (const auto& target : targets_) partitions.push_back(target.wanted);
    opened = services_.fetch_sessions.open(partitions, uses_topic_ids_);
  }
  if (opened != nullptr) {
    base::MutexLock lock(opened->mutex);
    for (const auto& target : targets_) {
      const auto place = opened->index.find(opened->key_of(target.wanted));
      if (place == opened->index.end() || target.answer.error_code != ErrorCode::none) continue;
      place->second->sent_high_watermark = target.answer.high_watermark;
      place->second->sent_log_start = target.answer.log_start_offset;
    }
  }
  reply_(full_response(opened == nullptr ? no_fetch_session : opened->id()));
}

FetchSessions::Request session_request(const FetchRequest& request, std::int16_t version) {
  FetchSessions::Request session;
  session.session_id = request.session_id;
  session.session_epoch = request.session_epoch;
  session.uses_topic_ids = version >= 13;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      session.partitions.push_back({topic.topic, topic.topic_id, partition.partition,
                                    partition.current_leader_epoch, partition.last_fetched_epoch,
                                    partition.fetch_offset, partition.partition_max_bytes});
    }
  }
  for (const auto& topic : request.forgotten_topics_data)
    for (const auto& partition : topic.partitions)
      session.forgotten.push_back({topic.topic, topic.topic_id, partition});
  return session;
}

ErrorCode refusal_code(FetchSessions::Refusal refusal) {
  switch (refusal) {
    case FetchSessions::Refusal::id_not_found: return ErrorCode::fetch_session_id_not_found;
    case FetchSessions::Refusal::invalid_epoch: return ErrorCode::invalid_fetch_session_epoch;
    case FetchSessions::Refusal::topic_id_error: return ErrorCode::fetch_session_topic_id_error;
  }
  return ErrorCode::unknown_server_error;
}

}  // namespace

void fetch(const Services& services, const RequestContext& context, FetchRequest request,
           Reply<FetchResponse> reply) {
  auto session = services.fetch_sessions.begin(session_request(request, context.version));
  if (const auto* refusal = std::get_if<FetchSessions::Refusal>(&session)) {
    FetchResponse response;
    response.error_code = refusal_code(*refusal);
    reply(response);
    return;
  }
  auto pending = std::make_shared<PendingFetch>(
      services, context, request, std::move(std::get<FetchSessions::Context>(session)),
      std::move(reply));
  pending->start();
}

}  // namespace moldau::api
