#pragma once
// The five codecs as Kafka frames them: gzip (ISA-L reads, ISA-L or zlib writes), snappy in snappy-java's
// stream form and as one bare block (both are read; the stream form is written), lz4 frames, zstd frames.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/result.hpp"
#include "moldau/record/batch_format.hpp"

namespace moldau::record {

/// "none", "gzip", "snappy", "lz4", "zstd".
std::string_view name(Compression compression);
std::optional<Compression> compression_by_name(std::string_view name);

/// Decompresses all of `in`; stops with limit_exceeded before the output passes `bytes_max`, and with
/// corrupt_message on bytes that are not of that codec.  Memory grows with the output, not with what the
/// input declares.
base::Result<std::vector<std::uint8_t>> decompress(Compression compression, base::ByteView in,
                                                   std::size_t bytes_max);

/// Compresses `in`.  `level` as in Kafka's compression.*.level; nullopt = Kafka's default.
base::Result<std::vector<std::uint8_t>> compress(Compression compression, base::ByteView in,
                                                 std::optional<int> level = std::nullopt);

}  // namespace moldau::record
