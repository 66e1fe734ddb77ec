#include "moldau/txn/records.hpp"

#include <array>
#include <utility>

#include "moldau/codec/codec_impl.hpp"

namespace moldau::txn {
namespace {

using base::Errc;
using base::fail;

constexpr std::int16_t record_type = 0;

/// In the order of their numbers.
constexpr std::array<std::string_view, 8> state_names{
    "Empty",          "Ongoing",       "PrepareCommit", "PrepareAbort",
    "CompleteCommit", "CompleteAbort", "Dead",          "PrepareEpochFence"};

std::vector<std::uint8_t> bytes_of(const codec::Writer& writer) {
  const base::ByteView bytes = writer.view();
  return {bytes.begin(), bytes.end()};
}

/// Whether everything was read, and no more than there is.
base::Status finished(const codec::Reader& reader, const char* part) {
  if (reader.ok() && reader.remaining() == 0) return {};
  return fail(Errc::corrupt_message, std::string("a transaction's record, ") + part + ": " +
                                         (reader.ok() ? "bytes after it" : reader.error().message));
}

base::Result<std::string> decode_key(base::ByteView bytes) {
  codec::Reader reader(base::SharedBytes::copy_of(bytes));
  const auto type = reader.fixed<std::int16_t>();
  if (!reader.ok()) return finished(reader, "key").error();
  if (type != record_type) return fail(Errc::unsupported, "record of type " + std::to_string(type));
  const auto length = reader.string_length(false);
  if (reader.ok() && !length) reader.fail(Errc::malformed, "null where none is allowed");
  std::string id;
  if (length) id = base::as_text(reader.view(*length));
  MOLDAU_TRY(finished(reader, "key"));
  return id;
}

base::Status decode_value(TransactionRecord& record, base::ByteView bytes) {
  using Value = TransactionRecord::Value;
  codec::Reader reader(base::SharedBytes::copy_of(bytes));
  record.value_version = reader.fixed<std::int16_t>();
  if (!reader.ok()) return finished(reader, "value").error();
  if (!Value::versions.contains(record.value_version))
    return fail(Errc::unsupported,
                "a transaction's record, value of version " + std::to_string(record.value_version));
  auto value = codec::Codec<Value>::decode(reader, record.value_version);
  MOLDAU_TRY(finished(reader, "value"));
  record.value = std::move(value).value();
  const auto state = record.value->state;
  if (state < TransactionState::empty || state > TransactionState::complete_abort)
    return fail(Errc::corrupt_message, "a transaction's record, state " +
                                           std::to_string(static_cast<int>(state)));
  return {};
}

}  // namespace

std::string_view state_name(TransactionState state) {
  return state_names.at(static_cast<std::size_t>(state));
}

std::optional<TransactionState> state_of(std::string_view name) {
  for (std::size_t i = 0; i < state_names.size(); ++i)
    if (state_names[i] == name) return static_cast<TransactionState>(i);
  return std::nullopt;
}

coordinator::EncodedRecord encode(const TransactionRecord& record) {
  codec::Writer key;
  key.fixed(record_type);
  key.string_length(record.transactional_id.size(), false);
  key.raw(base::as_bytes(record.transactional_id));
  coordinator::EncodedRecord encoded{.key = bytes_of(key), .value = std::nullopt};
  if (!record.value) return encoded;
  codec::Writer value;
  value.fixed(record.value_version);
  codec::Codec<TransactionRecord::Value>::encode(value, *record.value, record.value_version);
  encoded.value = bytes_of(value);
  return encoded;
}

base::Result<TransactionRecord> decode(base::ByteView key, std::optional<base::ByteView> value) {
  TransactionRecord record;
  MOLDAU_ASSIGN(record.transactional_id, decode_key(key));
  if (value) MOLDAU_TRY(decode_value(record, *value));
  return record;
}

}  // namespace moldau::txn
