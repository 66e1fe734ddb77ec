// Decoding takes at most 8 x frame + 16 KiB, whatever the counts say (reliability.md F2).

#include <gtest/gtest.h>

#include <algorithm>

#include "moldau/base/limits.hpp"
#include "moldau/base/random.hpp"
#include "moldau/codec/writer.hpp"
#include "tests/protocol/allocation_counter.hpp"
#include "tests/protocol/decode_probe.hpp"

namespace moldau::test {
namespace {

using base::SharedBytes;

const MessageEntry& message(std::string_view stem, codec::Version& version) {
  const auto* entry = find_message(stem, version);
  EXPECT_NE(entry, nullptr) << stem;
  return *entry;
}

base::Status decode(std::string_view stem, const SharedBytes& bytes) {
  codec::Version version = 0;
  const auto& entry = message(stem, version);
  EXPECT_EQ(probe(entry, version, bytes), "");
  codec::Reader reader(bytes);
  return entry.decode(reader, version);
}

SharedBytes written(const auto& write) {
  codec::Writer writer;
  write(writer);
  return std::move(writer).finish().flatten();
}

TEST(DecodeMemory, CountsAllocations) {
  const auto before = allocated_bytes();
  const std::vector<char> some(1000);
  EXPECT_GE(allocated_bytes() - before, 1000U);
}

TEST(DecodeMemory, IsBoundForRandomlyChangedMessages) {
  base::SeededRandom random(3);
  for (const auto& entry : all_messages()) {
    for (codec::Version v = entry.versions.first; v <= entry.versions.last; ++v) {
      for (int i = 0; i < 40; ++i) {
        auto bytes = entry.random_bytes(random, v);
        if (bytes.empty()) break;
        for (std::uint64_t n = 1 + random.next() % 4; n > 0; --n)
          bytes.mutable_view()[random.next() % bytes.size()] =
              static_cast<std::uint8_t>(random.next() % 3 == 0 ? 0xFF : random.next());
        ASSERT_EQ(probe(entry, v, bytes), "");
      }
    }
  }
}

TEST(DecodeMemory, IsBoundForAnyRunOfOneByte) {
  for (const auto& entry : all_messages()) {
    for (codec::Version v = entry.versions.first; v <= entry.versions.last; ++v) {
      for (const int value : {0, 1, 2, 3, 4, 16, 0x7F, 0xFF}) {
        auto bytes = SharedBytes::allocate(20'000);
        std::ranges::fill(bytes.mutable_view(), static_cast<std::uint8_t>(value));
        ASSERT_EQ(probe(entry, v, bytes), "") << "of " << value;
      }
    }
  }
}

TEST(DecodeMemory, CountsOverWhatRemainsAreRefused) {
  const auto bytes = written([](codec::Writer& w) { w.fixed<std::int32_t>(2'000'000'000); });
  const auto status = decode("metadata_v4_request", bytes);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "topics: elements 2000000000, 0 bytes left");
}

TEST(DecodeMemory, ArraysOfSmallElementsAreRefusedAtTheBound) {
  // 900,000 empty topic names: each is one byte here and a string of 32 bytes there.
  const auto bytes = written([](codec::Writer& w) {
    w.unsigned_varint(900'001);
    for (int i = 0; i < 900'000; ++i) w.unsigned_varint(1);
    w.fixed<std::int32_t>(0);
    w.unsigned_varint(0);
  });
  const auto status = decode("delete_topics_v5_request", bytes);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Errc::limit_exceeded);
}

TEST(DecodeMemory, AMillionAndOneElementsAreRefused) {
  const auto bytes = written([](codec::Writer& w) {
    w.unsigned_varint(limits::array_elements_max + 2);
    for (std::size_t i = 0; i <= limits::array_elements_max; ++i) w.fixed<std::int32_t>(0);
  });
  const auto status = decode("delete_topics_v5_request", bytes);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Errc::limit_exceeded);
}

TEST(DecodeMemory, AMillionTaggedFieldsAreRefused) {
  const auto bytes = written([](codec::Writer& w) {
    w.unsigned_varint(1);  // client_software_name: ""
    w.unsigned_varint(1);
    w.unsigned_varint(1'000'000);
    for (std::uint64_t tag = 0; tag < 1'000'000; ++tag) {
      w.unsigned_varint(tag);
      w.unsigned_varint(0);
    }
  });
  const auto status = decode("api_versions_v3_request", bytes);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Errc::limit_exceeded);
}

TEST(DecodeMemory, TenThousandTaggedFieldsAreSkipped) {
  const auto bytes = written([](codec::Writer& w) {
    w.unsigned_varint(1);
    w.unsigned_varint(1);
    w.unsigned_varint(limits::tagged_fields_max);
    for (std::uint64_t tag = 0; tag < limits::tagged_fields_max; ++tag) {
      w.unsigned_varint(tag + 100);
      w.unsigned_varint(0);
    }
  });
  EXPECT_TRUE(decode("api_versions_v3_request", bytes));
}

TEST(DecodeMemory, NestedArraysAreRefusedAtTheBound) {
  // Topics with an empty name and as many partitions as fit, each as small as it can be.
  const auto bytes = written([](codec::Writer& w) {
    w.unsigned_varint(0);        // transactional_id
    w.fixed<std::int16_t>(-1);   // acks
    w.fixed<std::int32_t>(100);  // timeout_ms
    w.unsigned_varint(10'001);
    for (int topic = 0; topic < 10'000; ++topic) {
      w.unsigned_varint(1);
      w.unsigned_varint(21);
      for (int partition = 0; partition < 20; ++partition) {
        w.fixed<std::int32_t>(partition);
        w.unsigned_varint(1);  // records: empty
        w.unsigned_varint(0);
      }
      w.unsigned_varint(0);
    }
    w.unsigned_varint(0);
  });
  const auto status = decode("produce_v9_request", bytes);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Errc::limit_exceeded);
}

TEST(DecodeMemory, RealProduceRequestsFit) {
  // 2,000 partitions with a smallest real batch each.
  const auto bytes = written([](codec::Writer& w) {
    w.unsigned_varint(0);
    w.fixed<std::int16_t>(-1);
    w.fixed<std::int32_t>(100);
    w.unsigned_varint(2'001);
    const std::vector<std::uint8_t> batch(68);
    for (int topic = 0; topic < 2'000; ++topic) {
      w.unsigned_varint(2);
      w.raw(base::as_bytes("t"));
      w.unsigned_varint(2);
      w.fixed<std::int32_t>(0);
      w.unsigned_varint(batch.size() + 1);
      w.raw(batch);
      w.unsigned_varint(0);
      w.unsigned_varint(0);
    }
    w.unsigned_varint(0);
  });
  const auto status = decode("produce_v9_request", bytes);
  EXPECT_TRUE(status) << to_string(status.error());
}

}  // namespace
}  // namespace moldau::test
