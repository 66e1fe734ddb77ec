// lz4: frames of independent 64 KiB blocks, as Kafka's Java reader demands.
#include <fmt/format.h>
#include <lz4frame.h>

#include <algorithm>
#include <memory>

#include "codecs.hpp"
#include "moldau/base/check.hpp"

namespace moldau::record::codecs {

using base::ByteView;
using base::Errc;
using base::fail;

namespace {

constexpr std::string_view codec = "lz4";
/// Kafka's compression.lz4.level is 1..17; its default 9 stands for the fast compressor, every other
/// level for the high-compression one.
constexpr int kafka_level_min = 1;
constexpr int kafka_level_max = 17;
constexpr int kafka_level_default = 9;
constexpr int library_level_fast = 0;
constexpr int library_level_high_min = 3;
constexpr int library_level_high_max = 12;

struct FreeContext {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

LZ4F_dctx* decompressor_of_thread() {
  thread_local const std::unique_ptr<LZ4F_dctx, FreeContext> context = [] {
    LZ4F_dctx* made = nullptr;
    const auto error = LZ4F_createDecompressionContext(&made, LZ4F_VERSION);
    MOLDAU_CHECK(LZ4F_isError(error) == 0, "memory for an lz4 context");
    return std::unique_ptr<LZ4F_dctx, FreeContext>(made);
  }();
  LZ4F_resetDecompressionContext(context.get());
  return context.get();
}

}  // namespace

base::Result<Bytes> lz4_decompress(ByteView in, std::size_t bytes_max) {
  LZ4F_dctx* const context = decompressor_of_thread();
  GrowingOutput out(in.size(), bytes_max);
  ByteView rest = in;
  std::size_t expected = 1;  // 0 from the library: a frame is complete
  while (!rest.empty() || expected != 0) {
    const base::MutableByteView room = out.room();
    std::size_t written = room.size();
    std::size_t read = rest.size();
    expected = LZ4F_decompress(context, room.data(), &written, rest.data(), &read, nullptr);
    if (LZ4F_isError(expected) != 0) return not_of_codec(codec, LZ4F_getErrorName(expected));
    out.produced(written);
    if (!out.within_limit()) return over_limit(codec, bytes_max);
    rest = rest.subspan(read);
    const bool stuck = read == 0 && written == 0;
    if (stuck || (expected != 0 && rest.empty() && written < room.size())) {
      return not_of_codec(codec, "cut off");
    }
  }
  return std::move(out).take();
}

base::Result<Bytes> lz4_compress(ByteView in, std::optional<int> level) {
  const int wanted = level.value_or(kafka_level_default);
  if (wanted < kafka_level_min || wanted > kafka_level_max) {
    return fail(Errc::invalid_argument, fmt::format("lz4: level {} is not 1..17", wanted));
  }
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.compressionLevel =
      wanted == kafka_level_default
          ? library_level_fast
          : std::clamp(wanted, library_level_high_min, library_level_high_max);
  Bytes out(LZ4F_compressFrameBound(in.size(), &preferences));
  const std::size_t size =
      LZ4F_compressFrame(out.data(), out.size(), in.data(), in.size(), &preferences);
  if (LZ4F_isError(size) != 0) {
    return fail(Errc::unknown, fmt::format("lz4: {}", LZ4F_getErrorName(size)));
  }
  out.resize(size);
  return out;
}

}  // namespace moldau::record::codecs
