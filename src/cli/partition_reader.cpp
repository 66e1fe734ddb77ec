#include "partition_reader.hpp"

#include <algorithm>

#include "moldau/protocol/fetch.hpp"
#include "moldau/record/batch_view.hpp"

namespace moldau::cli {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;
using protocol::FetchResponse;

constexpr std::int32_t read_wait_ms = 500;
/// Below the end all is there already: so many answers without a batch are a fault.
constexpr int empty_answers_max = 20;

FetchRequest request_from(const ReadRange& range, Offset next) {
  FetchRequest request;
  request.max_wait_ms = read_wait_ms;
  request.min_bytes = 1;
  request.max_bytes = range.chunk_bytes;
  auto& topic = request.topics.emplace_back();
  topic.topic = range.partition.topic;
  auto& partition = topic.partitions.emplace_back();
  partition.partition = range.partition.partition;
  partition.fetch_offset = next;
  partition.partition_max_bytes = range.chunk_bytes;
  return request;
}

base::Error refused(const ReadRange& range, ErrorCode code) {
  return refusal("reading partition " + std::to_string(range.partition.partition.value()) +
                     " of '" + range.partition.topic + "'",
                 code);
}

using Take = std::function<base::Result<bool>(const record::Record&)>;

/// False when `take` has enough.
base::Result<bool> take_batch(const ReadRange& range, const record::BatchView& batch, Offset next,
                              const Take& take) {
  if (batch.is_control()) return true;
  MOLDAU_ASSIGN(auto records, record::RecordIterator::open(batch));
  while (true) {
    MOLDAU_ASSIGN(const auto record, records.next());
    if (!record || record->offset >= range.end) return true;
    if (record->offset < next) continue;  // a batch is sent whole
    MOLDAU_ASSIGN(const auto wants_more, take(*record));
    if (!wants_more) return false;
  }
}

/// Goes through the batches of an answer; `next` moves behind them.
base::Result<bool> take_batches(const ReadRange& range, base::ByteView bytes, Offset& next,
                                const Take& take) {
  while (next < range.end) {
    // The last batch may be cut off by the size limit: it comes whole the next time.
    const auto size = record::batch_size(bytes, bytes.size());
    if (size == 0 || size > bytes.size()) break;
    MOLDAU_ASSIGN(const auto batch,
                  record::BatchView::parse(bytes.first(size), record::BatchView::Check::crc));
    MOLDAU_ASSIGN(const auto wants_more, take_batch(range, batch, next, take));
    if (!wants_more) return false;
    next = std::max(next, batch.next_offset());
    bytes = bytes.subspan(size);
  }
  return true;
}

}  // namespace

base::Status read_records(Client& client, const ReadRange& range, const Take& take) {
  Offset next = range.from;
  for (int empty = 0; next < range.end;) {
    MOLDAU_ASSIGN(const auto response,
                  client.call<FetchResponse>(request_from(range, next), fetch_version_max));
    if (response.error_code != ErrorCode::none) return refused(range, response.error_code);
    if (response.responses.size() != 1 || response.responses[0].partitions.size() != 1)
      return base::fail(base::Errc::malformed, "the broker answered about another partition");
    const auto& partition = response.responses[0].partitions[0];
    if (partition.error_code != ErrorCode::none) return refused(range, partition.error_code);
    const auto before = next;
    if (partition.records) {
      const auto records = partition.records->flatten();
      MOLDAU_ASSIGN(const auto wants_more, take_batches(range, records.view(), next, take));
      if (!wants_more) return {};
    }
    empty = next > before ? 0 : empty + 1;
    if (empty == empty_answers_max)
      return base::fail(base::Errc::timed_out,
                        "partition " + std::to_string(range.partition.partition.value()) + " of '" +
                            range.partition.topic + "' gives no more records");
  }
  return {};
}

}  // namespace moldau::cli
