#pragma once
// A log directory on a file system of the test's choice, driven by hand: no threads.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "moldau/storage/log_directory.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/record_maker.hpp"

namespace moldau::storage {

inline const TopicId test_topic = *base::Uuid::parse("AAAAAAAAAAAAAAAAAAAABQ");

inline LogDirectoryOptions small_options() {
  LogDirectoryOptions options;
  options.lane_file_bytes = 256 * 1024;
  options.lane_files = 3;
  options.tail_bytes_max = 1024 * 1024;
  return options;
}

/// What reading a log from its start to `upper` gives: offset of each batch and its bytes.
struct StoredBatch {
  Offset base{};
  Offset last{};
  LeaderEpoch epoch{};
  std::string body;  // from the magic byte on: what the producer sent
  friend bool operator==(const StoredBatch&, const StoredBatch&) = default;
};

inline std::string body_of(base::ByteView batch) {
  return std::string(base::as_text(batch.subspan(record::batch_format::magic_at)));
}

inline base::Result<std::vector<StoredBatch>> read_all(Log& log, std::size_t bytes_max = 1 << 20) {
  std::vector<StoredBatch> result;
  Offset at = log.start_offset();
  const Offset upper = log.end_offset();
  while (at < upper) {
    ReadLimits limits{upper, bytes_max, true, true};
    MOLDAU_ASSIGN(const auto part, log.read(at, limits));
    if (part.next_offset <= at) return base::fail(base::Errc::unknown, "a read made no progress");
    const auto bytes = part.records.flatten();
    for (auto rest = bytes.view(); !rest.empty();) {
      MOLDAU_ASSIGN(const auto view,
                    record::BatchView::parse(rest, record::BatchView::Check::crc));
      result.push_back({view.base_offset(), view.last_offset(), view.leader_epoch(),
                        body_of(view.bytes())});
      rest = rest.subspan(view.size());
    }
    at = part.next_offset;
  }
  return result;
}

class TestDirectory {
 public:
  explicit TestDirectory(FileSystem& fs, LogDirectoryOptions options = small_options(),
                         std::uint64_t seed = 1)
      : fs_(fs), options_(options), random_(seed) {}

  base::Status open() {
    auto opened = LogDirectory::open(fs_, "data", {"cluster", BrokerId{1}, {}}, options_, clock,
                                     random_);
    if (!opened) return opened.error();
    directory = std::move(opened).value();
    return {};
  }
  base::Result<std::shared_ptr<Log>> log(int partition = 0, const LogOptions& options = {}) {
    const TopicIdPartition id{test_topic, PartitionIndex{partition}};
    if (auto found = directory->find(id)) {
      found->set_options(options);
      return found;
    }
    return directory->create_log({"topic", PartitionIndex{partition}}, test_topic, options);
  }
  base::Result<Appended> append(Log& log, base::SharedBytes batch, int epoch = 0) {
    return log.append_as_leader(std::move(batch),
                                {LeaderEpoch{epoch}, clock.wall_ms(), AppendOrigin::client});
  }

  support::ManualClock clock;
  std::unique_ptr<LogDirectory> directory;

 private:
  FileSystem& fs_;
  LogDirectoryOptions options_;
  base::SeededRandom random_;
};

}  // namespace moldau::storage
