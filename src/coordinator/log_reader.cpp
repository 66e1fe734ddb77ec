#include "log_reader.hpp"

#include <fmt/format.h>

#include <optional>

#include "moldau/base/log.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::coordinator {
namespace {

constexpr std::size_t chunk_bytes = 1024 * 1024;

class Reader {
 public:
  Reader(partition::Partition& partition, std::string_view name, StateMachine& machine)
      : partition_(partition), name_(name), machine_(machine) {}

  base::Result<ReadSummary> run() {
    Offset from = partition_.log().start_offset();
    for (;;) {
      partition::ReadRequest request;
      request.from = from;
      request.isolation = partition::Isolation::log_end;
      request.bytes_max = chunk_bytes;
      request.may_block = true;
      MOLDAU_ASSIGN(const auto outcome, partition_.read(request));
      if (outcome.records.empty()) return summary_;
      MOLDAU_ASSIGN(from, take_chunk(outcome.records.flatten().view(), from));
    }
  }

 private:
  /// The offset after the last whole batch of `chunk`.
  base::Result<Offset> take_chunk(base::ByteView chunk, Offset from) {
    Offset next = from;
    while (const std::size_t size = record::batch_size(chunk, chunk.size())) {
      MOLDAU_ASSIGN(const auto batch, record::BatchView::parse(chunk.first(size),
                                                               record::BatchView::Check::crc));
      MOLDAU_TRY(take_batch(batch, from));
      next = batch.next_offset();
      chunk = chunk.subspan(size);
    }
    if (next == from) return base::fail(base::Errc::corrupt_message, "no batch where one has to be");
    return next;
  }

  base::Status take_batch(const record::BatchView& batch, Offset from) {
    std::optional<Producer> producer;
    if (batch.is_transactional()) producer = {batch.producer_id(), batch.producer_epoch()};
    MOLDAU_ASSIGN(auto records, record::RecordIterator::open(batch));
    for (;;) {
      MOLDAU_ASSIGN(const auto record, records.next());
      if (!record) return {};
      if (record->offset < from) continue;
      if (batch.is_control()) {
        take_marker(batch.producer_id(), *record);
      } else {
        take_record(*record, producer);
      }
    }
  }

  void take_record(const record::Record& record, const std::optional<Producer>& producer) {
    if (!record.key) {
      ++summary_.passed_over;
      return;
    }
    if (const auto applied = machine_.apply(record, producer); applied) {
      ++summary_.records;
    } else {
      ++summary_.passed_over;
      if (applied.error().code != base::Errc::unsupported)
        log::warn(fmt::format("{}.record_passed_over", name_), "{}-{} offset {}: {}",
                  partition_.topic_partition().topic, partition_.topic_partition().partition.value(),
                  record.offset.value(), applied.error().message);
    }
  }

  void take_marker(ProducerId producer, const record::Record& marker) {
    if (!marker.key || marker.key->size() < 4) return;
    const auto type = base::load_be<std::int16_t>(marker.key->data() + 2);  // protocol.md 5.3
    const bool is_commit = type == static_cast<std::int16_t>(record::ControlType::commit);
    if (is_commit || type == static_cast<std::int16_t>(record::ControlType::abort))
      machine_.end_transaction(producer, is_commit);
  }

  partition::Partition& partition_;
  const std::string_view name_;
  StateMachine& machine_;
  ReadSummary summary_;
};

}  // namespace

base::Result<ReadSummary> read_all(partition::Partition& partition, std::string_view name,
                                   StateMachine& machine) {
  return Reader(partition, name, machine).run();
}

}  // namespace moldau::coordinator
