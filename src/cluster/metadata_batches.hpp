#pragma once
// Batches of the metadata log: metadata records or control records in, bytes out, and back.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cluster/control_records.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/metadata/image_builder.hpp"
#include "moldau/record/batch_builder.hpp"
#include "moldau/record/batch_view.hpp"

namespace moldau::cluster {

/// Where a batch stands and in whose term it was written.
struct BatchStamp {
  Offset base_offset{};
  std::int32_t epoch = 0;
  std::int64_t timestamp_ms = 0;
};

base::SharedBytes data_batch(const BatchStamp& stamp,
                             const std::vector<metadata::MetadataRecord>& records);

/// Builds one batch of control records.
class ControlBatch {
 public:
  explicit ControlBatch(const BatchStamp& stamp);
  template <class Control>
  ControlBatch& add(const Control& control) {
    codec::Writer writer;
    codec::Codec<Control>::encode(writer, control, control.version);
    append(Control::type, writer.view());
    return *this;
  }
  [[nodiscard]] std::int32_t record_count() const { return builder_.record_count(); }
  base::SharedBytes build();

 private:
  void append(record::ControlType type, base::ByteView value);
  std::int64_t timestamp_ms_;
  record::BatchBuilder builder_;
};

/// What a log or a snapshot says of the quorum.
struct QuorumView {
  std::int16_t kraft_version = 0;
  std::optional<VotersRecord> voters;            // KIP-853
  std::optional<LeaderChangeRecord> leadership;  // the newest
};

/// Takes the batches of a snapshot and then those of the log, in order, and makes an image of them.
/// Records of a metadata transaction (KIP-868) wait for its end.  Thread rule: one thread.
class MetadataReplay {
 public:
  MetadataReplay();
  /// Errors: those of decoding and of ImageBuilder::apply, with the offset.
  base::Status apply(const record::BatchView& batch);

  /// The snapshot's own offsets count for nothing: what it holds ends at `end` of the log.
  void end_snapshot(Offset end, std::int32_t epoch);
  /// The transaction that is open is given up, with the records that waited for it.
  void abort_transaction();

  [[nodiscard]] bool in_transaction() const { return transaction_.has_value(); }
  [[nodiscard]] bool saw_footer() const { return saw_footer_; }
  [[nodiscard]] std::size_t data_records() const { return data_records_; }
  [[nodiscard]] std::size_t voters_records() const { return voters_records_; }
  [[nodiscard]] const QuorumView& quorum() const { return quorum_; }
  [[nodiscard]] Offset next_offset() const { return next_offset_; }
  [[nodiscard]] std::int32_t epoch() const { return epoch_; }
  [[nodiscard]] std::int64_t timestamp_ms() const { return timestamp_ms_; }
  /// The image.  Once.
  std::shared_ptr<const metadata::MetadataImage> build();

 private:
  base::Status apply_control(base::ByteView key, base::ByteView value);
  base::Status apply_data(metadata::MetadataRecord record);

  metadata::ImageBuilder builder_;
  std::optional<std::vector<metadata::MetadataRecord>> transaction_;
  QuorumView quorum_;
  bool saw_footer_ = false;
  std::size_t data_records_ = 0;
  std::size_t voters_records_ = 0;
  Offset next_offset_{0};
  std::int32_t epoch_ = 0;
  std::int64_t timestamp_ms_ = 0;
};

}  // namespace moldau::cluster
