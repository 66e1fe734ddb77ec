#include "moldau/record/compression.hpp"

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <string>

namespace moldau::record {
namespace {

using base::ByteView;
using base::Errc;
using Bytes = std::vector<std::uint8_t>;

constexpr Compression codecs[] = {Compression::gzip, Compression::snappy, Compression::lz4,
                                  Compression::zstd};

Bytes random_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 engine(seed);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(engine());
  return bytes;
}

Bytes words(std::size_t size, std::uint32_t seed) {
  std::mt19937 engine(seed);
  Bytes bytes;
  while (bytes.size() < size) {
    const std::string word = "word" + std::to_string(engine() % 1000) + ' ';
    bytes.insert(bytes.end(), word.begin(), word.end());
  }
  bytes.resize(size);
  return bytes;
}

class EveryCodec : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Compression, EveryCodec, testing::ValuesIn(codecs), [](const auto& info) {
  return std::string(name(info.param));
});

TEST_P(EveryCodec, RoundTripsSizesAroundTheBlocks) {
  for (const std::size_t size : {0u, 1u, 100u, 4095u, 4096u, 4097u, 32767u, 32768u, 32769u, 65536u,
                                 65537u, 1000000u}) {
    for (const Bytes& bytes : {random_bytes(size, 1), words(size, 2), Bytes(size, 0)}) {
      const Bytes packed = compress(GetParam(), bytes).value();
      EXPECT_EQ(decompress(GetParam(), packed, size).value(), bytes) << size;
    }
  }
}

TEST_P(EveryCodec, RoundTripsAtEveryLevelOfKafka) {
  const Bytes bytes = words(100'000, 3);
  std::vector<int> levels;
  if (GetParam() == Compression::gzip) levels = {-1, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  if (GetParam() == Compression::lz4) levels = {1, 2, 3, 4, 8, 9, 10, 12, 17};
  if (GetParam() == Compression::zstd) levels = {-131072, -1, 0, 1, 3, 19, 22};
  for (const int level : levels) {
    const Bytes packed = compress(GetParam(), bytes, level).value();
    EXPECT_EQ(decompress(GetParam(), packed, bytes.size()).value(), bytes) << level;
  }
}

TEST_P(EveryCodec, StopsAtTheBound) {
  for (const Bytes& bytes : {words(300'000, 4), Bytes(300'000, 7), random_bytes(300'000, 5)}) {
    const Bytes packed = compress(GetParam(), bytes).value();
    for (const std::size_t bound : {0u, 1u, 4096u, 65536u, 299'999u}) {
      const auto result = decompress(GetParam(), packed, bound);
      ASSERT_TRUE(result.has_error()) << bound;
      EXPECT_EQ(result.error().code, Errc::limit_exceeded) << bound;
    }
    EXPECT_TRUE(decompress(GetParam(), packed, 300'000).has_value());
  }
}

TEST_P(EveryCodec, StopsABombEarly) {
  const Bytes packed = compress(GetParam(), Bytes(64 << 20, 0)).value();
  const auto result = decompress(GetParam(), packed, 1 << 20);
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::limit_exceeded);
}

TEST_P(EveryCodec, RefusesEveryTruncation) {
  // In snappy's stream form a cut between blocks cannot be seen: one block here.
  const Bytes bytes = words(3000, 6);
  const Bytes packed = compress(GetParam(), bytes).value();
  const std::size_t begin = GetParam() == Compression::snappy ? 17 : 0;
  for (std::size_t size = begin; size < packed.size(); ++size) {
    const auto result = decompress(GetParam(), ByteView(packed).first(size), 1 << 20);
    ASSERT_TRUE(result.has_error()) << size;
    EXPECT_EQ(result.error().code, Errc::corrupt_message) << size;
  }
}

TEST_P(EveryCodec, SurvivesFlippedBits) {
  const Bytes bytes = words(5000, 7);
  Bytes packed = compress(GetParam(), bytes).value();
  for (std::size_t at = 0; at < packed.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      packed[at] = static_cast<std::uint8_t>(packed[at] ^ (1 << bit));
      const auto result = decompress(GetParam(), packed, 1 << 20);
      if (result.has_error()) {
        EXPECT_TRUE(result.error().code == Errc::corrupt_message ||
                    result.error().code == Errc::limit_exceeded);
      }
      packed[at] = static_cast<std::uint8_t>(packed[at] ^ (1 << bit));
    }
  }
}

TEST_P(EveryCodec, RefusesRandomBytes) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const auto result = decompress(GetParam(), random_bytes(1 + seed, seed), 1 << 20);
    if (GetParam() == Compression::snappy && result.has_value()) continue;  // tiny blocks may be
    ASSERT_TRUE(result.has_error()) << seed;
    EXPECT_TRUE(result.error().code == Errc::corrupt_message ||
                result.error().code == Errc::limit_exceeded);
  }
}

TEST_P(EveryCodec, WorksAgainAfterAnError) {
  const Bytes bytes = words(10'000, 8);
  const Bytes packed = compress(GetParam(), bytes).value();
  EXPECT_TRUE(decompress(GetParam(), ByteView(packed).first(packed.size() / 2), 1 << 20).has_error());
  EXPECT_EQ(decompress(GetParam(), packed, 1 << 20).value(), bytes);
}

TEST(Gzip, IsReadableByZlibAndReadsZlib) {
  const Bytes bytes = words(200'000, 9);
  for (const int level : {-1, 1, 6}) {
    const Bytes packed = compress(Compression::gzip, bytes, level).value();
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    Bytes out(bytes.size());
    stream.next_in = const_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    EXPECT_EQ(out, bytes);
  }
}

TEST(Gzip, JoinsMembers) {
  const Bytes first = words(1000, 10);
  const Bytes second = words(70'000, 11);
  Bytes packed = compress(Compression::gzip, first).value();
  const Bytes more = compress(Compression::gzip, second, 9).value();
  packed.insert(packed.end(), more.begin(), more.end());
  Bytes expected = first;
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(decompress(Compression::gzip, packed, expected.size()).value(), expected);
}

TEST(Gzip, RefusesAWrongChecksumOfTheContents) {
  Bytes packed = compress(Compression::gzip, words(1000, 12)).value();
  packed[packed.size() - 8] ^= 1;
  EXPECT_EQ(decompress(Compression::gzip, packed, 1 << 20).error().code, Errc::corrupt_message);
}

TEST(Snappy, ReadsOneBareBlock) {
  const Bytes bytes = words(100'000, 13);
  std::string block;
  snappy::Compress(reinterpret_cast<const char*>(bytes.data()), bytes.size(), &block);
  EXPECT_EQ(decompress(Compression::snappy, base::as_bytes(block), bytes.size()).value(), bytes);
}

TEST(Snappy, WritesTheHeaderOfSnappyJava) {
  const Bytes packed = compress(Compression::snappy, words(40'000, 14)).value();
  const Bytes header = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
  EXPECT_EQ(Bytes(packed.begin(), packed.begin() + 16), header);
}

TEST(Snappy, JoinsStreams) {
  const Bytes first = words(1000, 15);
  Bytes packed = compress(Compression::snappy, first).value();
  packed.insert(packed.end(), packed.begin(), packed.end());
  EXPECT_EQ(decompress(Compression::snappy, packed, 2000).value().size(), 2000u);
}

TEST(Snappy, RefusesADeclarationThatItsBytesCannotHold) {
  // 4 GiB - 1 declared by a block of a few bytes: refused before anything is allocated.
  const Bytes block = {0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00, 'a'};
  EXPECT_EQ(decompress(Compression::snappy, block, std::size_t{1} << 33).error().code,
            Errc::corrupt_message);
}

TEST(Snappy, AllowsTheLargestExpansion) {
  const Bytes bytes(1'000'000, 'x');
  std::string block;
  snappy::Compress(reinterpret_cast<const char*>(bytes.data()), bytes.size(), &block);
  EXPECT_EQ(decompress(Compression::snappy, base::as_bytes(block), bytes.size()).value(), bytes);
}

TEST(Lz4, WritesIndependentBlocks) {
  const Bytes packed = compress(Compression::lz4, words(200'000, 16)).value();
  ASSERT_GT(packed.size(), 6u);
  constexpr std::uint8_t version_1_and_independent = 0x60;
  EXPECT_EQ(packed[4] & 0xE0, version_1_and_independent);
  constexpr std::uint8_t block_64_kib = 0x40;
  EXPECT_EQ(packed[5], block_64_kib);
}

TEST(Lz4, ReadsLargeLinkedBlocksWithChecksums) {
  const Bytes bytes = words(9'000'000, 17);
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max4MB;
  preferences.frameInfo.blockMode = LZ4F_blockLinked;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
  Bytes packed(LZ4F_compressFrameBound(bytes.size(), &preferences));
  packed.resize(LZ4F_compressFrame(packed.data(), packed.size(), bytes.data(), bytes.size(),
                                   &preferences));
  EXPECT_EQ(decompress(Compression::lz4, packed, bytes.size()).value(), bytes);
  packed.back() ^= 1;
  EXPECT_EQ(decompress(Compression::lz4, packed, bytes.size()).error().code, Errc::corrupt_message);
}

Bytes zstd_stream(const Bytes& bytes, int level) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  Bytes packed(ZSTD_compressBound(bytes.size()) + 1024);
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  for (std::size_t at = 0; at < bytes.size();) {  // in pieces: the size is not known at the start
    const std::size_t size = std::min<std::size_t>(10'000, bytes.size() - at);
    ZSTD_inBuffer in{bytes.data() + at, size, 0};
    ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);
    at += size;
  }
  ZSTD_inBuffer none{nullptr, 0, 0};
  EXPECT_EQ(ZSTD_compressStream2(context, &out, &none, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  return packed;
}

TEST(Zstd, ReadsStreamsWithoutDeclaredSizes) {
  for (const std::size_t size : {100'000u, 1'000'000u, 5'000'000u}) {
    for (const Bytes& bytes : {words(size, 18), Bytes(size, 3), random_bytes(size, 19)}) {
      const Bytes packed = zstd_stream(bytes, 3);
      EXPECT_EQ(decompress(Compression::zstd, packed, size).value(), bytes) << size;
      EXPECT_EQ(decompress(Compression::zstd, packed, size - 1).error().code, Errc::limit_exceeded);
    }
  }
}

TEST(Zstd, JoinsFrames) {
  const Bytes first = words(50'000, 20);
  const Bytes second = Bytes(500'000, 1);
  Bytes packed = compress(Compression::zstd, first).value();
  const Bytes more = zstd_stream(second, 1);
  packed.insert(packed.end(), more.begin(), more.end());
  Bytes expected = first;
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(decompress(Compression::zstd, packed, expected.size()).value(), expected);
}

TEST(Compression, NamesAreKafkas) {
  for (std::uint8_t i = 0; i <= compression_last; ++i) {
    const auto codec = static_cast<Compression>(i);
    EXPECT_EQ(compression_by_name(name(codec)), codec);
  }
  EXPECT_EQ(name(Compression::zstd), "zstd");
  EXPECT_FALSE(compression_by_name("brotli"));
  EXPECT_FALSE(compression_by_name(""));
}

TEST(Compression, RefusesCodecsThatDoNotExist) {
  for (const int codec : {5, 6, 7}) {
    EXPECT_EQ(decompress(static_cast<Compression>(codec), {}, 10).error().code,
              Errc::unsupported_compression);
  }
}

}  // namespace
}  // namespace moldau::record
