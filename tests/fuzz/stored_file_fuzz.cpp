// Files of a data directory, damaged: decoded by themselves, and found by a start.  The last two bytes of
// the input choose the file, the rest is its contents; a checksum is made right, so that the fuzzer's
// changes reach what is behind it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "moldau/base/check.hpp"
#include "moldau/base/crc32c.hpp"
#include "moldau/base/log.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/metadata/records.hpp"
#include "storage/checkpoint.hpp"
#include "storage/directory_files.hpp"
#include "storage/leader_epochs.hpp"
#include "storage/offset_checkpoint.hpp"
#include "storage/producer_state.hpp"
#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::storage {
namespace {

using support::MemoryFileSystem;

struct StoredFile {
  const char* name;
  std::size_t crc_at;       // 0: none
  std::size_t checked_from;
};
constexpr StoredFile files[] = {
    {"data/.moldau/checkpoint", 4, 8},
    {"data/.moldau/lane.0", 4, 8},
    {"data/topic-0/00000000000000000000.log", 0, 0},
    {"data/topic-0/00000000000000000000.index", 0, 0},
    {"data/topic-0/00000000000000000000.timeindex", 0, 0},
    {"data/topic-0/00000000000000000000.txnindex", 0, 0},
    {"data/topic-0/00000000000000000004.snapshot", 2, 6},
    {"data/topic-0/leader-epoch-checkpoint", 0, 0},
    {"data/topic-0/partition.metadata", 0, 0},
    {"data/recovery-point-offset-checkpoint", 0, 0},
    {"data/log-start-offset-checkpoint", 0, 0},
    {"data/meta.properties", 0, 0},
    {"data/.kafka_cleanshutdown", 0, 0},
};

/// Two directories: of a broker that was killed, and of one that stopped in order.
std::unique_ptr<MemoryFileSystem> prepared(bool closed) {
  MemoryFileSystem fs;
  TestDirectory test(fs);
  MOLDAU_CHECK(test.open().has_value(), "an empty directory opens");
  LogOptions options;
  options.segment_bytes = 600;
  const auto log = test.log(0, options).value();
  for (int i = 0; i < 6; ++i) {
    MOLDAU_CHECK(test.append(*log, support::plain_batch(2, 100)).has_value(), "it takes batches");
    MOLDAU_CHECK(test.directory->commit().has_value(), "it commits");
    if (i == 3) MOLDAU_CHECK(test.directory->checkpoint().has_value(), "it checkpoints");
  }
  if (closed) MOLDAU_CHECK(test.directory->close(1).has_value(), "it closes");
  return fs.after_kill();
}

void decode_alone(std::uint8_t choice, std::string_view bytes) {
  switch (choice % 7) {
    case 0: (void)decode_checkpoint(bytes); break;
    case 1: (void)ProducerState::decode_snapshot(bytes); break;
    case 2: (void)decode_leader_epochs(bytes); break;
    case 3: (void)decode_offset_checkpoint(bytes); break;
    case 4: (void)decode_meta_properties(bytes); break;
    case 5: (void)decode_partition_metadata(bytes); break;
    default: (void)metadata::decode_record(base::SharedBytes::copy_of(base::as_bytes(bytes)));
  }
}

/// A start either serves what it read, or says what is wrong.
void start_on(const StoredFile& file, bool closed, base::ByteView bytes) {
  static const auto killed_directory = prepared(false);
  static const auto closed_directory = prepared(true);
  const auto fs = (closed ? closed_directory : killed_directory)->after_kill();
  auto opened = fs->open(file.name, FileSystem::Open::create);
  if (!opened) return;
  MOLDAU_CHECK(opened.value()->truncate(0).has_value(), "a file in memory can be cut");
  MOLDAU_CHECK(opened.value()->write(0, bytes).has_value(), "and written");
  TestDirectory test(*fs, small_options(), 2);
  if (!test.open()) return;
  const auto log = test.directory->find({test_topic, PartitionIndex{0}});
  if (log == nullptr || log->offline()) return;
  (void)read_all(*log);
  (void)log->find_timestamp(1'700'000'000'001, log->end_offset());
  (void)test.directory->close(1);
}

void run(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return;
  const std::uint8_t choice = data[size - 1];
  const StoredFile& file = files[data[size - 2] % std::size(files)];
  std::vector<std::uint8_t> bytes(data, data + size - 2);
  if (file.crc_at != 0 && bytes.size() > file.checked_from)
    base::store_be(bytes.data() + file.crc_at,
                   base::crc32c(base::ByteView(bytes).subspan(file.checked_from)));
  if (choice % 4 == 0) {
    start_on(file, (choice & 4) != 0, bytes);
  } else {
    decode_alone(choice / 4, base::as_text(bytes));
  }
}

}  // namespace
}  // namespace moldau::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = moldau::log::set_level("error");
  (void)quiet;
  moldau::storage::run(data, size);
  return 0;
}
