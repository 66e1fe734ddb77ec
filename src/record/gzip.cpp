// gzip: ISA-L reads (several times zlib's speed).  It also writes the low levels; zlib writes the levels
// that ISA-L has not.
#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "codecs.hpp"
#include "moldau/base/check.hpp"

namespace moldau::record::codecs {

using base::ByteView;
using base::Errc;
using base::fail;

namespace {

constexpr std::string_view codec = "gzip";
/// Kafka's compression.gzip.level is 1..9, or -1 for the codec's own default.
constexpr int level_default = -1;
constexpr int isal_level_max = 3;

constexpr std::uint32_t isal_level_buffer_bytes(int level) {
  switch (level) {
    case 1:
      return ISAL_DEF_LVL1_DEFAULT;
    case 2:
      return ISAL_DEF_LVL2_DEFAULT;
    default:
      return ISAL_DEF_LVL3_DEFAULT;
  }
}

std::uint32_t clamp32(std::size_t size) {
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(size, std::numeric_limits<std::uint32_t>::max()));
}

base::Result<Bytes> isal_compress(ByteView in, int level) {
  Bytes level_buffer(isal_level_buffer_bytes(level));
  auto stream = std::make_unique<isal_zstream>();  // too large for a stack
  isal_deflate_init(stream.get());
  stream->level = static_cast<std::uint32_t>(level);
  stream->level_buf = level_buffer.data();
  stream->level_buf_size = static_cast<std::uint32_t>(level_buffer.size());
  stream->gzip_flag = IGZIP_GZIP;
  stream->flush = NO_FLUSH;
  stream->end_of_stream = 1;
  stream->next_in = const_cast<std::uint8_t*>(in.data());  // read only: a C interface
  stream->avail_in = clamp32(in.size());
  GrowingOutput out(in.size() / 4, std::numeric_limits<std::int32_t>::max());
  while (stream->internal_state.state != ZSTATE_END) {
    if (!out.within_limit()) return over_limit(codec, std::numeric_limits<std::int32_t>::max());
    const base::MutableByteView room = out.room();
    stream->next_out = room.data();
    stream->avail_out = clamp32(room.size());
    const int error = isal_deflate(stream.get());
    if (error != COMP_OK) return fail(Errc::unknown, fmt::format("gzip: ISA-L error {}", error));
    out.produced(static_cast<std::size_t>(stream->next_out - room.data()));
  }
  return std::move(out).take();
}

base::Result<Bytes> zlib_compress(ByteView in, int level) {
  constexpr int gzip_window_bits = 15 + 16;
  constexpr int memory_level = 8;
  z_stream stream{};
  const int initialised =
      deflateInit2(&stream, level, Z_DEFLATED, gzip_window_bits, memory_level, Z_DEFAULT_STRATEGY);
  if (initialised != Z_OK) {
    return fail(Errc::unknown, fmt::format("gzip: zlib error {}", initialised));
  }
  Bytes out(deflateBound(&stream, in.size()));
  stream.next_in = const_cast<Bytef*>(in.data());  // read only: a C interface
  stream.avail_in = clamp32(in.size());
  stream.next_out = out.data();
  stream.avail_out = clamp32(out.size());
  const int finished = deflate(&stream, Z_FINISH);
  const std::size_t size = stream.total_out;
  deflateEnd(&stream);
  if (finished != Z_STREAM_END) {
    return fail(Errc::unknown, fmt::format("gzip: zlib error {}", finished));
  }
  out.resize(size);
  return out;
}

inflate_state& inflater_of_thread() {
  thread_local const auto state = std::make_unique<inflate_state>();
  return *state;
}

}  // namespace

base::Result<Bytes> gzip_decompress(ByteView in, std::size_t bytes_max) {
  inflate_state& state = inflater_of_thread();
  isal_inflate_init(&state);
  state.crc_flag = ISAL_GZIP;
  state.next_in = const_cast<std::uint8_t*>(in.data());  // read only: a C interface
  state.avail_in = clamp32(in.size());
  GrowingOutput out(in.size(), bytes_max);
  while (true) {
    const base::MutableByteView room = out.room();
    state.next_out = room.data();
    state.avail_out = clamp32(room.size());
    const int error = isal_inflate(&state);
    if (error != ISAL_DECOMP_OK) return not_of_codec(codec, fmt::format("ISA-L error {}", error));
    const auto written = static_cast<std::size_t>(state.next_out - room.data());
    out.produced(written);
    if (!out.within_limit()) return over_limit(codec, bytes_max);
    if (state.block_state == ISAL_BLOCK_FINISH) {
      if (state.avail_in == 0) return std::move(out).take();
      // Another member follows; RFC 1952 joins them, and so does Java.
      std::uint8_t* const next_in = state.next_in;
      const std::uint32_t avail_in = state.avail_in;
      isal_inflate_reset(&state);
      state.crc_flag = ISAL_GZIP;
      state.next_in = next_in;
      state.avail_in = avail_in;
    } else if (state.avail_in == 0 && written < room.size()) {
      return not_of_codec(codec, "cut off");
    }
  }
}

base::Result<Bytes> gzip_compress(ByteView in, std::optional<int> level) {
  const int wanted = level.value_or(level_default);
  if (wanted == level_default) return isal_compress(in, isal_level_max);
  if (wanted < Z_BEST_SPEED || wanted > Z_BEST_COMPRESSION) {
    return fail(Errc::invalid_argument, fmt::format("gzip: level {} is not -1 or 1..9", wanted));
  }
  return wanted <= isal_level_max ? isal_compress(in, wanted) : zlib_compress(in, wanted);
}

}  // namespace moldau::record::codecs
