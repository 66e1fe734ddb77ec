#include "log_reader.hpp"

#include <map>
#include <utility>
#include <vector>

#include "moldau/base/log.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::group {
namespace {

constexpr std::size_t chunk_bytes = 1024 * 1024;

class Reader {
 public:
  Reader(partition::Partition& partition, const std::function<void(const Record&)>& apply)
      : partition_(partition), apply_(apply) {}

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
    MOLDAU_ASSIGN(auto records, record::RecordIterator::open(batch));
    for (;;) {
      MOLDAU_ASSIGN(const auto record, records.next());
      if (!record) return {};
      if (record->offset < from) continue;
      if (batch.is_control()) {
        end_transaction(batch.producer_id(), *record);
      } else {
        take_record(batch, *record);
      }
    }
  }

  void take_record(const record::BatchView& batch, const record::Record& record) {
    if (!record.key) {
      ++summary_.passed_over;
      return;
    }
    auto decoded = decode(*record.key, record.value);
    if (!decoded) {
      ++summary_.passed_over;
      if (decoded.error().code != base::Errc::unsupported)
        log::warn("group.record_passed_over", "{}-{} offset {}: {}",
                  partition_.topic_partition().topic, partition_.topic_partition().partition.value(),
                  record.offset.value(), decoded.error().message);
      return;
    }
    ++summary_.records;
    if (batch.is_transactional()) {
      pending_[batch.producer_id()].push_back(std::move(decoded).value());
    } else {
      apply_(decoded.value());
    }
  }

  void end_transaction(ProducerId producer, const record::Record& marker) {
    constexpr std::int16_t commit = 1;  // protocol.md 5.3
    const auto place = pending_.find(producer);
    if (place == pending_.end()) return;
    if (marker.key && marker.key->size() >= 4 &&
        base::load_be<std::int16_t>(marker.key->data() + 2) == commit)
      for (const auto& record : place->second) apply_(record);
    pending_.erase(place);
  }

  partition::Partition& partition_;
  const std::function<void(const Record&)>& apply_;
  ReadSummary summary_;
  std::map<ProducerId, std::vector<Record>> pending_;  // of transactions that are open
};

}  // namespace

base::Result<ReadSummary> read_all(partition::Partition& partition,
                                   const std::function<void(const Record&)>& apply) {
  return Reader(partition, apply).run();
}

}  // namespace moldau::group
