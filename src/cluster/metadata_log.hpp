#pragma once
// This node's own log of KRaft records, in the format of Kafka's __cluster_metadata-0.
//
// What survives a crash: everything that append() returned for.  A group of records is one batch,
// written and synced by itself, and the next is written only after that: so a batch that does not
// check out ends the log, unless a whole one follows, which means damage below the durable mark.
//
// Thread rule: one thread at a time.  Blocks for the disk.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/metadata_batches.hpp"
#include "cluster/metadata_directory.hpp"
#include "moldau/base/clock.hpp"
#include "moldau/base/result.hpp"
#include "moldau/metadata/image.hpp"
#include "moldau/metadata/records.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::cluster {

struct MetadataLogOptions {
  std::string log_dir;  // whose __cluster_metadata-0 is meant
  BrokerId node_id{1};
  base::Uuid directory_id{};
  /// Where a KRaft controller of this node would listen: named in a new directory, so that Kafka
  /// can take it over.
  metadata::Endpoint controller_endpoint{"CONTROLLER", "localhost", 9093, 0};
  bool sync = true;
  std::uint64_t bytes_between_snapshots = 20ULL * 1024 * 1024;
  std::int64_t ms_between_snapshots = 3'600'000;
};

class MetadataLog {
 public:
  /// Reads the newest snapshot and the log behind it, cuts a torn tail, and begins this node's next
  /// term. Errors: foreign_directory (the log names other voters), damaged, unsupported (a newer
  /// broker wrote in it), io, no_space.
  static base::Result<std::unique_ptr<MetadataLog>> open(storage::FileSystem& fs,
                                                         MetadataLogOptions options,
                                                         base::Clock& clock);

  /// What open() found.
  [[nodiscard]] const std::shared_ptr<const metadata::MetadataImage>& opened_image() const {
    return opened_image_;
  }
  /// With a new directory: the records to begin with (features), from Kafka's bootstrap.checkpoint
  /// where a formatter left one.
  [[nodiscard]] const std::vector<metadata::MetadataRecord>& bootstrap_records() const {
    return bootstrap_records_;
  }

  /// Appends the records as one batch and returns the last one's offset once they are durable.
  /// After an error nothing may be appended any more (reliability.md R7).
  base::Result<Offset> append(const std::vector<metadata::MetadataRecord>& records);

  /// Writes a snapshot of `image` (everything appended) when enough was written since the last one,
  /// and deletes what two snapshots make superfluous.
  base::Status snapshot_when_due(const metadata::MetadataImage& image);
  base::Status snapshot(const metadata::MetadataImage& image);

  [[nodiscard]] Offset next_offset() const { return next_offset_; }
  [[nodiscard]] std::int32_t epoch() const { return epoch_; }

 private:
  MetadataLog(storage::FileSystem& fs, MetadataLogOptions options, base::Clock& clock);

  base::Status read();
  base::Status read_snapshot(SnapshotId id, MetadataReplay& replay);
  base::Status read_segments(const MetadataFiles& files, MetadataReplay& replay);
  base::Status read_segment(Offset base, bool is_last, MetadataReplay& replay);
  base::Status check_tail(const std::string& name, const storage::File& file,
                          std::uint64_t position, std::uint64_t size, Offset next) const;
  base::Status cut_tail();
  base::Status read_bootstrap();
  base::Status check_voters(const QuorumView& quorum) const;
  base::Status create(const MetadataFiles& files);
  base::Status write_bootstrap();
  base::Status begin_term();
  base::Status roll();
  base::Status write(base::SharedBytes batch);
  base::Status write_file(const std::string& path, const std::vector<base::SharedBytes>& parts);
  base::Status remove_old(const MetadataFiles& files);
  [[nodiscard]] BatchStamp stamp(Offset offset) const;
  [[nodiscard]] VotersRecord own_voters() const;
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }

  storage::FileSystem& fs_;
  const MetadataLogOptions options_;
  base::Clock& clock_;
  const std::string directory_;
  std::shared_ptr<storage::File> file_;  // the active segment
  std::uint64_t position_ = 0;           // its end
  Offset next_offset_{0};
  std::int32_t epoch_ = 0;
  QuorumView quorum_;
  bool voters_in_log_ = false;  // and not only in the first snapshot
  bool transaction_open_ = false;
  bool formatted_by_kafka_ = false;    // or by an earlier start that got no further
  std::optional<std::uint64_t> tail_;  // end of a file with a torn tail
  std::int64_t last_timestamp_ms_ = 0;
  std::uint64_t bytes_since_snapshot_ = 0;
  std::int64_t last_snapshot_ms_ = 0;
  std::optional<base::Error> failed_;
  std::shared_ptr<const metadata::MetadataImage> opened_image_;
  std::vector<metadata::MetadataRecord> bootstrap_records_;
};

}  // namespace moldau::cluster
