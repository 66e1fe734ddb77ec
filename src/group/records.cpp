#include "moldau/group/records.hpp"

#include <type_traits>

#include "moldau/codec/codec_impl.hpp"

namespace moldau::group {
namespace {

using base::Errc;
using base::fail;
using base::Result;

// Values that codec takes in another shape than the one that is good to work with.

struct OffsetCommitValue {
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{4, codec::never};
  Offset offset{};
  LeaderEpoch leader_epoch = no_leader_epoch;
  std::string metadata;
  std::int64_t commit_timestamp = 0;
  std::int64_t expire_timestamp = -1;
  TopicId topic_id{};
  static constexpr void fields(auto& field, auto& m) {
    field("offset", m.offset, since(0));
    field("leader_epoch", m.leader_epoch, since(3));
    field("metadata", m.metadata, since(0));
    field("commit_timestamp", m.commit_timestamp, since(0));
    field("expire_timestamp", m.expire_timestamp, since(1).until(1));
    field("topic_id", m.topic_id, since(4).tagged(0));
  }
};

struct TargetAssignmentMemberValue {
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::vector<TopicPartitions> topic_partitions;
  static constexpr void fields(auto& field, auto& m) {
    field("topic_partitions", m.topic_partitions, since(0));
  }
};

struct OffsetTrailValue {
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::vector<OffsetTrailRecord::Entry> entries;
  static constexpr void fields(auto& field, auto& m) { field("entries", m.entries, since(0)); }
};

/// How a record looks in the log: its type, the shape of its value, and the version that Kafka
/// writes.
template <std::int16_t type_number, class ValueOnTheWire, std::int16_t version_number = 0>
struct LayoutOf {
  static constexpr std::int16_t type = type_number;
  using Wire = ValueOnTheWire;
  static std::int16_t version(const Wire&) { return version_number; }
  static const Wire& to_wire(const Wire& value) { return value; }
  static Wire from_wire(Wire value) { return value; }
};

template <class R>
struct Layout;
template <>
struct Layout<GroupMetadataRecord> : LayoutOf<2, GroupMetadataRecord::Value, 3> {};
template <>
struct Layout<ConsumerGroupMetadataRecord> : LayoutOf<3, ConsumerGroupMetadataRecord::Value> {};
template <>
struct Layout<ConsumerGroupMemberRecord> : LayoutOf<5, ConsumerGroupMemberRecord::Value> {};
template <>
struct Layout<TargetAssignmentMetadataRecord> : LayoutOf<6, TargetAssignmentMetadataRecord::Value> {
};
template <>
struct Layout<CurrentMemberAssignmentRecord> : LayoutOf<8, CurrentMemberAssignmentRecord::Value> {};
template <>
struct Layout<RegularExpressionRecord> : LayoutOf<16, RegularExpressionRecord::Value> {};

template <>
struct Layout<ConsumerGroupPartitionMetadataRecord> {
  static constexpr std::int16_t type = 4;
};

template <>
struct Layout<TargetAssignmentMemberRecord> {
  static constexpr std::int16_t type = 7;
  using Wire = TargetAssignmentMemberValue;
  static std::int16_t version(const Wire&) { return 0; }
  static Wire to_wire(const std::vector<TopicPartitions>& value) { return {value}; }
  static std::vector<TopicPartitions> from_wire(Wire value) {
    return std::move(value.topic_partitions);
  }
};

template <>
struct Layout<OffsetTrailRecord> {
  static constexpr std::int16_t type = 19789;
  using Wire = OffsetTrailValue;
  static std::int16_t version(const Wire&) { return 0; }
  static Wire to_wire(const std::vector<OffsetTrailRecord::Entry>& value) { return {value}; }
  static std::vector<OffsetTrailRecord::Entry> from_wire(Wire value) {
    return std::move(value.entries);
  }
};

template <>
struct Layout<OffsetCommitRecord> {
  static constexpr std::int16_t legacy_type = 0;
  static constexpr std::int16_t type = 1;
  using Wire = OffsetCommitValue;
  /// Version 1 alone can say when the offset expires.
  static std::int16_t version(const Wire& value) { return value.expire_timestamp >= 0 ? 1 : 4; }
  static Wire to_wire(const OffsetCommitRecord::Value& value) {
    return {.offset = value.offset,
            .leader_epoch = value.leader_epoch,
            .metadata = value.metadata,
            .commit_timestamp = value.commit_timestamp_ms,
            .expire_timestamp = value.expire_timestamp_ms.value_or(-1),
            .topic_id = value.topic_id};
  }
  static OffsetCommitRecord::Value from_wire(Wire value) {
    OffsetCommitRecord::Value result{.offset = value.offset,
                                     .leader_epoch = value.leader_epoch,
                                     .metadata = std::move(value.metadata),
                                     .commit_timestamp_ms = value.commit_timestamp,
                                     .expire_timestamp_ms = std::nullopt,
                                     .topic_id = value.topic_id};
    if (value.expire_timestamp >= 0) result.expire_timestamp_ms = value.expire_timestamp;
    return result;
  }
};

/// What names the thing, in the order of the key.
template <class R>
void key_fields(const auto& field, R& record) {
  field(record.group_id);
  if constexpr (requires { record.topic; }) {
    field(record.topic);
    field(record.partition);
  }
  if constexpr (requires { record.member_id; }) field(record.member_id);
  if constexpr (requires { record.regex; }) field(record.regex);
}

/// Keys are never flexible: they have to stay equal, byte for byte, for compaction to work.
struct KeyWriter {
  codec::Writer& writer;
  void operator()(const std::string& text) const {
    writer.string_length(text.size(), false);
    writer.raw(base::as_bytes(text));
  }
  void operator()(PartitionIndex partition) const { writer.fixed(partition.value()); }
};

struct KeyReader {
  codec::Reader& reader;
  void operator()(std::string& text) const {
    if (const auto length = reader.string_length(false)) {
      text = base::as_text(reader.view(*length));
    } else if (reader.ok()) {
      reader.fail(Errc::malformed, "null where none is allowed");
    }
  }
  void operator()(PartitionIndex& partition) const {
    partition = PartitionIndex{reader.fixed<std::int32_t>()};
  }
};

Bytes bytes_of(const codec::Writer& writer) {
  const base::ByteView bytes = writer.view();
  return {bytes.begin(), bytes.end()};
}

template <class R>
EncodedRecord encode_record(const R& record) {
  codec::Writer key;
  key.fixed(Layout<R>::type);
  key_fields(KeyWriter{key}, record);
  EncodedRecord encoded{.key = bytes_of(key), .value = std::nullopt};
  if constexpr (requires { record.value; }) {
    if (!record.value) return encoded;
    using Wire = typename Layout<R>::Wire;
    const Wire& wire = Layout<R>::to_wire(*record.value);
    const std::int16_t version = Layout<R>::version(wire);
    codec::Writer value;
    value.fixed(version);
    codec::Codec<Wire>::encode(value, wire, version);
    encoded.value = bytes_of(value);
  }
  return encoded;
}

/// Whether everything was read, and no more than there is.
base::Status finished(const codec::Reader& reader, std::int16_t type, const char* part) {
  if (reader.ok() && reader.remaining() == 0) return {};
  return fail(Errc::corrupt_message, "record of type " + std::to_string(type) + ", " + part + ": " +
                                         (reader.ok() ? "bytes after it" : reader.error().message));
}

Result<std::int16_t> version_of(codec::Reader& reader, std::int16_t type,
                                codec::VersionRange known) {
  const auto version = reader.fixed<std::int16_t>();
  if (!reader.ok()) return finished(reader, type, "value").error();
  if (known.contains(version)) return version;
  return fail(Errc::unsupported, "record of type " + std::to_string(type) + ", value of version " +
                                     std::to_string(version));
}

template <class R>
base::Status decode_value(R& record, base::ByteView bytes, std::int16_t type) {
  codec::Reader reader(base::SharedBytes::copy_of(bytes));
  if constexpr (requires { record.value; }) {
    using Wire = typename Layout<R>::Wire;
    MOLDAU_ASSIGN(const auto version, version_of(reader, type, Wire::versions));
    auto wire = codec::Codec<Wire>::decode(reader, version);
    MOLDAU_TRY(finished(reader, type, "value"));
    record.value = Layout<R>::from_wire(std::move(wire).value());
  } else {
    MOLDAU_TRY(version_of(reader, type, {0, 0}));
    record.is_tombstone = false;
  }
  return {};
}

template <class R>
Result<Record> decode_as(codec::Reader& key, std::int16_t type,
                         std::optional<base::ByteView> value) {
  R record;
  key_fields(KeyReader{key}, record);
  MOLDAU_TRY(finished(key, type, "key"));
  if (value) MOLDAU_TRY(decode_value(record, *value, type));
  return Record(std::move(record));
}

}  // namespace

EncodedRecord encode(const Record& record) {
  return std::visit([](const auto& r) { return encode_record(r); }, record);
}

Result<Record> decode(base::ByteView key, std::optional<base::ByteView> value) {
  codec::Reader reader(base::SharedBytes::copy_of(key));
  const auto type = reader.fixed<std::int16_t>();
  if (!reader.ok()) return finished(reader, type, "key").error();
  switch (type) {
    case Layout<OffsetCommitRecord>::legacy_type:
    case Layout<OffsetCommitRecord>::type:
      return decode_as<OffsetCommitRecord>(reader, type, value);
    case Layout<GroupMetadataRecord>::type:
      return decode_as<GroupMetadataRecord>(reader, type, value);
    case Layout<ConsumerGroupMetadataRecord>::type:
      return decode_as<ConsumerGroupMetadataRecord>(reader, type, value);
    case Layout<ConsumerGroupPartitionMetadataRecord>::type:
      return decode_as<ConsumerGroupPartitionMetadataRecord>(reader, type, value);
    case Layout<ConsumerGroupMemberRecord>::type:
      return decode_as<ConsumerGroupMemberRecord>(reader, type, value);
    case Layout<TargetAssignmentMetadataRecord>::type:
      return decode_as<TargetAssignmentMetadataRecord>(reader, type, value);
    case Layout<TargetAssignmentMemberRecord>::type:
      return decode_as<TargetAssignmentMemberRecord>(reader, type, value);
    case Layout<CurrentMemberAssignmentRecord>::type:
      return decode_as<CurrentMemberAssignmentRecord>(reader, type, value);
    case Layout<RegularExpressionRecord>::type:
      return decode_as<RegularExpressionRecord>(reader, type, value);
    case Layout<OffsetTrailRecord>::type:
      return decode_as<OffsetTrailRecord>(reader, type, value);
    default:
      return fail(Errc::unsupported, "record of type " + std::to_string(type));
  }
}

std::string_view group_of(const Record& record) {
  return std::visit([](const auto& r) { return std::string_view(r.group_id); }, record);
}

}  // namespace moldau::group
