#include "moldau/metadata/records.hpp"

#include <array>
#include <type_traits>

#include "moldau/codec/codec_impl.hpp"

namespace moldau::metadata {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::uint64_t frame_version = 1;

template <class M>
Result<MetadataRecord> decode_as(codec::Reader& reader, std::int16_t version) {
  MOLDAU_ASSIGN(M message, codec::Codec<M>::decode(reader, version));
  return MetadataRecord(std::move(message));
}

struct Kind {
  std::string_view name;
  std::int16_t key = 0;
  codec::VersionRange versions;
  Result<MetadataRecord> (*decode)(codec::Reader&, std::int16_t) = nullptr;
};

template <class M>
constexpr Kind kind(std::string_view name) {
  return {name, M::record_key, M::versions, decode_as<M>};
}

/// In the order of the variant's alternatives.
constexpr std::array kinds{
    kind<RegisterBrokerRecord>("RegisterBrokerRecord"),
    kind<UnregisterBrokerRecord>("UnregisterBrokerRecord"),
    kind<TopicRecord>("TopicRecord"),
    kind<PartitionRecord>("PartitionRecord"),
    kind<ConfigRecord>("ConfigRecord"),
    kind<PartitionChangeRecord>("PartitionChangeRecord"),
    kind<FenceBrokerRecord>("FenceBrokerRecord"),
    kind<UnfenceBrokerRecord>("UnfenceBrokerRecord"),
    kind<RemoveTopicRecord>("RemoveTopicRecord"),
    kind<DelegationTokenRecord>("DelegationTokenRecord"),
    kind<UserScramCredentialRecord>("UserScramCredentialRecord"),
    kind<FeatureLevelRecord>("FeatureLevelRecord"),
    kind<ClientQuotaRecord>("ClientQuotaRecord"),
    kind<ProducerIdsRecord>("ProducerIdsRecord"),
    kind<BrokerRegistrationChangeRecord>("BrokerRegistrationChangeRecord"),
    kind<AccessControlEntryRecord>("AccessControlEntryRecord"),
    kind<RemoveAccessControlEntryRecord>("RemoveAccessControlEntryRecord"),
    kind<NoOpRecord>("NoOpRecord"),
    kind<ZkMigrationStateRecord>("ZkMigrationStateRecord"),
    kind<RemoveUserScramCredentialRecord>("RemoveUserScramCredentialRecord"),
    kind<BeginTransactionRecord>("BeginTransactionRecord"),
    kind<EndTransactionRecord>("EndTransactionRecord"),
    kind<AbortTransactionRecord>("AbortTransactionRecord"),
    kind<RemoveDelegationTokenRecord>("RemoveDelegationTokenRecord"),
    kind<RegisterControllerRecord>("RegisterControllerRecord"),
    kind<ClearElrRecord>("ClearElrRecord"),
};
static_assert(kinds.size() == std::variant_size_v<MetadataRecord>);

bool has_elr(const auto& record) {
  return record.eligible_leader_replicas.has_value() || record.last_known_elr.has_value();
}

}  // namespace

std::int16_t version_to_write(const MetadataRecord& record) {
  if (const auto* r = std::get_if<RegisterBrokerRecord>(&record)) {
    return r->cordoned_log_dirs ? 4 : 3;
  }
  if (const auto* r = std::get_if<PartitionRecord>(&record)) return has_elr(*r) ? 2 : 1;
  if (const auto* r = std::get_if<PartitionChangeRecord>(&record)) {
    if (has_elr(*r)) return 2;
    return r->directories ? 1 : 0;
  }
  if (const auto* r = std::get_if<BrokerRegistrationChangeRecord>(&record)) {
    if (r->cordoned_log_dirs) return 3;
    if (!r->log_dirs.empty()) return 2;
    return r->in_controlled_shutdown != 0 ? 1 : 0;
  }
  return 0;
}

std::vector<std::uint8_t> encode_record(const MetadataRecord& record, std::int16_t version) {
  codec::Writer writer;
  writer.unsigned_varint(frame_version);
  writer.unsigned_varint(static_cast<std::uint64_t>(kinds[record.index()].key));
  writer.unsigned_varint(static_cast<std::uint64_t>(version));
  std::visit([&]<class M>(const M& message) { codec::Codec<M>::encode(writer, message, version); },
             record);
  const base::ByteView bytes = writer.view();
  return {bytes.begin(), bytes.end()};
}

std::vector<std::uint8_t> encode_record(const MetadataRecord& record) {
  return encode_record(record, version_to_write(record));
}

Result<DecodedRecord> decode_record(base::SharedBytes value) {
  codec::Reader reader(std::move(value));
  const std::uint64_t frame = reader.unsigned_varint();
  const std::uint64_t key = reader.unsigned_varint();
  const std::uint64_t version = reader.unsigned_varint();
  if (!reader.ok()) return reader.error();
  if (frame != frame_version) {
    return fail(Errc::unsupported, "metadata record of frame version " + std::to_string(frame));
  }
  for (const Kind& kind : kinds) {
    if (static_cast<std::uint64_t>(kind.key) != key) continue;
    if (version > static_cast<std::uint64_t>(kind.versions.last)) break;
    const auto v = static_cast<std::int16_t>(version);
    MOLDAU_ASSIGN(MetadataRecord record, kind.decode(reader, v));
    if (reader.remaining() != 0) {
      return fail(Errc::malformed, std::string(kind.name) + ": bytes after the record");
    }
    return DecodedRecord{std::move(record), v};
  }
  return fail(Errc::unsupported, "unknown metadata record: key " + std::to_string(key) +
                                     ", version " + std::to_string(version));
}

std::string_view name(const MetadataRecord& record) {
  return kinds[record.index()].name;
}

}  // namespace moldau::metadata
