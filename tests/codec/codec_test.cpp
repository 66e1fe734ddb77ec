#include "moldau/codec/codec.hpp"

#include <gtest/gtest.h>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec_impl.hpp"

// Not an unnamed namespace: members are counted by a conversion to types that need linkage.
namespace moldau::codec::codec_test {

using base::SharedBytes;

enum class Colour : std::int8_t { red = 1, blue = 2 };

struct Sample {
  static constexpr VersionRange versions{0, 3}, flexible{2, 3};

  struct Item {
    std::string name;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };
  struct Leader {
    BrokerId id{-1};

    static constexpr void fields(auto& field, auto& m) { field("id", m.id, since(2)); }
  };

  bool flag = false;
  Colour colour = Colour::red;
  std::uint16_t port = 0;
  double ratio = 0;
  std::optional<std::string> note;
  std::vector<std::uint8_t> token;
  std::optional<std::vector<Item>> items;
  std::optional<Leader> cursor;
  std::optional<base::Payload> records;
  std::int32_t since_one = 7;
  Leader leader;
  std::vector<std::string> labels;
  std::int64_t epoch = -1;

  static constexpr void fields(auto& field, auto& m) {
    field("flag", m.flag, since(0));
    field("colour", m.colour, since(0));
    field("port", m.port, since(0));
    field("ratio", m.ratio, since(0));
    field("note", m.note, since(0).nullable(1));
    field("token", m.token, since(0));
    field("items", m.items, since(0).nullable(0));
    field("cursor", m.cursor, since(0).nullable(0));
    field("records", m.records, since(0).nullable(0));
    field("since_one", m.since_one, since(1).until(2));
    field("leader", m.leader, since(2).tagged(5));
    field("labels", m.labels, since(2).tagged(1));
    field("epoch", m.epoch, since(3).tagged(0));
  }
};

/// Tagged structs that may be null.
struct Extras {
  static constexpr VersionRange versions{2, 2}, flexible{2, 2};

  std::optional<Sample::Leader> leader;
  std::optional<Sample::Leader> always;

  static constexpr void fields(auto& field, auto& m) {
    field("leader", m.leader, since(2).nullable(2).tagged(0));
    field("always", m.always, since(2).nullable(2).tagged(1).always_written());
  }
};

struct Forgetful {
  std::int32_t kept = 0;
  std::string forgotten;

  static constexpr void fields(auto& field, auto& m) { field("kept", m.kept, since(0)); }
};

static_assert(CompleteFieldList<Sample> && CompleteFieldList<Sample::Item>);
static_assert(FieldList<Forgetful> && !CompleteFieldList<Forgetful>);

std::string encoded(const Sample& sample, Version version) {
  Writer writer;
  Codec<Sample>::encode(writer, sample, version);
  const auto bytes = std::move(writer).finish().flatten();
  return std::string(base::as_text(bytes.view()));
}

base::Result<Sample> decoded(std::string_view bytes, Version version) {
  Reader reader(SharedBytes::copy_of(base::as_bytes(bytes)));
  return Codec<Sample>::decode(reader, version);
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

// flag, colour, port, ratio, note (null), token, items (null), cursor (null), records (null)
const std::string plain_prefix = bytes({0, 1, 0, 0}) + std::string(8, '\0');
const std::string plain_nulls =
    bytes({255, 255, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255});
const std::string compact_nulls = bytes({0, 1, 0, 255, 0});

TEST(Codec, WritesPlainVersions) {
  EXPECT_EQ(encoded({}, 1), plain_prefix + plain_nulls + bytes({0, 0, 0, 7}));
}

TEST(Codec, WritesCompactVersionsWithoutTagsAtTheirDefaults) {
  EXPECT_EQ(encoded({}, 2), plain_prefix + compact_nulls + bytes({0, 0, 0, 7, 0}));
  EXPECT_EQ(encoded({}, 3), plain_prefix + compact_nulls + bytes({0}));
}

TEST(Codec, WritesTagsInTheirOrder) {
  Sample sample;
  sample.leader.id = BrokerId{3};
  sample.labels = {"x"};
  sample.epoch = 1;
  EXPECT_EQ(encoded(sample, 3),
            plain_prefix + compact_nulls +
                bytes({3, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3, 2, 2, 'x', 5, 5, 0, 0, 0, 3, 0}));
  EXPECT_EQ(encoded(sample, 1), encoded({}, 1)) << "a version without them";
}

TEST(Codec, WritesTheEmptyValueWhereAVersionHasNoNull) {
  EXPECT_EQ(encoded({}, 0).substr(plain_prefix.size(), 2), bytes({0, 0}));
}

TEST(Codec, CutsStringsAtWhatReadersTake) {
  Sample sample;
  sample.note = std::string(40'000, 'x');
  for (const Version v : {Version{0}, Version{3}}) {
    const auto again = decoded(encoded(sample, v), v);
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(again->note->size(), string_bytes_max);
  }
}

TEST(Codec, ReadsEveryType) {
  Sample sample;
  sample.flag = true;
  sample.colour = Colour::blue;
  sample.port = 65'535;
  sample.ratio = 0.5;
  sample.note = "a note";
  sample.token = {1, 2};
  sample.items = {{"topic", {PartitionIndex{4}}}};
  sample.cursor = Sample::Leader{BrokerId{9}};
  sample.records.emplace().append(SharedBytes::copy_of(base::as_bytes("batch")));
  sample.leader.id = BrokerId{2};
  for (const Version v : {Version{0}, Version{1}, Version{2}, Version{3}}) {
    const auto again = decoded(encoded(sample, v), v);
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_TRUE(again->flag);
    EXPECT_EQ(again->colour, Colour::blue);
    EXPECT_EQ(again->port, 65'535);
    EXPECT_EQ(again->ratio, 0.5);
    EXPECT_EQ(again->note, "a note");
    EXPECT_EQ(again->token, (std::vector<std::uint8_t>{1, 2}));
    ASSERT_EQ(again->items->size(), 1U);
    EXPECT_EQ(again->items->at(0).name, "topic");
    EXPECT_EQ(again->items->at(0).partitions.at(0), PartitionIndex{4});
    EXPECT_EQ(base::as_text(again->records->flatten().view()), "batch");
    EXPECT_EQ(again->leader.id, v < 2 ? BrokerId{-1} : BrokerId{2});
    EXPECT_EQ(again->since_one, 7) << "the default where it is absent";
  }
}

TEST(Codec, ReadsRecordsWithoutCopyingThem) {
  Sample sample;
  sample.records.emplace().append(SharedBytes::copy_of(base::as_bytes("batch")));
  const auto frame = SharedBytes::copy_of(base::as_bytes(encoded(sample, 3)));
  Reader reader(frame);
  const auto again = Codec<Sample>::decode(reader, 3);
  ASSERT_TRUE(again);
  const auto& piece = std::get<SharedBytes>(again->records->pieces().at(0));
  EXPECT_EQ(piece.slab(), frame.slab());
}

TEST(Codec, NamesTheFieldThatIsWrong) {
  // One item, whose partitions are -2.
  const auto wrong = plain_prefix + bytes({0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 't'}) +
                     bytes({255, 255, 255, 254});
  const auto result = decoded(wrong, 0);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "items[0].partitions: elements -2");
}

TEST(Codec, RefusesNullWhereThereIsNone) {
  const auto result = decoded(plain_prefix + bytes({255, 255}), 0);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "note: null where none is allowed");
  EXPECT_EQ(result.error().code, base::Errc::malformed);
}

TEST(Codec, TakesTagsInAnyOrderAndSkipsUnknownOnes) {
  const auto result = decoded(
      plain_prefix + compact_nulls +
          bytes({3, 5, 5, 0, 0, 0, 3, 0, 99, 1, 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1}),
      3);
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(result->leader.id, BrokerId{3});
  EXPECT_EQ(result->epoch, 1);
}

TEST(Codec, RefusesATagWhoseSizeIsNotItsFields) {
  const auto head = plain_prefix + compact_nulls;
  const auto longer = decoded(head + bytes({1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0}), 3);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().message, "bytes after a tagged field");
  const auto shorter = decoded(head + bytes({1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1}), 3);
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().message, "epoch: cut off: 8 bytes wanted, 7 left");
  const auto absent = decoded(head + bytes({1, 0, 90}), 3);
  ASSERT_FALSE(absent);
}

std::string encoded(const Extras& extras) {
  Writer writer;
  Codec<Extras>::encode(writer, extras, 2);
  return std::string(base::as_text(writer.view()));
}

TEST(Codec, PutsAVarintInFrontOfATaggedStructThatMayBeNull) {
  EXPECT_EQ(encoded(Extras{}), bytes({1, 1, 1, 0}));
  const Extras extras{.leader = Sample::Leader{}, .always = std::nullopt};
  const auto text = encoded(extras);
  EXPECT_EQ(text, bytes({2, 0, 6, 1}) + bytes({255, 255, 255, 255, 0}) + bytes({1, 1, 0}));
  Reader reader(SharedBytes::copy_of(base::as_bytes(text)));
  const auto again = Codec<Extras>::decode(reader, 2);
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_TRUE(again->leader);
  EXPECT_FALSE(again->always);
}

TEST(Codec, LeavesWhatFollowsInTheReader) {
  Reader reader(SharedBytes::copy_of(base::as_bytes(encoded({}, 3) + "next")));
  ASSERT_TRUE(Codec<Sample>::decode(reader, 3));
  EXPECT_EQ(reader.remaining(), 4U);
}

}  // namespace moldau::codec::codec_test
