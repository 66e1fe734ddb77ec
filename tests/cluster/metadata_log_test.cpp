#include "cluster/metadata_log.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "moldau/metadata/controller.hpp"
#include "moldau/metadata/image_builder.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::cluster {
namespace {

using metadata::ConfigRecord;
using metadata::MetadataRecord;
using support::ManualClock;
using support::MemoryFileSystem;

const std::string segment = "data/__cluster_metadata-0/00000000000000000000.log";

MetadataLogOptions options(std::int32_t node = 1) {
  MetadataLogOptions result;
  result.log_dir = "data";
  result.node_id = BrokerId{node};
  return result;
}

base::Result<std::unique_ptr<MetadataLog>> open(MemoryFileSystem& fs,
                                                MetadataLogOptions with = options()) {
  static ManualClock clock;
  const auto made = fs.make_directory("data");
  if (!made) return made.error();
  // As the directory's own formatter does: that it exists is durable before anything is in it.
  const auto synced = fs.sync_directory("");
  if (!synced) return synced.error();
  return MetadataLog::open(fs, std::move(with), clock);
}

/// One value of the cluster's default broker: records that need nothing else.
MetadataRecord value(const std::string& name, const std::string& text) {
  return ConfigRecord{4, "", name, text};
}

std::string value_of(const metadata::MetadataImage& image, const std::string& name) {
  const auto* map = image.find_configs(metadata::ConfigResourceType::broker, "");
  if (map == nullptr) return "";
  const auto it = map->find(name);
  return it == map->end() ? "" : it->second;
}

std::vector<std::uint8_t> golden(const std::string& name) {
  std::ifstream file(std::string(MOLDAU_SOURCE_DIR "/tests/metadata/golden/") + name,
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(MemoryFileSystem& fs, const std::string& path, const std::vector<std::uint8_t>& bytes) {
  auto file = fs.open(path, storage::FileSystem::Open::create).value();
  ASSERT_TRUE(file->write(0, base::ByteView(bytes)));
}

/// The directory that Apache Kafka 4.3.1 left behind, as node 1 of a dynamic quorum.
void put_kafkas_directory(MemoryFileSystem& fs) {
  ASSERT_TRUE(fs.make_directory("data"));
  ASSERT_TRUE(fs.make_directory("data/__cluster_metadata-0"));
  put(fs, "data/bootstrap.checkpoint", golden("bootstrap.checkpoint"));
  put(fs, "data/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint",
      golden("voters.checkpoint"));
  put(fs, segment, golden("cluster_metadata.log"));
  ASSERT_TRUE(storage::write_whole(
      fs, "data/__cluster_metadata-0/quorum-state",
      R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA",)"
      R"("data_version":1})"));
}

TEST(MetadataLog, BeginsANewDirectoryWithKafkasFiles) {
  MemoryFileSystem fs;
  const auto log = open(fs).value();
  EXPECT_EQ(log->epoch(), 1);
  EXPECT_EQ(log->next_offset(), Offset{3});  // leader change, kraft.version, voters
  ASSERT_EQ(log->bootstrap_records().size(), 4u);  // features
  EXPECT_EQ(fs.list("data/__cluster_metadata-0").value(),
            (std::vector<std::string>{"00000000000000000000-0000000000.checkpoint",
                                      "00000000000000000000.log", "leader-epoch-checkpoint",
                                      "partition.metadata", "quorum-state"}));
  EXPECT_EQ(storage::read_whole(fs, "data/__cluster_metadata-0/quorum-state").value(),
            R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":)"
            R"("AAAAAAAAAAAAAAAAAAAAAA","data_version":1})");
  EXPECT_EQ(storage::read_whole(fs, "data/__cluster_metadata-0/leader-epoch-checkpoint").value(),
            "0\n1\n1 0\n");
}

TEST(MetadataLog, KeepsWhatWasAppendedOverRestarts) {
  MemoryFileSystem fs;
  EXPECT_EQ(open(fs).value()->append({value("a", "1"), value("b", "2")}).value(), Offset{4});
  {
    const auto log = open(fs).value();
    EXPECT_EQ(log->epoch(), 2);
    EXPECT_TRUE(log->bootstrap_records().empty());
    EXPECT_EQ(value_of(*log->opened_image(), "b"), "2");
    EXPECT_EQ(log->opened_image()->offset(), Offset{4});
    EXPECT_EQ(log->opened_image()->feature_level("kraft.version"), 1);
    EXPECT_EQ(log->next_offset(), Offset{6});  // The second term needs a leader change only.
    ASSERT_TRUE(log->append({value("a", "3")}));
  }
  EXPECT_EQ(value_of(*open(fs).value()->opened_image(), "a"), "3");
  EXPECT_EQ(storage::read_whole(fs, "data/__cluster_metadata-0/leader-epoch-checkpoint").value(),
            "0\n3\n1 0\n2 5\n3 7\n");
}

TEST(MetadataLog, OpensTheLogThatApacheKafkaWrote) {
  MemoryFileSystem fs;
  put_kafkas_directory(fs);
  auto opened = open(fs);
  ASSERT_TRUE(opened) << to_string(opened.error());
  MetadataLog& log = **opened;
  EXPECT_EQ(log.epoch(), 2);
  EXPECT_EQ(log.opened_image()->topic_count(), 7u);
  EXPECT_EQ(log.opened_image()->feature_level("group.version"), 1);
  EXPECT_EQ(log.opened_image()->find_topic("golden-a")->partitions.size(), 6u);
  ASSERT_TRUE(log.append({value("a", "1")}));
  EXPECT_EQ(value_of(*open(fs).value()->opened_image(), "a"), "1");
}

TEST(MetadataLog, TakesTheFeaturesOfADirectoryThatKafkaFormatted) {
  MemoryFileSystem fs;
  put_kafkas_directory(fs);
  ASSERT_TRUE(fs.remove(segment));
  const auto log = open(fs).value();
  EXPECT_EQ(log->bootstrap_records().size(), 6u);
}

TEST(MetadataLog, RefusesTheLogOfAnotherQuorumAndChangesNothing) {
  MemoryFileSystem fs;
  put_kafkas_directory(fs);
  const auto before = fs.operations();
  const auto refused = open(fs, options(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Errc::foreign_directory);
  MetadataLogOptions other_directory = options();
  other_directory.directory_id.bytes[3] = 9;
  EXPECT_EQ(open(fs, other_directory).error().code, base::Errc::foreign_directory);
  EXPECT_EQ(fs.list("data/__cluster_metadata-0").value().size(), 3u);
  // Directories that are made again and synced are all that happened.
  EXPECT_LE(fs.operations() - before, 6u);
}

TEST(MetadataLog, CutsATornTail) {
  MemoryFileSystem fs;
  open(fs).value()->append({value("a", "1")}).value();
  auto file = fs.open(segment, storage::FileSystem::Open::read_write).value();
  const std::uint64_t whole = file->size().value();
  open(fs).value()->append({value("a", "2")}).value();
  ASSERT_TRUE(file->truncate(file->size().value() - 5));
  const auto log = open(fs).value();
  EXPECT_EQ(value_of(*log->opened_image(), "a"), "1");
  EXPECT_EQ(log->epoch(), 3);
  EXPECT_GT(file->size().value(), whole);
}

TEST(MetadataLog, RefusesDamageBelowTheDurableMark) {
  MemoryFileSystem fs;
  {
    const auto log = open(fs).value();
    ASSERT_TRUE(log->append({value("a", "1")}));
    ASSERT_TRUE(log->append({value("a", "2")}));
  }
  const auto before = storage::read_whole(fs, segment).value();
  fs.flip_bit(segment, 250, 3);
  const auto refused = open(fs);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Errc::damaged);
  fs.flip_bit(segment, 250, 3);
  EXPECT_EQ(storage::read_whole(fs, segment).value(), before);
}

TEST(MetadataLog, ReadsItsSnapshotsAndDeletesWhatTheyMakeSuperfluous) {
  MemoryFileSystem fs;
  for (int i = 0; i < 5; ++i) {
    const auto log = open(fs).value();
    ASSERT_TRUE(log->append({value("a", std::to_string(i)), value("b" + std::to_string(i), "x")}));
    metadata::ImageBuilder builder(log->opened_image());
    ASSERT_TRUE(builder.apply(value("a", std::to_string(i))));
    ASSERT_TRUE(builder.apply(value("b" + std::to_string(i), "x")));
    ASSERT_TRUE(log->snapshot(*builder.build(log->next_offset() - 1, log->epoch()).image));
    ASSERT_TRUE(log->append({value("c", std::to_string(i))}));
  }
  int snapshots = 0;
  int segments = 0;
  for (const auto& name : fs.list("data/__cluster_metadata-0").value()) {
    if (name.ends_with(".checkpoint")) ++snapshots;
    if (name.ends_with(".log")) ++segments;
  }
  EXPECT_EQ(snapshots, 2);
  EXPECT_EQ(segments, 2);
  const auto log = open(fs).value();
  EXPECT_EQ(log->epoch(), 6);
  EXPECT_EQ(value_of(*log->opened_image(), "a"), "4");
  EXPECT_EQ(value_of(*log->opened_image(), "b0"), "x");
  EXPECT_EQ(value_of(*log->opened_image(), "c"), "4");
  EXPECT_EQ(log->opened_image()->feature_level("kraft.version"), 1);
}

TEST(MetadataLog, HoldsBackAMetadataTransactionThatHasNoEnd) {
  MemoryFileSystem fs;
  open(fs)
      .value()
      ->append({metadata::BeginTransactionRecord{"t"}, value("a", "1"),
                metadata::EndTransactionRecord{}, metadata::BeginTransactionRecord{"u"},
                value("a", "2")})
      .value();
  {
    const auto log = open(fs).value();
    EXPECT_EQ(value_of(*log->opened_image(), "a"), "1");
    ASSERT_TRUE(log->append({value("b", "3")}));
  }
  const auto log = open(fs).value();
  EXPECT_EQ(value_of(*log->opened_image(), "a"), "1");
  EXPECT_EQ(value_of(*log->opened_image(), "b"), "3");
}

TEST(MetadataLog, AppendsNothingAfterAFailedSync) {
  MemoryFileSystem fs;
  const auto log = open(fs).value();
  fs.crash_in(2);  // the sync of the append
  EXPECT_FALSE(log->append({value("a", "1")}));
  EXPECT_FALSE(log->append({value("a", "2")}));
}

// Whatever of it survives a crash at any operation: what append() returned for is there, in order,
// and nothing that was not appended is; and the log goes on.
TEST(MetadataLog, KeepsEveryAcknowledgedRecordOverEveryCrash) {
  int acknowledged = 0;
  const auto work = [&](MemoryFileSystem& fs) {
    acknowledged = 0;
    for (int run = 0; run < 2; ++run) {
      auto log = open(fs);
      if (!log) return;
      for (int i = 0; i < 3; ++i) {
        if (!(*log)->append({value("a", std::to_string(run * 3 + i + 1))})) return;
        acknowledged = run * 3 + i + 1;
      }
      if (run == 0 && !(*log)->snapshot(*[&] {
            metadata::ImageBuilder builder((*log)->opened_image());
            EXPECT_TRUE(builder.apply(value("a", "3")));
            return builder.build((*log)->next_offset() - 1, (*log)->epoch()).image;
          }())) {
        return;
      }
    }
  };
  const auto check = [&](MemoryFileSystem& left, std::string_view what) {
    std::int32_t epoch = 0;
    {
      auto log = open(left);
      ASSERT_TRUE(log) << what << ": " << to_string(log.error());
      const std::string found = value_of(*(*log)->opened_image(), "a");
      const int n = found.empty() ? 0 : std::stoi(found);
      EXPECT_GE(n, acknowledged) << what;
      EXPECT_LE(n, acknowledged + 1) << what;
      epoch = (*log)->epoch();
      ASSERT_TRUE((*log)->append({value("a", "99")})) << what;
    }
    auto log = open(left);
    ASSERT_TRUE(log) << what;
    EXPECT_EQ(value_of(*(*log)->opened_image(), "a"), "99") << what;
    EXPECT_GT((*log)->epoch(), epoch) << what;
  };
  EXPECT_GT(support::for_each_crash({.exhaustive_operations_max = 4, .samples = 4}, work, check),
            30u);
}

}  // namespace
}  // namespace moldau::cluster
