#pragma once
// The table that an assignor fills in: for every partition its owner, for every member how many it
// has.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "group/assignor.hpp"

namespace moldau::group {

class PartitionOwners {
 public:
  static constexpr std::uint32_t nobody = UINT32_MAX;

  struct Partition {
    std::uint32_t topic = 0;
    std::int32_t index = 0;
  };

  /// Nobody owns anything.  `input` outlives this.
  explicit PartitionOwners(const AssignorInput& input);

  /// Gives every member what it has had, of what it still subscribes to; returns just that, by
  /// member.
  std::vector<std::vector<Partition>> keep_assigned();
  /// `member` may be nobody.
  void give(std::uint32_t topic, std::int32_t partition, std::uint32_t member);

  [[nodiscard]] std::uint32_t owner(std::uint32_t topic, std::int32_t partition) const {
    return owners_[topic][static_cast<std::size_t>(partition)];
  }
  [[nodiscard]] std::uint32_t load(std::uint32_t member) const { return loads_[member]; }
  [[nodiscard]] AssignorOutput output() const;

 private:
  const AssignorInput& input_;
  std::vector<std::vector<std::uint32_t>> owners_;  // by topic and partition
  std::vector<std::uint32_t> loads_;
};

}  // namespace moldau::group
