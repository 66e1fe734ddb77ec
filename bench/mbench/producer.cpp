#include "producer.hpp"

#include <algorithm>
#include <stdexcept>

#include "admin.hpp"

namespace moldau::mbench {

// One connection with its requests under way, answered in the order they were sent.
class ProducerConnection : public Connection {
 public:
  ProducerConnection(Loop& loop, Producer& owner, const Endpoint& endpoint, std::size_t number)
      : Connection(loop, endpoint), owner_(owner), number_(number), slots_(owner.spec_.in_flight) {
    if (!owner.spec_.idempotent) return;
    producer_ = Admin(endpoint).init_producer("");
    sequences_.resize(owner.heads_.size());
  }

  void owe() { ++owed_; }
  std::uint64_t owed() const { return owed_; }
  std::int64_t next_due_ns() const {
    return owner_.due(number_ + scheduled_sent_ * owner_.spec_.connections);
  }
  void skip_due() {
    --owed_;
    ++scheduled_sent_;
  }

  // Sends as many requests as may go now.
  void fill(std::int64_t now) {
    if (!open()) return;
    const bool open_loop = owner_.spec_.rate > 0;
    bool queued = false;
    while (under_way_ < slots_.size() && !owner_.stopped_ && !owner_.exhausted() &&
           (!open_loop || owed_ > 0)) {
      send_one(open_loop ? next_due_ns() : now);
      if (open_loop) skip_due();
      queued = true;
    }
    if (queued) flush();
  }

 protected:
  std::size_t on_data(const std::uint8_t* data, std::size_t size) override {
    const std::int64_t now = now_ns();
    std::size_t used = 0;
    while (open() && size - used >= 4) {
      const auto length = static_cast<std::size_t>(load_be<std::uint32_t>(data + used));
      if (size - used - 4 < length) break;
      answer(data + used + 4, length, now);
      used += 4 + length;
    }
    fill(now);
    return used;
  }

  void on_lost() override {
    ++owner_.tally_.lost_connections;
    owner_.in_flight_ -= under_way_;
    under_way_ = 0;
  }

 private:
  struct Slot {
    Bytes head;
    Bytes batch;  // only when stamped or numbered
    std::int64_t scheduled_ns = 0;
    std::int32_t partition = 0;
    std::int32_t correlation = 0;
  };

  void send_one(std::int64_t scheduled_ns) {
    static constexpr std::uint8_t no_tags[3] = {};
    Slot& slot = slots_[(first_ + under_way_) % slots_.size()];
    const std::uint64_t turn = owner_.sent_++;
    slot.partition = static_cast<std::int32_t>(turn % owner_.heads_.size());
    slot.scheduled_ns = scheduled_ns;
    slot.correlation = next_correlation_++;
    const Batch& batch = owner_.batches_[turn % owner_.batches_.size()];
    const Bytes& head = owner_.heads_[static_cast<std::size_t>(slot.partition)];
    slot.head.assign(head.begin(), head.end());
    put_uvarint(slot.head, batch.bytes.size() + 1);
    const std::size_t frame_bytes = slot.head.size() - 4 + batch.bytes.size() + sizeof no_tags;
    store_be(slot.head.data(), static_cast<std::int32_t>(frame_bytes));
    store_be(slot.head.data() + correlation_at, slot.correlation);
    queue(slot.head.data(), slot.head.size());
    if (owner_.spec_.stamped || owner_.spec_.idempotent) {
      slot.batch = batch.bytes;
      if (owner_.spec_.stamped) stamp(slot.batch, batch.first_value_at, scheduled_ns);
      if (owner_.spec_.idempotent) number_batch(slot);
      queue(slot.batch.data(), slot.batch.size());
    } else {
      queue(batch.bytes.data(), batch.bytes.size());
    }
    queue(no_tags, sizeof no_tags);
    ++under_way_;
    ++owner_.in_flight_;
  }

  void number_batch(Slot& slot) {
    auto& sequence = sequences_[static_cast<std::size_t>(slot.partition)];
    number(slot.batch, producer_, sequence, false);
    sequence = next_sequence(sequence, owner_.spec_.shape.records);
  }

  // Produce v9: a single topic with a single partition.
  void answer(const std::uint8_t* data, std::size_t size, std::int64_t now) {
    Reader reader(data, size);
    const auto correlation = reader.be<std::int32_t>();
    reader.tags();
    reader.compact_size();
    reader.compact_string();
    reader.compact_size();
    const auto partition = reader.be<std::int32_t>();
    const auto error = reader.be<std::int16_t>();
    const auto base_offset = reader.be<std::int64_t>();
    if (under_way_ == 0) throw std::runtime_error("an answer to no request");
    const Slot& slot = slots_[first_];
    if (!reader.ok() || correlation != slot.correlation || partition != slot.partition) {
      throw std::runtime_error("an answer that does not match its request");
    }
    first_ = (first_ + 1) % slots_.size();
    --under_way_;
    --owner_.in_flight_;
    if (error != 0) {
      ++owner_.tally_.errors[error];
      return;
    }
    ++owner_.tally_.acked;
    ++owner_.acked_ever_;
    owner_.tally_.latency.record(now - slot.scheduled_ns);
    auto& highest = owner_.acked_offsets_[static_cast<std::size_t>(partition)];
    const auto records = static_cast<std::int64_t>(owner_.spec_.shape.records);
    highest = std::max(highest, base_offset + records - 1);
  }

  Producer& owner_;
  std::size_t number_;
  std::vector<Slot> slots_;
  std::size_t first_ = 0;
  std::size_t under_way_ = 0;
  std::int32_t next_correlation_ = 1;
  std::uint64_t owed_ = 0;
  std::uint64_t scheduled_sent_ = 0;
  ProducerIdentity producer_;
  std::vector<std::int32_t> sequences_;  // the next ones, by partition
};

Producer::Producer(Loop& loop, const ProduceSpec& spec)
    : loop_(loop), spec_(spec), acked_offsets_(static_cast<std::size_t>(spec.partitions), -1) {
  encode();
  for (std::size_t i = 0; i < spec_.connections; ++i) {
    const Endpoint& endpoint = spec_.endpoints[i % spec_.endpoints.size()];
    connections_.push_back(std::make_unique<ProducerConnection>(loop_, *this, endpoint, i));
  }
}

Producer::~Producer() = default;

void Producer::encode() {
  batches_ = make_batches(spec_.shape);
  for (std::int32_t partition = 0; partition < spec_.partitions; ++partition) {
    Writer head = request_head(api_produce, 9, 0);
    head.uvarint(0).be(spec_.acks).be(std::int32_t{30'000}).compact_array(1);
    head.compact_string(spec_.topic).compact_array(1).be(partition);
    heads_.push_back(std::move(head.bytes()));
  }
}

void Producer::start() {
  started_ns_ = now_ns();
  stopped_ = false;
  if (spec_.rate > 0) return;
  for (auto& connection : connections_) connection->fill(now_ns());
}

std::int64_t Producer::advance(std::int64_t latest_ns) {
  if (spec_.rate <= 0 || stopped_ || exhausted()) return latest_ns;
  const std::int64_t now = now_ns();
  while (due(scheduled_) <= now) {
    ProducerConnection& connection = *connections_[scheduled_++ % connections_.size()];
    connection.owe();
    connection.fill(now);
  }
  return std::min(latest_ns, due(scheduled_));
}

void Producer::stop() {
  stopped_ = true;
  const std::int64_t now = now_ns();
  // What was due and could not be sent waited at least until now: leaving it out would hide the
  // very requests that a saturated broker delayed most.
  for (auto& connection : connections_) {
    for (; connection->owed() > 0; connection->skip_due()) {
      ++tally_.not_sent;
      tally_.latency.record(now - connection->next_due_ns());
    }
  }
}

void Producer::reset_tally() {
  sent_before_ = sent_;
  const std::uint64_t lost = tally_.lost_connections;
  tally_ = LoadTally();
  tally_.lost_connections = lost;
  // A warm-up that had sent all it may leaves its connections idle, and no answer would rouse them.
  if (spec_.rate > 0 || stopped_) return;
  for (auto& connection : connections_) connection->fill(now_ns());
}

}  // namespace moldau::mbench
