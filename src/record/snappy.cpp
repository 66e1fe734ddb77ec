// Snappy has no stream format of its own.  Java's clients write snappy-java's (a header, then blocks with
// their lengths), native ones mostly one bare block; every reader must take both.
#include <fmt/format.h>
#include <snappy.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "codecs.hpp"

namespace moldau::record::codecs {

using base::ByteView;
using base::load_be;
using base::store_be;

namespace {

constexpr std::string_view codec = "snappy";
constexpr std::array<std::uint8_t, 8> stream_magic = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::int32_t stream_version = 1;
constexpr std::size_t stream_header_bytes = stream_magic.size() + 4 + 4;  // magic, version, minimum
constexpr std::size_t block_bytes = 32 * 1024;                            // as snappy-java
/// A copy element makes at most 64 bytes of 3; larger declarations are lies.
constexpr std::size_t expansion_max = 22;

bool starts_stream(ByteView in) {
  return in.size() >= stream_header_bytes &&
         std::equal(stream_magic.begin(), stream_magic.end(), in.begin());
}

const char* chars(ByteView bytes) { return reinterpret_cast<const char*>(bytes.data()); }

/// Appends the contents of one block to `out`.
base::Status append_block(ByteView block, std::size_t bytes_max, Bytes& out) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(chars(block), block.size(), &size)) {
    return not_of_codec(codec, "a block without its length");
  }
  if (size / expansion_max > block.size()) {
    return not_of_codec(codec, fmt::format("a block of {} bytes declares {}", block.size(), size));
  }
  if (size > bytes_max - out.size()) return over_limit(codec, bytes_max);
  const std::size_t begin = out.size();
  out.resize(begin + size);
  if (!snappy::RawUncompress(chars(block), block.size(),
                             reinterpret_cast<char*>(out.data() + begin))) {
    return not_of_codec(codec, "a damaged block");
  }
  return {};
}

}  // namespace

base::Result<Bytes> snappy_decompress(ByteView in, std::size_t bytes_max) {
  Bytes out;
  if (!starts_stream(in)) {
    MOLDAU_TRY(append_block(in, bytes_max, out));
    return out;
  }
  out.reserve(std::min(in.size() * 2, bytes_max));
  ByteView rest = in;
  while (!rest.empty()) {
    if (starts_stream(rest)) {  // streams may follow one another
      rest = rest.subspan(stream_header_bytes);
      continue;
    }
    if (rest.size() < 4) return not_of_codec(codec, "cut off in a block's length");
    const auto size = load_be<std::int32_t>(rest.data());
    rest = rest.subspan(4);
    if (size < 0 || static_cast<std::size_t>(size) > rest.size()) {
      return not_of_codec(codec, fmt::format("a block of {} bytes, {} are left", size, rest.size()));
    }
    MOLDAU_TRY(append_block(rest.first(static_cast<std::size_t>(size)), bytes_max, out));
    rest = rest.subspan(static_cast<std::size_t>(size));
  }
  return out;
}

base::Result<Bytes> snappy_compress(ByteView in) {
  const std::size_t blocks = in.size() / block_bytes + 1;
  Bytes out(stream_header_bytes + blocks * (4 + snappy::MaxCompressedLength(block_bytes)));
  std::copy(stream_magic.begin(), stream_magic.end(), out.begin());
  store_be(out.data() + stream_magic.size(), stream_version);
  store_be(out.data() + stream_magic.size() + 4, stream_version);
  std::size_t used = stream_header_bytes;
  for (std::size_t at = 0; at < in.size(); at += block_bytes) {
    const ByteView block = in.subspan(at, std::min(block_bytes, in.size() - at));
    std::size_t size = 0;
    snappy::RawCompress(chars(block), block.size(), reinterpret_cast<char*>(out.data() + used + 4),
                        &size);
    store_be(out.data() + used, static_cast<std::int32_t>(size));
    used += 4 + size;
  }
  out.resize(used);
  return out;
}

}  // namespace moldau::record::codecs
