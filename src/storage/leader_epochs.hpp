#pragma once
// Which leader's term began at which offset (KIP-101), and its text file leader-epoch-checkpoint.

#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/log.hpp"

namespace moldau::storage {

struct EpochStart {
  LeaderEpoch epoch{};
  Offset start{};
  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

/// Ordered by epoch and by start.  Thread rule: none of its own.
class LeaderEpochs {
 public:
  LeaderEpochs() = default;
  explicit LeaderEpochs(std::vector<EpochStart> entries) : entries_(std::move(entries)) {}

  /// A term begins; entries that it contradicts (an empty term at the same offset) go, as in Kafka.
  /// Returns whether anything changed.
  bool assign(LeaderEpoch epoch, Offset start);
  void truncate_from_end(Offset end);
  void truncate_from_start(Offset start);

  [[nodiscard]] LeaderEpoch latest() const;
  [[nodiscard]] EpochEnd end_of(LeaderEpoch epoch, Offset log_end) const;
  [[nodiscard]] LeaderEpoch at(Offset offset) const;
  [[nodiscard]] const std::vector<EpochStart>& entries() const { return entries_; }
  /// Those that began below `end`: a term without a record need not be remembered.
  [[nodiscard]] std::vector<EpochStart> below(Offset end) const;

 private:
  std::vector<EpochStart> entries_;
};

std::string encode_leader_epochs(const std::vector<EpochStart>& entries);
/// Errors: malformed (also a wrong count, or entries that do not rise).
base::Result<std::vector<EpochStart>> decode_leader_epochs(std::string_view text);

}  // namespace moldau::storage
