#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

#include "client.hpp"
#include "moldau/base/clock.hpp"
#include "moldau/protocol/fetch.hpp"
#include "moldau/record/record_iterator.hpp"
#include "output.hpp"
#include "partition_reader.hpp"
#include "topic_metadata.hpp"
#include "topic_verbs.hpp"

namespace moldau::cli {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;
using protocol::FetchResponse;

constexpr std::int32_t fetch_wait_ms = 500;
constexpr std::int32_t fetch_bytes_max = 16 * 1024 * 1024;
constexpr std::int32_t partition_bytes_max = 4 * 1024 * 1024;
/// Without --follow every offset below the end is there already: so long without one is a fault.
constexpr std::chrono::seconds progress_wait{30};

struct Position {
  Offset next{};
  Offset end{};  // without --follow nothing from here on is read
};

class Consumer {
 public:
  Consumer(Client& client, const CommonOptions& common, const ConsumeOptions& options)
      : client_(client), common_(common), options_(options) {}

  base::Status seek(const TopicMetadata& topic);
  base::Status run();

 private:
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] FetchRequest next_request() const;
  base::Result<bool> take(const FetchResponse& response);
  base::Status take_partition(const FetchResponse::Response::Partition& partition);
  base::Status take_batch(PartitionIndex index, const record::BatchView& batch);
  void print(PartitionIndex index, const record::Record& record);
  void print_json(PartitionIndex index, const record::Record& record);

  Client& client_;
  const CommonOptions& common_;
  const ConsumeOptions& options_;
  const base::SystemClock clock_;
  std::map<PartitionIndex, Position> positions_;
  std::uint64_t printed_ = 0;
  Json json_;
};

base::Result<Offset> start_offset(const std::string& from, PartitionIndex index, Offset earliest,
                                  Offset latest) {
  if (from == "earliest") return earliest;
  if (from == "latest") return latest;
  const Offset wanted{std::stoll(from)};  // digits, checked by the command line
  if (wanted < earliest || wanted > latest)
    return base::fail(base::Errc::offset_out_of_range,
                      "partition " + std::to_string(index.value()) + " has offsets from " +
                          std::to_string(earliest.value()) + " to " +
                          std::to_string(latest.value()) + ", not " + from);
  return wanted;
}

base::Status Consumer::seek(const TopicMetadata& topic) {
  std::vector<PartitionIndex> partitions;
  for (const auto& partition : topic.partitions)
    if (!options_.partition || partition.partition_index.value() == *options_.partition)
      partitions.push_back(partition.partition_index);
  if (partitions.empty())
    return base::fail(base::Errc::unknown_topic, "'" + options_.name + "' has " +
                                                     std::to_string(topic.partitions.size()) +
                                                     " partitions, counted from 0");
  MOLDAU_ASSIGN(const auto earliest,
                list_offsets(client_, options_.name, partitions, earliest_timestamp));
  MOLDAU_ASSIGN(const auto latest,
                list_offsets(client_, options_.name, partitions, latest_timestamp));
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    MOLDAU_ASSIGN(const auto next,
                  start_offset(options_.from, partitions[i], earliest[i], latest[i]));
    positions_[partitions[i]] = {next, latest[i]};
  }
  return {};
}

bool Consumer::is_done() const {
  if (options_.count && printed_ >= *options_.count) return true;
  if (options_.follow) return false;
  return std::all_of(positions_.begin(), positions_.end(),
                     [](const auto& entry) { return entry.second.next >= entry.second.end; });
}

FetchRequest Consumer::next_request() const {
  FetchRequest request;
  request.max_wait_ms = fetch_wait_ms;
  request.min_bytes = 1;
  request.max_bytes = fetch_bytes_max;
  auto& topic = request.topics.emplace_back();
  topic.topic = options_.name;
  for (const auto& [index, position] : positions_) {
    if (!options_.follow && position.next >= position.end) continue;
    auto& partition = topic.partitions.emplace_back();
    partition.partition = index;
    partition.fetch_offset = position.next;
    partition.partition_max_bytes = partition_bytes_max;
  }
  return request;
}

base::Status Consumer::run() {
  auto last_progress = clock_.now();
  while (!is_done()) {
    MOLDAU_ASSIGN(const auto response,
                  client_.call<FetchResponse>(next_request(), fetch_version_max));
    MOLDAU_ASSIGN(const auto moved, take(response));
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      return base::fail(base::Errc::io, "standard output cannot be written");
    if (moved) last_progress = clock_.now();
    if (!options_.follow && clock_.now() - last_progress > progress_wait)
      return base::fail(base::Errc::timed_out, "no more records came, though there should be some");
  }
  return {};
}

/// Whether any position moved.
base::Result<bool> Consumer::take(const FetchResponse& response) {
  if (response.error_code != ErrorCode::none)
    return refusal("reading '" + options_.name + "'", response.error_code);
  bool moved = false;
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partitions) {
      const auto position = positions_.find(partition.partition_index);
      if (position == positions_.end())
        return base::fail(base::Errc::malformed, "the broker answered about another partition");
      const auto before = position->second.next;
      MOLDAU_TRY(take_partition(partition));
      moved = moved || position->second.next > before;
    }
  }
  return moved;
}

base::Status Consumer::take_partition(const FetchResponse::Response::Partition& partition) {
  if (partition.error_code != ErrorCode::none)
    return refusal("partition " + std::to_string(partition.partition_index.value()) + " of '" +
                       options_.name + "'",
                   partition.error_code);
  if (!partition.records) return {};
  const auto records = partition.records->flatten();
  auto rest = records.view();
  while (!is_done()) {
    // The last batch may be cut off by the size limit: it comes whole the next time.
    const auto size = record::batch_size(rest, rest.size());
    if (size == 0 || size > rest.size()) break;
    const auto batch = record::BatchView::parse(rest.first(size), record::BatchView::Check::crc);
    if (!batch) return batch.error();
    MOLDAU_TRY(take_batch(partition.partition_index, batch.value()));
    rest = rest.subspan(size);
  }
  return {};
}

base::Status Consumer::take_batch(PartitionIndex index, const record::BatchView& batch) {
  auto& position = positions_[index];
  if (!batch.is_control()) {
    MOLDAU_ASSIGN(auto records, record::RecordIterator::open(batch));
    while (true) {
      MOLDAU_ASSIGN(const auto record, records.next());
      if (!record) break;
      if (record->offset < position.next) continue;  // a batch is sent whole
      if (!options_.follow && record->offset >= position.end) break;
      if (options_.count && printed_ >= *options_.count) return {};
      print(index, *record);
    }
  }
  position.next = std::max(position.next, batch.next_offset());
  return {};
}

void Consumer::print(PartitionIndex index, const record::Record& record) {
  ++printed_;
  if (common_.format == Format::json) {
    print_json(index, record);
    return;
  }
  if (record.value) std::fwrite(record.value->data(), 1, record.value->size(), stdout);
  std::fputc('\n', stdout);
}

void add_bytes(Json& json, const std::optional<base::ByteView>& bytes) {
  if (bytes) {
    json.value(base::as_text(*bytes));
  } else {
    json.null();
  }
}

void Consumer::print_json(PartitionIndex index, const record::Record& record) {
  json_.clear();
  json_.open('{').key("partition").value(std::int64_t{index.value()});
  json_.key("offset").value(record.offset.value());
  json_.key("timestamp").value(record.timestamp_ms).key("key");
  add_bytes(json_, record.key);
  json_.key("value");
  add_bytes(json_, record.value);
  json_.key("headers").open('[');
  for (const auto& header : record.headers) {
    json_.open('{').key("key").value(header.key).key("value");
    add_bytes(json_, header.value);
    json_.close('}');
  }
  json_.close(']').close('}').print();
}

}  // namespace

base::Status topic_consume(const CommonOptions& common, const ConsumeOptions& options) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto topic, find_topic(client, options.name, false));
  Consumer consumer(client, common, options);
  MOLDAU_TRY(consumer.seek(topic));
  return consumer.run();
}

}  // namespace moldau::cli
