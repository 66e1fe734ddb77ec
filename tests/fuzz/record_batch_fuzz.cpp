// Record batches from outside: parsed, validated, decompressed, iterated and recompressed.  The last byte
// of the input chooses what is done with the rest.

#include <cstdint>
#include <vector>

#include "moldau/base/check.hpp"
#include "moldau/base/crc32c.hpp"
#include "moldau/record/compression.hpp"
#include "moldau/record/record_iterator.hpp"
#include "moldau/record/validation.hpp"

namespace moldau::record {
namespace {

using base::SharedBytes;
using base::store_be;

constexpr std::size_t decompressed_max = 1 << 20;

void fuzz_decompression(std::uint8_t choice, ByteView bytes) {
  const auto codec = static_cast<Compression>(choice % 8);
  const auto out = decompress(codec, bytes, decompressed_max);
  if (out.has_error()) return;
  MOLDAU_CHECK(out.value().size() <= decompressed_max, "the bound holds");
  const auto again = compress(codec, out.value());
  MOLDAU_CHECK(decompress(codec, again.value(), out.value().size()).value() == out.value(),
               "what was compressed comes back");
}

/// Makes the frame right, so that the fuzzer's changes reach what is behind the CRC.
void make_plausible(std::vector<std::uint8_t>& batch) {
  if (batch.size() < batch_format::header_bytes) return;
  store_be(batch.data() + batch_format::base_offset_at, std::int64_t{0});
  store_be(batch.data() + batch_format::length_at,
           static_cast<std::int32_t>(batch.size() - batch_format::length_overhead));
  store_be(batch.data() + batch_format::magic_at, batch_format::magic);
  store_be(batch.data() + batch_format::crc_at,
           base::crc32c(ByteView(batch).subspan(batch_format::attributes_at)));
}

void fuzz_iteration(const BatchView& batch) {
  auto records = RecordIterator::open(batch, decompressed_max);
  if (records.has_error()) return;
  std::int64_t count = 0;
  while (true) {
    const auto next = records.value().next();
    if (next.has_error()) return;
    if (!next.value()) break;
    ++count;
  }
  MOLDAU_CHECK(count == batch.record_count(), "as many records as were promised");
}

void fuzz_validation(std::uint8_t choice, const std::vector<std::uint8_t>& bytes) {
  ProduceRules rules;
  rules.now_ms = 1'700'000'000'000;
  rules.strict = (choice & 1) != 0;
  rules.compacted = (choice & 2) != 0;
  if ((choice & 4) != 0) rules.timestamp_type = TimestampType::log_append_time;
  if ((choice & 8) != 0) rules.compression = static_cast<Compression>((choice >> 4) % 5);
  const auto prepared = prepare_produced(SharedBytes::copy_of(bytes), rules);
  if (prepared.batch.has_error()) return;
  const auto batch = BatchView::parse(prepared.batch.value().view(), BatchView::Check::crc);
  MOLDAU_CHECK(batch.has_value() && batch.value().size() == prepared.batch.value().size(),
               "what is accepted is one good batch");
  MOLDAU_CHECK(batch.value().timestamp_type() == rules.timestamp_type, "as the topic wants it");
  if (!rules.strict) return;
  auto records = RecordIterator::open(batch.value()).value();
  while (records.next().value()) continue;
}

void fuzz(ByteView input) {
  if (input.size() < 2) return;
  const std::uint8_t choice = input.back();
  const std::uint8_t kind = input[input.size() - 2] % 4;
  const ByteView bytes = input.first(input.size() - 2);
  if (kind == 0) return fuzz_decompression(choice, bytes);
  std::vector<std::uint8_t> batch(bytes.begin(), bytes.end());
  if (kind != 1) make_plausible(batch);
  const auto view = BatchView::parse(batch, BatchView::Check::bounds);
  if (view.has_value()) fuzz_iteration(view.value());
  fuzz_validation(choice, batch);
}

}  // namespace
}  // namespace moldau::record

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moldau::record::fuzz({data, size});
  return 0;
}
