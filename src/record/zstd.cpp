// zstd: whole frames in one call, with the contexts of the thread.  The streaming decompressor would
// allocate the window that the input declares (up to 128 MiB for a dozen bytes); one call into a buffer
// of a guessed size, repeated with a larger one, allocates what the contents need.
#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>

#include "codecs.hpp"
#include "moldau/base/check.hpp"

namespace moldau::record::codecs {

using base::ByteView;
using base::Errc;
using base::fail;

namespace {

constexpr std::string_view codec = "zstd";
constexpr int level_default = 3;
constexpr std::size_t first_guess_min = 64 * 1024;
constexpr std::size_t first_guess_factor = 8;
constexpr std::size_t growth_factor = 4;

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

ZSTD_DCtx* decompressor_of_thread() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  MOLDAU_CHECK(context != nullptr, "memory for a zstd context");
  return context.get();
}

ZSTD_CCtx* compressor_of_thread() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  MOLDAU_CHECK(context != nullptr, "memory for a zstd context");
  return context.get();
}

}  // namespace

base::Result<Bytes> zstd_decompress(ByteView in, std::size_t bytes_max) {
  if (in.empty()) return not_of_codec(codec, "no bytes");
  // One byte more than allowed tells output that just fits from output that is too long.
  const std::size_t capacity_max = bytes_max + 1;
  std::size_t capacity =
      std::min(std::max(in.size() * first_guess_factor, first_guess_min), capacity_max);
  const auto declared = ZSTD_getFrameContentSize(in.data(), in.size());
  if (declared != ZSTD_CONTENTSIZE_ERROR && declared != ZSTD_CONTENTSIZE_UNKNOWN) {
    if (declared > bytes_max) return over_limit(codec, bytes_max);
    if (declared < capacity) capacity = static_cast<std::size_t>(declared) + 1;
  }
  while (true) {
    Bytes out(capacity);
    const std::size_t size =
        ZSTD_decompressDCtx(decompressor_of_thread(), out.data(), out.size(), in.data(), in.size());
    if (ZSTD_isError(size) == 0) {
      if (size > bytes_max) return over_limit(codec, bytes_max);
      out.resize(size);
      return out;
    }
    if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) {
      return not_of_codec(codec, ZSTD_getErrorName(size));
    }
    if (capacity == capacity_max) return over_limit(codec, bytes_max);
    capacity = std::min(capacity * growth_factor, capacity_max);
  }
}

base::Result<Bytes> zstd_compress(ByteView in, std::optional<int> level) {
  const int wanted = level.value_or(level_default);
  if (wanted < ZSTD_minCLevel() || wanted > ZSTD_maxCLevel()) {
    return fail(Errc::invalid_argument, fmt::format("zstd: level {} is not {}..{}", wanted,
                                                    ZSTD_minCLevel(), ZSTD_maxCLevel()));
  }
  Bytes out(ZSTD_compressBound(in.size()));
  const std::size_t size = ZSTD_compressCCtx(compressor_of_thread(), out.data(), out.size(),
                                             in.data(), in.size(), wanted);
  if (ZSTD_isError(size) != 0) {
    return fail(Errc::unknown, fmt::format("zstd: {}", ZSTD_getErrorName(size)));
  }
  out.resize(size);
  return out;
}

}  // namespace moldau::record::codecs
