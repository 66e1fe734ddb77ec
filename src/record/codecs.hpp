#pragma once
// The codecs one by one, behind compression.hpp.  Errors and bounds are as decompress() says.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/result.hpp"

namespace moldau::record::codecs {

using Bytes = std::vector<std::uint8_t>;

base::Result<Bytes> gzip_decompress(base::ByteView in, std::size_t bytes_max);
base::Result<Bytes> gzip_compress(base::ByteView in, std::optional<int> level);

base::Result<Bytes> snappy_decompress(base::ByteView in, std::size_t bytes_max);
base::Result<Bytes> snappy_compress(base::ByteView in);

base::Result<Bytes> lz4_decompress(base::ByteView in, std::size_t bytes_max);
base::Result<Bytes> lz4_compress(base::ByteView in, std::optional<int> level);

base::Result<Bytes> zstd_decompress(base::ByteView in, std::size_t bytes_max);
base::Result<Bytes> zstd_compress(base::ByteView in, std::optional<int> level);

/// Output of a streaming decompressor: grows as bytes come, to one byte more than is allowed, so that
/// output of exactly the allowed size and output that is too long can be told apart.
class GrowingOutput {
 public:
  GrowingOutput(std::size_t bytes_in, std::size_t bytes_max);
  /// Room for more, never empty while within_limit().
  base::MutableByteView room();
  void produced(std::size_t bytes) { used_ += bytes; }
  [[nodiscard]] std::size_t size() const { return used_; }
  [[nodiscard]] bool within_limit() const { return used_ <= bytes_max_; }
  [[nodiscard]] Bytes take() &&;

 private:
  Bytes bytes_;
  std::size_t used_ = 0;
  std::size_t bytes_max_;
};

base::Error over_limit(std::string_view codec, std::size_t bytes_max);
base::Error not_of_codec(std::string_view codec, std::string_view why);

}  // namespace moldau::record::codecs
