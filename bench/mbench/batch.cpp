#include "batch.hpp"

#include <isa-l/crc.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <stdexcept>

namespace moldau::mbench {
namespace {

Bytes gzip(const Bytes& plain) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::runtime_error("gzip: deflateInit2 failed");
  }
  Bytes out(deflateBound(&stream, plain.size()));
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("gzip: deflate failed");
  return out;
}

// The framing of Java's SnappyOutputStream, which Kafka's own clients send: a 16-byte head, then
// blocks of 32 KiB, each with its compressed length.
Bytes snappy(const Bytes& plain) {
  static constexpr std::uint8_t magic[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
  static constexpr std::size_t block_bytes = 32768;
  Writer out;
  out.raw(magic, sizeof magic).be(std::int32_t{1}).be(std::int32_t{1});
  Bytes block(snappy_max_compressed_length(block_bytes));
  for (std::size_t at = 0; at < plain.size(); at += block_bytes) {
    std::size_t size = block.size();
    if (snappy_compress(reinterpret_cast<const char*>(plain.data() + at),
                        std::min(block_bytes, plain.size() - at),
                        reinterpret_cast<char*>(block.data()), &size) != SNAPPY_OK) {
      throw std::runtime_error("snappy: compression failed");
    }
    out.be(static_cast<std::int32_t>(size)).raw(block.data(), size);
  }
  return std::move(out.bytes());
}

Bytes lz4(const Bytes& plain) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // all that Java's reader accepts
  Bytes out(LZ4F_compressFrameBound(plain.size(), &preferences));
  const std::size_t size =
      LZ4F_compressFrame(out.data(), out.size(), plain.data(), plain.size(), &preferences);
  if (LZ4F_isError(size) != 0) throw std::runtime_error("lz4: compression failed");
  out.resize(size);
  return out;
}

Bytes zstd(const Bytes& plain) {
  Bytes out(ZSTD_compressBound(plain.size()));
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size) != 0) throw std::runtime_error("zstd: compression failed");
  out.resize(size);
  return out;
}

Bytes compress(const Bytes& plain, Codec codec) {
  switch (codec) {
    case Codec::gzip:
      return gzip(plain);
    case Codec::snappy:
      return snappy(plain);
    case Codec::lz4:
      return lz4(plain);
    case Codec::zstd:
      return zstd(plain);
    case Codec::none:
      break;
  }
  return plain;
}

// Appends one record; returns where its value begins.
std::size_t add_record(Writer& out, std::size_t number, const Bytes& value) {
  Writer body;
  body.be(std::int8_t{0}).varint(0).varint(static_cast<std::int64_t>(number));
  body.varint(-1).varint(static_cast<std::int64_t>(value.size()));
  const std::size_t head = body.size();
  body.raw(value.data(), value.size()).varint(0);
  out.varint(static_cast<std::int64_t>(body.size()));
  const std::size_t value_at = out.size() + head;
  out.raw(body.bytes().data(), body.size());
  return value_at;
}

void renew_crc(Bytes& batch) {
  const std::uint32_t state = crc_add(crc_begin, batch.data() + batch_at::checked_from,
                                      batch.size() - batch_at::checked_from);
  store_be(batch.data() + batch_at::crc, crc_end(state));
}

}  // namespace

bool codec_of(std::string_view name, Codec& codec) {
  static constexpr std::string_view names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
  for (std::int16_t i = 0; i < 5; ++i) {
    if (names[i] != name) continue;
    codec = static_cast<Codec>(i);
    return true;
  }
  return false;
}

std::uint32_t crc_add(std::uint32_t state, const std::uint8_t* data, std::size_t size) {
  // isa-l counts in int; nothing here comes near 2 GiB at a time. Its argument is not const.
  return crc32_iscsi(const_cast<std::uint8_t*>(data), static_cast<int>(size), state);
}

Batch make_batch(const BatchShape& shape, std::uint64_t seed, std::int64_t timestamp_ms) {
  std::mt19937_64 random(seed);
  Writer records;
  std::size_t first_value_at = 0;
  for (std::size_t i = 0; i < shape.records; ++i) {
    Bytes value(shape.record_bytes, static_cast<std::uint8_t>('a' + i % 26));
    for (std::size_t at = 0; at < value.size() / 2; ++at) {
      value[at] = static_cast<std::uint8_t>(random());
    }
    const std::size_t value_at = add_record(records, i, value);
    if (i == 0) first_value_at = value_at;
  }
  const Bytes payload = compress(records.bytes(), shape.codec);
  const auto last = static_cast<std::int32_t>(shape.records - 1);

  Writer out;
  out.be(std::int64_t{0});                                                     // base offset
  out.be(static_cast<std::int32_t>(payload.size() + batch_at::records - 12));  // length
  out.be(std::int32_t{-1}).be(std::int8_t{2}).be(std::uint32_t{0});            // epoch, magic, CRC
  out.be(static_cast<std::int16_t>(shape.codec)).be(last);
  out.be(timestamp_ms).be(timestamp_ms);
  out.be(std::int64_t{-1}).be(std::int16_t{-1}).be(std::int32_t{-1});  // no producer id
  out.be(last + 1).raw(payload.data(), payload.size());
  renew_crc(out.bytes());
  const bool plain = shape.codec == Codec::none;
  return {std::move(out.bytes()), plain ? batch_at::records + first_value_at : 0};
}

std::vector<Batch> make_batches(const BatchShape& shape) {
  static constexpr std::size_t variants_max = 8, variants_bytes_max = 512 * 1024;
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(wall).count();
  const std::size_t variants = std::clamp<std::size_t>(
      variants_bytes_max / (shape.record_bytes * shape.records), 1, variants_max);
  std::vector<Batch> batches;
  for (std::size_t i = 0; i < variants; ++i) batches.push_back(make_batch(shape, i + 1, wall_ms));
  return batches;
}

void number(Bytes& batch, const ProducerIdentity& producer, std::int32_t sequence,
            bool transactional) {
  const auto attributes = load_be<std::int16_t>(batch.data() + batch_at::attributes);
  const auto kept = static_cast<std::int16_t>(attributes & ~transactional_bit);
  store_be(batch.data() + batch_at::attributes,
           static_cast<std::int16_t>(transactional ? kept | transactional_bit : kept));
  store_be(batch.data() + batch_at::producer_id, producer.id);
  store_be(batch.data() + batch_at::producer_epoch, producer.epoch);
  store_be(batch.data() + batch_at::base_sequence, sequence);
  renew_crc(batch);
}

std::int32_t next_sequence(std::int32_t sequence, std::size_t records) {
  return static_cast<std::int32_t>(
      (static_cast<std::uint64_t>(sequence) + records) & 0x7fffffffU);
}

void stamp(Bytes& batch, std::size_t first_value_at, std::int64_t mark_ns) {
  store_be(batch.data() + first_value_at, mark_ns);
  renew_crc(batch);
}

}  // namespace moldau::mbench
