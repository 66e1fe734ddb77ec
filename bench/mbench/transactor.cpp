#include "transactor.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "admin.hpp"

namespace moldau::mbench {
namespace {

constexpr std::int16_t error_none = 0, error_concurrent_transactions = 51;
constexpr std::int64_t pause_ns = 20'000'000;
constexpr std::int32_t timeout_ms = 30'000;

}  // namespace

// One producer. Its transaction is opening (the first batch, or the partitions' names, are on their
// way), open, or ending; or there is none.
class TransactionConnection : public Client {
 public:
  TransactionConnection(Loop& loop, Transactor& owner, const Endpoint& endpoint, std::size_t number)
      : Client(loop, endpoint),
        owner_(owner),
        id_(owner.spec_.id + "-" + std::to_string(number)),
        next_partition_(static_cast<std::int32_t>(number) % owner.spec_.partitions),
        sequences_(static_cast<std::size_t>(owner.spec_.partitions)) {
    Admin admin(endpoint);
    admin.find_coordinator(id_, Admin::CoordinatorOf::transaction);
    producer_ = admin.init_producer(id_);
  }

  // Does what may be done now; returns when to come again.
  std::int64_t advance(std::int64_t now) {
    if (!open_for_work()) return INT64_MAX;
    if (again_at_ > now) return again_at_;
    const std::size_t before = under_way();
    again_at_ = 0;
    if (state_ == State::none && !owner_.stopped_ && !owner_.exhausted()) begin(now);
    if (again_) resend();
    if (state_ == State::open) fill(now);
    if (under_way() > before) flush();
    if (state_ != State::open || is_over(now)) return INT64_MAX;
    const std::int64_t over = began_ns_ + owner_.spec_.duration_ns;
    return owner_.spec_.rate > 0 ? std::min(over, std::max(now, owner_.next_due())) : over;
  }

 protected:
  void on_answer(const Sent& sent, Reader body, std::int64_t now) override {
    const std::int16_t error = sent.tag == tag_batch ? batch_error(body)
                               : sent.tag == tag_end ? end_error(body)
                                                     : names_error(body);
    if (error == error_concurrent_transactions) {
      ++owner_.tried_again_;
      again_ = sent;
      again_at_ = now + pause_ns;
      return;
    }
    if (error != error_none) return fail(error);
    if (sent.tag == tag_end) return ended(sent.at_ns, now);
    if (sent.tag == tag_names) {
      state_ = State::open;
      return;
    }
    ++owner_.tally_.acked;
    ++owner_.acked_ever_;
    owner_.tally_.latency.record(now - sent.at_ns);
    if (state_ == State::opening) state_ = State::open;
    if (ended_ns_ != 0) owner_.turnarounds_.record(now - std::exchange(ended_ns_, 0));
  }
  void on_answers(std::int64_t now) override { advance(now); }
  void on_lost() override {
    ++owner_.tally_.lost_connections;
    if (std::exchange(state_, State::none) != State::none) --owner_.busy_;
  }

 private:
  enum class State { none, opening, open, ending };
  static constexpr int tag_batch = 0, tag_end = 1, tag_names = 2;

  bool open_for_work() const { return open() && !failed_; }
  bool is_over(std::int64_t now) const {
    return owner_.stopped_ || owner_.exhausted() || now >= began_ns_ + owner_.spec_.duration_ns;
  }

  void begin(std::int64_t now) {
    state_ = State::opening;
    began_ns_ = now;
    ++owner_.busy_;
    if (owner_.spec_.names_partitions) {
      send(names_frame(), tag_names, now);
    } else {
      send_batch(now);
    }
  }

  // What is sent again counts from when it was first sent.
  void resend() {
    Sent again = std::move(*again_);
    again_.reset();
    send(std::move(again.frame), again.tag, again.at_ns);
  }

  void fill(std::int64_t now) {
    while (under_way() < owner_.spec_.in_flight && !is_over(now) && owner_.is_due(now)) send_batch(now);
    if (under_way() > 0 || !is_over(now)) return;
    state_ = State::ending;
    send(end_frame(), tag_end, now);
  }

  void send_batch(std::int64_t now) {
    const Batch& batch = owner_.batches_[owner_.sent_++ % owner_.batches_.size()];
    const std::int32_t partition = std::exchange(
        next_partition_, (next_partition_ + 1) % owner_.spec_.partitions);
    auto& sequence = sequences_[static_cast<std::size_t>(partition)];
    Bytes numbered = batch.bytes;
    number(numbered, producer_, sequence, true);
    sequence = next_sequence(sequence, owner_.spec_.shape.records);
    // From version 12 on a batch adds its partition to the transaction (KIP-890).
    Writer out = request_head(api_produce, owner_.spec_.names_partitions ? 11 : 12, 0);
    out.compact_string(id_).be(std::int16_t{-1}).be(timeout_ms).compact_array(1);
    out.compact_string(owner_.spec_.topic).compact_array(1).be(partition);
    out.compact_bytes(numbered).no_tags().no_tags().no_tags();
    send(std::move(out.bytes()), tag_batch, now);
  }

  // AddPartitionsToTxn 3: the last that is sent by clients.
  Bytes names_frame() {
    Writer out = request_head(api_add_partitions_to_txn, 3, 0);
    out.compact_string(id_).be(producer_.id).be(producer_.epoch).compact_array(1);
    out.compact_string(owner_.spec_.topic);
    out.compact_array(static_cast<std::size_t>(owner_.spec_.partitions));
    for (std::int32_t i = 0; i < owner_.spec_.partitions; ++i) out.be(i);
    out.no_tags().no_tags();
    return std::move(out.bytes());
  }

  // EndTxn: from version 5 on the answer has the epoch of the next transaction.
  Bytes end_frame() {
    Writer out = request_head(api_end_txn, owner_.spec_.names_partitions ? 4 : 5, 0);
    out.compact_string(id_).be(producer_.id).be(producer_.epoch).be(std::int8_t{1}).no_tags();
    return std::move(out.bytes());
  }

  static std::int16_t batch_error(Reader& body) {
    body.compact_size();
    body.compact_string();
    body.compact_size();
    body.be<std::int32_t>();
    return checked(body, body.be<std::int16_t>());
  }

  static std::int16_t names_error(Reader& body) {
    body.be<std::int32_t>();
    std::int16_t first = error_none;
    for (std::size_t topics = body.compact_size(); topics > 0 && body.ok(); --topics) {
      body.compact_string();
      for (std::size_t left = body.compact_size(); left > 0 && body.ok(); --left) {
        body.be<std::int32_t>();
        const auto error = body.be<std::int16_t>();
        body.tags();
        if (first == error_none) first = error;
      }
      body.tags();
    }
    return checked(body, first);
  }

  std::int16_t end_error(Reader& body) {
    body.be<std::int32_t>();
    const std::int16_t error = checked(body, body.be<std::int16_t>());
    if (error != error_none || owner_.spec_.names_partitions) return error;
    const auto id = body.be<std::int64_t>();
    const auto epoch = body.be<std::int16_t>();
    checked(body, error);
    // A new epoch begins to count anew.
    if (id != producer_.id || epoch != producer_.epoch) std::ranges::fill(sequences_, 0);
    producer_ = {id, epoch};
    return error;
  }

  static std::int16_t checked(const Reader& body, std::int16_t error) {
    if (!body.ok()) throw std::runtime_error("an answer that is cut short");
    return error;
  }

  void ended(std::int64_t sent_ns, std::int64_t now) {
    owner_.commits_.record(now - sent_ns);
    ended_ns_ = sent_ns;
    state_ = State::none;
    --owner_.busy_;
  }

  // The transaction cannot be gone on with.
  void fail(std::int16_t error) {
    ++owner_.tally_.errors[error];
    failed_ = true;
    if (std::exchange(state_, State::none) != State::none) --owner_.busy_;
  }

  Transactor& owner_;
  const std::string id_;
  State state_ = State::none;
  bool failed_ = false;
  ProducerIdentity producer_;
  std::int32_t next_partition_;
  std::vector<std::int32_t> sequences_;  // the next ones, by partition
  std::int64_t began_ns_ = 0;
  std::int64_t ended_ns_ = 0;    // when the last transaction's end was asked for, until the next is open
  std::optional<Sent> again_;    // refused for now
  std::int64_t again_at_ = 0;
};

Transactor::Transactor(Loop& loop, const TransactionSpec& spec) : spec_(spec) {
  batches_ = make_batches(spec_.shape);
  for (std::size_t i = 0; i < spec_.connections; ++i) {
    const Endpoint& endpoint = spec_.endpoints[i % spec_.endpoints.size()];
    connections_.push_back(std::make_unique<TransactionConnection>(loop, *this, endpoint, i));
  }
}

Transactor::~Transactor() = default;

void Transactor::start() {
  stopped_ = false;
  started_ns_ = now_ns();
  advance(INT64_MAX);
}

std::int64_t Transactor::advance(std::int64_t latest_ns) {
  const std::int64_t now = now_ns();
  for (auto& connection : connections_) latest_ns = std::min(latest_ns, connection->advance(now));
  return latest_ns;
}

void Transactor::reset_tally() {
  sent_before_ = sent_;
  const std::uint64_t lost = tally_.lost_connections;
  tally_ = LoadTally();
  tally_.lost_connections = lost;
  commits_ = Histogram();
  turnarounds_ = Histogram();
  tried_again_ = 0;
}

}  // namespace moldau::mbench
