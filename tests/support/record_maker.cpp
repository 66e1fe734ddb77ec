#include "tests/support/record_maker.hpp"

#include <algorithm>

#include "moldau/record/record_iterator.hpp"

namespace moldau::support {

using base::as_bytes;
using record::BatchBuilder;
using record::BatchOptions;
using record::BatchView;

namespace {

std::optional<base::ByteView> view_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return as_bytes(*text);
}

std::optional<std::string> text_of(const std::optional<base::ByteView>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(base::as_text(*bytes));
}

}  // namespace

BatchView MadeBatch::view() const {
  return BatchView::parse(bytes.view(), BatchView::Check::crc).value();
}

std::string RecordMaker::text(std::size_t bytes_max) {
  const std::size_t size = below(bytes_max + 1);
  const bool compressible = below(2) == 0;
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(compressible ? 'a' + below(3) : below(256));
  return text;
}

std::optional<std::string> RecordMaker::nullable_text(std::size_t bytes_max) {
  if (below(5) == 0) return std::nullopt;
  return text(bytes_max);
}

MadeRecord RecordMaker::record(const Shape& shape) {
  constexpr std::size_t key_bytes_max = 40;
  constexpr std::uint64_t spread_ms = 1000;
  MadeRecord made;
  made.timestamp_ms = shape.timestamp_ms + static_cast<std::int64_t>(below(spread_ms));
  made.key = nullable_text(key_bytes_max);
  made.value = nullable_text(shape.value_bytes_max);
  const auto headers = below(static_cast<std::uint64_t>(shape.headers_max) + 1);
  for (std::uint64_t i = 0; i < headers; ++i) {
    made.headers.emplace_back(text(key_bytes_max), nullable_text(key_bytes_max));
  }
  return made;
}

MadeBatch RecordMaker::random_batch(const Shape& shape) {
  BatchOptions options;
  options.compression = static_cast<record::Compression>(below(record::compression_last + 1));
  if (below(2) == 0) {
    options.producer_id = ProducerId{static_cast<std::int64_t>(below(1000))};
    options.producer_epoch = ProducerEpoch{static_cast<std::int16_t>(below(10))};
    options.base_sequence = static_cast<std::int32_t>(below(1'000'000));
    options.transactional = below(3) == 0;
  }
  return batch(options, shape);
}

MadeBatch RecordMaker::batch(const BatchOptions& options, const Shape& shape) {
  MadeBatch made;
  made.options = options;
  const auto count = 1 + below(static_cast<std::uint64_t>(shape.records_max));
  BatchBuilder builder(options);
  for (std::uint64_t i = 0; i < count; ++i) {
    const MadeRecord& next = made.records.emplace_back(record(shape));
    std::vector<BatchBuilder::Header> headers;
    for (const auto& [name, value] : next.headers) headers.emplace_back(name, view_of(value));
    builder.append(next.timestamp_ms, view_of(next.key), view_of(next.value), headers);
  }
  made.bytes = builder.build().value();
  return made;
}

base::SharedBytes plain_batch(int count, std::size_t value_bytes, const BatchOptions& options,
                              std::int64_t timestamp_ms) {
  BatchBuilder builder(options);
  for (int i = 0; i < count; ++i) {
    const std::string key = "key" + std::to_string(i);
    const std::string value(value_bytes, static_cast<char>('a' + i % 26));
    builder.append(timestamp_ms + i, as_bytes(key), as_bytes(value));
  }
  return builder.build().value();
}

std::vector<MadeRecord> records_of(const BatchView& batch) {
  auto iterator = record::RecordIterator::open(batch).value();
  std::vector<MadeRecord> records;
  while (const auto next = iterator.next().value()) {
    MadeRecord& made = records.emplace_back();
    made.timestamp_ms = next->timestamp_ms;
    made.key = text_of(next->key);
    made.value = text_of(next->value);
    for (const auto& header : next->headers) {
      made.headers.emplace_back(std::string(header.key), text_of(header.value));
    }
  }
  return records;
}

}  // namespace moldau::support
