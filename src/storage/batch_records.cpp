#include "batch_records.hpp"

#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::storage {

base::Result<std::optional<TimestampOffset>> find_timestamp_in_batch(base::ByteView batch,
                                                                     std::int64_t target_ms,
                                                                     Offset from) {
  MOLDAU_ASSIGN(const auto view, record::BatchView::parse(batch, record::BatchView::Check::bounds));
  MOLDAU_ASSIGN(auto records, record::RecordIterator::open(view));
  for (;;) {
    MOLDAU_ASSIGN(const auto record, records.next());
    if (!record) return std::optional<TimestampOffset>{};
    if (record->timestamp_ms >= target_ms && record->offset >= from)
      return std::optional<TimestampOffset>{
          TimestampOffset{record->timestamp_ms, record->offset, view.leader_epoch()}};
  }
}

}  // namespace moldau::storage
