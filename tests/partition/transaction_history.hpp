#pragma once
// A random life of one partition on the strict disk: transactions of several producers, segments that roll in
// the middle of them, crashes, truncations, damaged indexes; compared with the oracle all the while.

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "moldau/partition/partition.hpp"
#include "tests/partition/transaction_oracle.hpp"
#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::partition {

/// What happened, over all histories: nothing is shown where nothing happens.
struct HistoryTally {
  std::uint64_t steps = 0;
  std::uint64_t commits = 0;
  std::uint64_t aborts = 0;
  std::uint64_t refusals = 0;
  std::uint64_t segments = 0;
  std::uint64_t crashes = 0;
  std::uint64_t stops = 0;
  std::uint64_t truncations = 0;
  std::uint64_t deletions = 0;   // DeleteRecords
  std::uint64_t damages = 0;     // of index and snapshot files
  std::uint64_t aborted_seen = 0;  // transactions in the lists that were compared
  std::uint64_t filtered = 0;      // records that a consumer left out
};

class History {
 public:
  History(std::uint64_t seed, HistoryTally& tally) : engine_(seed), tally_(tally) {}
  /// Runs it; what was wrong first, if anything was.
  std::optional<std::string> run();

 private:
  std::uint64_t below(std::uint64_t end) { return engine_() % end; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  Offset offset_in(Offset first, Offset last);
  ProducerId any_producer() { return ProducerId{static_cast<std::int64_t>(below(producers_max))}; }

  void open();
  void lead(std::shared_ptr<storage::Log> log);
  void close_objects();
  void step();
  void append_data();
  void append_marker();
  void append_refused();
  void write_to_disk();
  void delete_records();
  void truncate();
  void stop();
  void crash();
  void damage_files();
  void forget_checkpoint();
  void look();
  void consume(const Oracle& oracle, Offset start, Offset stable);

  std::optional<Offset> append(OracleBatch batch, std::int32_t first_sequence);
  std::optional<Offset> end_transaction(ProducerId producer, ProducerEpoch epoch, bool commit,
                                        std::int16_t transaction_version);
  void keep_below(Offset end);
  [[nodiscard]] Offset model_end() const;
  void fail(std::string what);
  void expect(bool holds, const char* what) {
    if (!holds) fail(what);
  }

  static constexpr std::uint64_t producers_max = 5;

  std::mt19937_64 engine_;
  HistoryTally& tally_;
  std::unique_ptr<support::MemoryFileSystem> disk_ = std::make_unique<support::MemoryFileSystem>();
  std::unique_ptr<storage::TestDirectory> directory_;
  std::shared_ptr<Partition> partition_;
  std::shared_ptr<metadata::TopicConfig> config_ = std::make_shared<metadata::TopicConfig>();
  std::vector<OracleBatch> batches_;
  std::int64_t now_ms_ = 1'700'000'000'000;
  std::int32_t life_ = 0;
  std::int32_t coordinator_epoch_ = 1;
  bool is_damaged_ = false;
  std::optional<std::string> wrong_;
};

}  // namespace moldau::partition
