#include "moldau/record/compression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codecs.hpp"
#include "moldau/base/check.hpp"

namespace moldau::record {

using base::ByteView;
using base::Errc;
using base::fail;
using codecs::Bytes;

namespace {

constexpr std::array<std::string_view, compression_last + 1> names = {"none", "gzip", "snappy",
                                                                      "lz4", "zstd"};

base::Error unknown_codec(Compression compression) {
  return fail(Errc::unsupported_compression,
              fmt::format("compression codec {} does not exist", static_cast<int>(compression)));
}

}  // namespace

std::string_view name(Compression compression) {
  const auto index = static_cast<std::size_t>(compression);
  return index < names.size() ? names[index] : "unknown";
}

std::optional<Compression> compression_by_name(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Compression>(found - names.begin());
}

base::Result<Bytes> decompress(Compression compression, ByteView in, std::size_t bytes_max) {
  switch (compression) {
    case Compression::none:
      if (in.size() > bytes_max) return codecs::over_limit("none", bytes_max);
      return Bytes(in.begin(), in.end());
    case Compression::gzip:
      return codecs::gzip_decompress(in, bytes_max);
    case Compression::snappy:
      return codecs::snappy_decompress(in, bytes_max);
    case Compression::lz4:
      return codecs::lz4_decompress(in, bytes_max);
    case Compression::zstd:
      return codecs::zstd_decompress(in, bytes_max);
  }
  return unknown_codec(compression);
}

base::Result<Bytes> compress(Compression compression, ByteView in, std::optional<int> level) {
  switch (compression) {
    case Compression::none:
      return Bytes(in.begin(), in.end());
    case Compression::gzip:
      return codecs::gzip_compress(in, level);
    case Compression::snappy:
      return codecs::snappy_compress(in);
    case Compression::lz4:
      return codecs::lz4_compress(in, level);
    case Compression::zstd:
      return codecs::zstd_compress(in, level);
  }
  return unknown_codec(compression);
}

namespace codecs {

GrowingOutput::GrowingOutput(std::size_t bytes_in, std::size_t bytes_max) : bytes_max_(bytes_max) {
  constexpr std::size_t expansion_guess = 4;
  constexpr std::size_t bytes_min = 4096;
  bytes_.resize(std::min(std::max(bytes_in * expansion_guess, bytes_min), bytes_max_ + 1));
}

base::MutableByteView GrowingOutput::room() {
  MOLDAU_CHECK(within_limit(), "the caller stops at the limit");
  if (used_ == bytes_.size()) bytes_.resize(std::min(bytes_.size() * 2, bytes_max_ + 1));
  return base::MutableByteView(bytes_).subspan(used_);
}

Bytes GrowingOutput::take() && {
  bytes_.resize(used_);
  return std::move(bytes_);
}

base::Error over_limit(std::string_view codec, std::size_t bytes_max) {
  return fail(Errc::limit_exceeded,
              fmt::format("{}: decompresses to more than {} bytes", codec, bytes_max));
}

base::Error not_of_codec(std::string_view codec, std::string_view why) {
  return fail(Errc::corrupt_message, fmt::format("{}: {}", codec, why));
}

}  // namespace codecs

}  // namespace moldau::record
