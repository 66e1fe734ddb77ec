#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "client.hpp"
#include "line_reader.hpp"
#include "moldau/base/clock.hpp"
#include "moldau/protocol/produce.hpp"
#include "moldau/record/batch_builder.hpp"
#include "output.hpp"
#include "partitioner.hpp"
#include "topic_metadata.hpp"
#include "topic_verbs.hpp"

namespace moldau::cli {
namespace {

using protocol::ErrorCode;
using protocol::ProduceRequest;
using protocol::ProduceResponse;

/// Topics by name; from version 13 on they go by id.
constexpr codec::Version produce_version_max = 12;
constexpr std::size_t batch_bytes = 256 * 1024;
constexpr std::size_t requests_in_flight_max = 4;
/// A batch waits this long for another line, so that what is typed or trickles in is sent.
constexpr int linger_ms = 5;

class Producer {
 public:
  Producer(Client& client, const ProduceOptions& options, std::size_t partitions)
      : client_(client), options_(options), batches_(partitions) {
    for (const auto& [name, value] : options.headers)
      headers_.emplace_back(name, base::as_bytes(value));
  }

  base::Status append(std::optional<base::ByteView> key, base::ByteView value);
  /// Sends what is gathered.
  base::Status flush();
  /// Waits until everything sent is acknowledged.
  base::Status finish();

  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  base::Status send(std::size_t partition);
  base::Status take_answer();

  Client& client_;
  const ProduceOptions& options_;
  const base::SystemClock clock_;
  std::vector<record::BatchBuilder::Header> headers_;
  std::vector<std::optional<record::BatchBuilder>> batches_;  // by partition
  std::size_t keyless_ = 0;  // partition of records without a key, until its batch is sent
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

base::Status Producer::append(std::optional<base::ByteView> key, base::ByteView value) {
  const auto count = static_cast<std::int32_t>(batches_.size());
  const auto partition = key ? static_cast<std::size_t>(partition_of_key(*key, count)) : keyless_;
  auto& builder = batches_[partition];
  const std::size_t added = value.size() + (key ? key->size() : 0);
  if (builder && builder->size_bytes() + added > batch_bytes) MOLDAU_TRY(send(partition));
  // Sending may have moved the records without a key on; this one stays where it was to go.
  if (!builder) {
    record::BatchOptions options;
    options.compression = options_.compression;
    builder.emplace(options);
  }
  builder->append(clock_.wall_ms(), key, value, headers_);
  ++records_;
  bytes_ += added;
  return {};
}

base::Status Producer::send(std::size_t partition) {
  MOLDAU_ASSIGN(auto batch, batches_[partition]->build());
  batches_[partition].reset();
  if (partition == keyless_) keyless_ = (keyless_ + 1) % batches_.size();
  ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 30'000;
  auto& topic = request.topic_data.emplace_back();
  topic.name = options_.name;
  auto& data = topic.partition_data.emplace_back();
  data.index = PartitionIndex{static_cast<std::int32_t>(partition)};
  data.records.emplace().append(std::move(batch));
  if (client_.in_flight() >= requests_in_flight_max) MOLDAU_TRY(take_answer());
  return client_.send(request, produce_version_max);
}

base::Status Producer::take_answer() {
  MOLDAU_ASSIGN(const auto response, client_.receive<ProduceResponse>());
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      if (partition.error_code == ErrorCode::none) continue;
      const auto& errors = partition.record_errors;
      return refusal("partition " + std::to_string(partition.index.value()) + " of '" +
                         options_.name + "' took not all records",
                     partition.error_code,
                     partition.error_message || errors.empty()
                         ? partition.error_message
                         : errors.front().batch_index_error_message);
    }
  }
  return {};
}

base::Status Producer::flush() {
  for (std::size_t i = 0; i < batches_.size(); ++i)
    if (batches_[i]) MOLDAU_TRY(send(i));
  return {};
}

base::Status Producer::finish() {
  MOLDAU_TRY(flush());
  while (client_.in_flight() > 0) MOLDAU_TRY(take_answer());
  return {};
}

/// A line on standard error each second while somebody watches.
class Progress {
 public:
  void show(const Producer& producer) {
    if (!shown_on_terminal_) return;
    const auto now = clock_.now();
    if (now - last_ < std::chrono::seconds{1}) return;
    last_ = now;
    const auto seconds = std::chrono::duration<double>(now - began_).count();
    std::fprintf(stderr, "\r%llu records, %s, %.0f records/s ",
                 static_cast<unsigned long long>(producer.records()),
                 human_bytes(producer.bytes()).c_str(),
                 static_cast<double>(producer.records()) / seconds);
    printed_ = true;
  }
  void end() {
    if (printed_) std::fputc('\n', stderr);
    printed_ = false;
  }

 private:
  const base::SystemClock clock_;
  const base::SteadyTime began_ = clock_.now();
  base::SteadyTime last_ = began_;
  const bool shown_on_terminal_ = is_terminal_stderr();
  bool printed_ = false;
};

base::Status append_line(Producer& producer, const ProduceOptions& options, std::string_view line,
                         std::uint64_t number) {
  if (!options.key_separator) return producer.append(std::nullopt, base::as_bytes(line));
  const auto at = line.find(*options.key_separator);
  if (at == std::string_view::npos)
    return base::fail(base::Errc::invalid_argument, "line " + std::to_string(number) + " has no '" +
                                                        *options.key_separator +
                                                        "'; those before it were produced");
  return producer.append(base::as_bytes(line.substr(0, at)),
                         base::as_bytes(line.substr(at + options.key_separator->size())));
}

base::Status copy_lines(LineReader& lines, Producer& producer, const ProduceOptions& options,
                        Progress& progress) {
  while (true) {
    if (!lines.is_ready(linger_ms)) {
      // Nothing more for now: what is there goes out, and is acknowledged, before the next wait.
      MOLDAU_TRY(producer.finish());
    }
    MOLDAU_ASSIGN(const auto line, lines.next());
    if (!line) return producer.finish();
    if (const auto appended = append_line(producer, options, *line, lines.count()); !appended) {
      MOLDAU_TRY(producer.finish());
      return appended.error();
    }
    progress.show(producer);
  }
}

base::Result<Descriptor> open_input(const ProduceOptions& options) {
  if (!options.file) {
    if (::isatty(STDIN_FILENO) == 1) std::fputs("each line is a record; Ctrl-D ends\n", stderr);
    return Descriptor(::dup(STDIN_FILENO));
  }
  Descriptor file(::open(options.file->c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0)
    return base::fail(base::Errc::io,
                      "'" + *options.file + "' cannot be opened: " + std::strerror(errno));
  return file;
}

void print_result(const CommonOptions& common, const ProduceOptions& options,
                  const Producer& producer) {
  if (common.format == Format::json) {
    Json json;
    json.open('{').key("topic").value(options.name);
    json.key("records").value(static_cast<std::int64_t>(producer.records()));
    json.key("bytes").value(static_cast<std::int64_t>(producer.bytes())).close('}').print();
  } else {
    std::fprintf(stderr, "produced %llu record%s to %s\n",
                 static_cast<unsigned long long>(producer.records()),
                 producer.records() == 1 ? "" : "s", options.name.c_str());
  }
}

}  // namespace

base::Status topic_produce(const CommonOptions& common, const ProduceOptions& options) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto topic, find_topic(client, options.name, true));
  MOLDAU_ASSIGN(const auto input, open_input(options));
  LineReader lines(input.get());
  Producer producer(client, options, topic.partitions.size());
  Progress progress;
  const auto copied = copy_lines(lines, producer, options, progress);
  progress.end();
  MOLDAU_TRY(copied);
  print_result(common, options, producer);
  return {};
}

}  // namespace moldau::cli
