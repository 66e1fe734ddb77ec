#include "committer.hpp"

#include <algorithm>

namespace moldau::mbench {

class CommitConnection : public Client {
 public:
  CommitConnection(Loop& loop, Committer& owner, const Endpoint& endpoint, std::size_t number)
      : Client(loop, endpoint), owner_(owner), next_number_(number) {}

  // Sends as many requests as may go now; returns when the next one is due.
  std::int64_t fill(std::int64_t now) {
    const std::size_t before = under_way();
    while (open() && !owner_.stopped_ && !owner_.exhausted() &&
           under_way() < owner_.spec_.in_flight && is_due(now)) {
      send(owner_.next_frame(), 0, due(now));
      next_number_ += owner_.spec_.connections;
      ++owner_.in_flight_;
    }
    if (open() && under_way() > before) flush();
    // When as many as may are under way, an answer sends the next one.
    return under_way() < owner_.spec_.in_flight && open() ? due(INT64_MAX) : INT64_MAX;
  }

  // What was due and could not be sent, as in Producer::stop.
  void count_not_sent(std::int64_t now) {
    for (; open() && owner_.spec_.rate > 0 && is_due(now);
         next_number_ += owner_.spec_.connections) {
      ++owner_.tally_.not_sent;
      owner_.tally_.latency.record(now - due(now));
    }
  }

 protected:
  void on_answer(const Sent& sent, Reader body, std::int64_t now) override {
    --owner_.in_flight_;
    if (const auto error = commit_error(body); error != 0) {
      ++owner_.tally_.errors[error];
      return;
    }
    ++owner_.tally_.acked;
    owner_.tally_.latency.record(now - sent.at_ns);
  }
  void on_answers(std::int64_t now) override { fill(now); }
  void on_lost() override {
    ++owner_.tally_.lost_connections;
    owner_.in_flight_ -= under_way();
  }

 private:
  // Without a schedule everything is due at once.
  std::int64_t due(std::int64_t now) const {
    const double rate = owner_.spec_.rate;
    return rate > 0 ? due_ns(owner_.started_ns_, next_number_, rate) : now;
  }
  bool is_due(std::int64_t now) const { return due(now) <= now; }

  Committer& owner_;
  std::uint64_t next_number_;
};

Committer::Committer(Loop& loop, const CommitSpec& spec) : spec_(spec) {
  for (const auto& who : spec_.committers) {
    for (std::int32_t partition = 0; partition < spec_.partitions; ++partition) {
      frames_.push_back(commit_frame(who, spec_.topic, partition));
    }
  }
  for (std::size_t i = 0; i < spec_.connections; ++i) {
    const Endpoint& endpoint = spec_.endpoints[i % spec_.endpoints.size()];
    connections_.push_back(std::make_unique<CommitConnection>(loop, *this, endpoint, i));
  }
}

Committer::~Committer() = default;

Bytes Committer::next_frame() {
  const std::uint64_t turn = sent_++;
  const std::uint64_t group = turn % spec_.committers.size();
  const std::uint64_t round = turn / spec_.committers.size();
  const auto partitions = static_cast<std::uint64_t>(spec_.partitions);
  const CommitFrame& frame = frames_[group * partitions + round % partitions];
  Bytes bytes = frame.bytes;
  store_be(bytes.data() + frame.offset_at, static_cast<std::int64_t>(round / partitions));
  return bytes;
}

void Committer::start() {
  started_ns_ = now_ns();
  stopped_ = false;
  advance(INT64_MAX);
}

std::int64_t Committer::advance(std::int64_t latest_ns) {
  const std::int64_t now = now_ns();
  for (auto& connection : connections_) latest_ns = std::min(latest_ns, connection->fill(now));
  return latest_ns;
}

void Committer::stop() {
  stopped_ = true;
  const std::int64_t now = now_ns();
  for (auto& connection : connections_) connection->count_not_sent(now);
}

void Committer::reset_tally() {
  sent_before_ = sent_;
  const std::uint64_t lost = tally_.lost_connections;
  tally_ = LoadTally();
  tally_.lost_connections = lost;
}

}  // namespace moldau::mbench
