#include "moldau/api/fetch_sessions.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace moldau::api {

using base::MutexLock;

namespace {
// Kafka's min.incremental.fetch.session.eviction.ms.
constexpr base::Milliseconds idle_before_eviction{120'000};
}  // namespace

std::size_t FetchPartitionKeyHash::operator()(const FetchPartitionKey& key) const noexcept {
  const std::size_t topic = key.topic.empty() ? std::hash<TopicId>{}(key.topic_id)
                                              : std::hash<std::string>{}(key.topic);
  return topic + static_cast<std::size_t>(key.partition.value()) * 0x9E3779B97F4A7C15ULL;
}

FetchPartitionKey FetchSession::key_of(const FetchPartition& partition) const {
  if (uses_topic_ids_) return {{}, partition.topic_id, partition.partition};
  return {partition.topic, {}, partition.partition};
}

void FetchSession::put(const FetchPartition& partition) {
  const auto [place, added] = index.try_emplace(key_of(partition));
  if (added) {
    place->second = entries.insert(entries.end(), Entry{partition});
  } else {
    place->second->partition = partition;
  }
}

void FetchSession::forget(const FetchPartition& partition) {
  const auto place = index.find(key_of(partition));
  if (place == index.end()) return;
  entries.erase(place->second);
  index.erase(place);
}

FetchSessions::FetchSessions(std::size_t slots, const base::Clock& clock, base::Random& random)
    : slots_max_(slots), clock_(clock), random_(random) {}

void FetchSessions::remove(std::int32_t id) { slots_.erase(id); }

std::variant<FetchSessions::Context, FetchSessions::Refusal> FetchSessions::begin(Request request) {
  if (request.session_epoch == initial_fetch_epoch || request.session_epoch == final_fetch_epoch) {
    if (request.session_id != no_fetch_session) {
      MutexLock lock(mutex_);
      remove(request.session_id);
    }
    const Kind kind =
        request.session_epoch == initial_fetch_epoch ? Kind::full : Kind::sessionless;
    return Context{kind, nullptr, std::move(request.partitions)};
  }
  std::shared_ptr<FetchSession> session;
  {
    MutexLock lock(mutex_);
    const auto place = slots_.find(request.session_id);
    if (place == slots_.end()) return Refusal::id_not_found;
    session = place->second.session;
    place->second.used = clock_.now();
  }
  Context context{Kind::incremental, session, {}};
  bool emptied = false;
  {
    MutexLock lock(session->mutex);
    if (session->next_epoch != request.session_epoch) return Refusal::invalid_epoch;
    if (session->uses_topic_ids() != request.uses_topic_ids) return Refusal::topic_id_error;
    for (const auto& partition : request.partitions) session->put(partition);
    for (const auto& partition : request.forgotten) session->forget(partition);
    // The epoch wraps to 1: 0 opens a session.
    session->next_epoch = session->next_epoch == std::numeric_limits<std::int32_t>::max()
                              ? 1
                              : session->next_epoch + 1;
    emptied = session->entries.empty();
    context.partitions.reserve(session->entries.size());
    for (const auto& entry : session->entries) context.partitions.push_back(entry.partition);
  }
  if (!emptied) return context;
  MutexLock lock(mutex_);
  remove(session->id());
  return Context{};
}

bool FetchSessions::make_room() {
  if (slots_.size() < slots_max_) return true;
  const auto oldest = std::min_element(slots_.begin(), slots_.end(), [](const auto& a, const auto& b) {
    return a.second.used < b.second.used;
  });
  if (oldest == slots_.end() || clock_.now() - oldest->second.used < idle_before_eviction)
    return false;
  slots_.erase(oldest);
  return true;
}

std::shared_ptr<FetchSession> FetchSessions::open(const std::vector<FetchPartition>& partitions,
                                                  bool uses_topic_ids) {
  if (partitions.empty()) return nullptr;
  MutexLock lock(mutex_);
  if (!make_room()) return nullptr;
  std::int32_t id = no_fetch_session;
  while (id == no_fetch_session || slots_.contains(id))
    id = static_cast<std::int32_t>(random_.next() & 0x7FFFFFFF);
  auto session = std::make_shared<FetchSession>(id, uses_topic_ids);
  {
    MutexLock of_session(session->mutex);
    for (const auto& partition : partitions) session->put(partition);
  }
  slots_.emplace(id, Slot{session, clock_.now()});
  return session;
}

std::size_t FetchSessions::count() const {
  MutexLock lock(mutex_);
  return slots_.size();
}

}  // namespace moldau::api
