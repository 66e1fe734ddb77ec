#include "cluster/metadata_batches.hpp"

#include <array>
#include <utility>

#include "moldau/codec/codec_impl.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::cluster {
namespace {

using base::ByteView;
using base::Errc;
using base::fail;
using base::Result;
using base::Status;
using metadata::MetadataRecord;
using record::ControlType;

record::BatchOptions options(const BatchStamp& stamp, bool control) {
  record::BatchOptions result;
  result.base_offset = stamp.base_offset;
  result.leader_epoch = LeaderEpoch{stamp.epoch};
  result.control = control;
  return result;
}

/// Every control record begins with the version that it is written in.
template <class Control>
Result<Control> decode_control(ByteView value) {
  if (value.size() < sizeof(std::int16_t)) return fail(Errc::malformed, "control record cut off");
  const auto version = base::load_be<std::int16_t>(value.data());
  codec::Reader reader(base::SharedBytes::copy_of(value));
  return codec::Codec<Control>::decode(reader, version);
}

Status at(Offset offset, const base::Error& error) {
  return fail(error.code,
              "metadata offset " + std::to_string(offset.value()) + ": " + error.message);
}

}  // namespace

base::SharedBytes data_batch(const BatchStamp& stamp, const std::vector<MetadataRecord>& records) {
  record::BatchBuilder builder(options(stamp, false));
  for (const MetadataRecord& record : records) {
    builder.append(stamp.timestamp_ms, std::nullopt, metadata::encode_record(record));
  }
  return builder.build().value();
}

ControlBatch::ControlBatch(const BatchStamp& stamp)
    : timestamp_ms_(stamp.timestamp_ms), builder_(options(stamp, true)) {}

void ControlBatch::append(ControlType type, ByteView value) {
  std::array<std::uint8_t, 4> key{};  // version 0, type
  base::store_be(key.data() + 2, static_cast<std::int16_t>(type));
  builder_.append(timestamp_ms_, key, value);
}

base::SharedBytes ControlBatch::build() {
  return builder_.build().value();
}

MetadataReplay::MetadataReplay() : builder_(metadata::MetadataImage::empty()) {}

Status MetadataReplay::apply_control(ByteView key, ByteView value) {
  if (key.size() < 4) return fail(Errc::malformed, "key of a control record is cut off");
  switch (static_cast<ControlType>(base::load_be<std::int16_t>(key.data() + 2))) {
    case ControlType::leader_change: {
      MOLDAU_ASSIGN(quorum_.leadership, decode_control<LeaderChangeRecord>(value));
      break;
    }
    case ControlType::kraft_version: {
      MOLDAU_ASSIGN(const auto control, decode_control<KRaftVersionRecord>(value));
      quorum_.kraft_version = control.kraft_version;
      builder_.apply_kraft_version(control.kraft_version);
      break;
    }
    case ControlType::kraft_voters: {
      MOLDAU_ASSIGN(quorum_.voters, decode_control<VotersRecord>(value));
      ++voters_records_;
      break;
    }
    case ControlType::snapshot_footer:
      saw_footer_ = true;
      break;
    case ControlType::snapshot_header:
    case ControlType::abort:
    case ControlType::commit:
      break;
  }
  return {};
}

Status MetadataReplay::apply_data(MetadataRecord record) {
  ++data_records_;
  if (std::holds_alternative<metadata::BeginTransactionRecord>(record)) {
    if (transaction_) return fail(Errc::malformed, "a metadata transaction inside another");
    transaction_.emplace();
    return {};
  }
  if (std::holds_alternative<metadata::AbortTransactionRecord>(record)) {
    transaction_.reset();
    return {};
  }
  if (std::holds_alternative<metadata::EndTransactionRecord>(record)) {
    if (!transaction_)
      return fail(Errc::malformed, "the end of a metadata transaction that is not");
    for (const MetadataRecord& held : *transaction_) MOLDAU_TRY(builder_.apply(held));
    transaction_.reset();
    return {};
  }
  if (transaction_) {
    transaction_->push_back(std::move(record));
    return {};
  }
  return builder_.apply(record);
}

Status MetadataReplay::apply(const record::BatchView& batch) {
  MOLDAU_ASSIGN(auto records, record::RecordIterator::open(batch));
  while (true) {
    auto next = records.next();
    if (!next) return at(batch.base_offset(), next.error());
    if (!next->has_value()) break;
    const record::Record& record = **next;
    Status status;
    if (batch.is_control()) {
      status = apply_control(record.key.value_or(ByteView{}), record.value.value_or(ByteView{}));
    } else {
      auto decoded =
          metadata::decode_record(base::SharedBytes::copy_of(record.value.value_or(ByteView{})));
      if (!decoded) return at(record.offset, decoded.error());
      status = apply_data(std::move(decoded->record));
    }
    if (!status) return at(record.offset, status.error());
  }
  next_offset_ = batch.next_offset();
  epoch_ = batch.leader_epoch().value();
  timestamp_ms_ = batch.max_timestamp_ms();
  return {};
}

void MetadataReplay::end_snapshot(Offset end, std::int32_t epoch) {
  next_offset_ = end;
  epoch_ = epoch;
}

void MetadataReplay::abort_transaction() {
  transaction_.reset();
}

std::shared_ptr<const metadata::MetadataImage> MetadataReplay::build() {
  return builder_.build(next_offset_ - 1, epoch_).image;
}

}  // namespace moldau::cluster

namespace moldau::codec {
template struct Codec<cluster::LeaderChangeRecord>;
template struct Codec<cluster::KRaftVersionRecord>;
template struct Codec<cluster::VotersRecord>;
template struct Codec<cluster::SnapshotHeaderRecord>;
template struct Codec<cluster::SnapshotFooterRecord>;
}  // namespace moldau::codec
