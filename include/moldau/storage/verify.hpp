#pragma once
// Looks through a log directory while no broker has it, and changes nothing: what `moldau log check` does.
//
// What counts is what a start would believe: in a directory that was not stopped in order, what lies behind the
// checkpoint is in the lane, and torn ends there are no damage.  Directories of Apache Kafka are read too.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::storage {

/// Something that is not as it should be.
struct VerifyProblem {
  /// `damage`: records are wrong or gone.  `derived`: a file that a start makes anew out of the records.
  enum class Kind { damage, derived };
  Kind kind = Kind::damage;
  std::string file;  // below the directory
  std::optional<std::uint64_t> position;
  std::optional<Offset> offset;
  std::string what;
};

/// One log.
struct VerifiedLog {
  TopicPartition name;
  std::uint64_t segments = 0;
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  Offset first{};  // base of the first segment
  Offset end{};    // after the last batch
};

struct VerifyReport {
  bool orderly = false;  // an orderly stop left it
  std::uint64_t lane_entries = 0;  // what a start would replay
  std::vector<VerifiedLog> logs;
  std::vector<VerifyProblem> problems;
  [[nodiscard]] bool is_damaged() const;
};

/// Checks every batch (CRC, order of offsets, leader epochs and producers' sequences), every index, snapshot and
/// checkpoint against the batches, and that the lane is whole.  `on_log` is called before each log.
/// Errors: locked (a broker runs on it), not_found, foreign_directory (no directory of a broker), io.  (blocks)
base::Result<VerifyReport> verify_directory(FileSystem& fs, const std::string& path,
                                            const std::function<void(const TopicPartition&)>& on_log = {});

}  // namespace moldau::storage
