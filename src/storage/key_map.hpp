#pragma once
// Which offset is the newest of each key: what compaction goes by.  Keys are known by a hash of 128 bits, so
// that the memory of one does not depend on its length.

#include <cstdint>
#include <optional>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/random.hpp"

namespace moldau::storage {

/// Grows up to `bytes_max` and then takes no further key.  Thread rule: one thread.
class KeyMap {
 public:
  /// The hash's seed is drawn from `random`: nobody can choose keys that are taken for one another.
  KeyMap(std::uint64_t bytes_max, base::Random& random);

  /// The key's newest offset is this one, which is above all before.  False when there is no room for it.
  [[nodiscard]] bool put(base::ByteView key, Offset offset);
  [[nodiscard]] std::optional<Offset> find(base::ByteView key) const;
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::uint64_t bytes() const { return slots_.size() * sizeof(Slot); }
  void clear();

 private:
  struct Slot {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::int64_t offset = -1;  // -1: free
  };
  [[nodiscard]] Slot hash(base::ByteView key) const;
  /// The slot that has the key, or the one where it belongs.
  [[nodiscard]] std::size_t place_of(const Slot& key) const;
  void grow();

  const std::size_t slots_max_;
  const std::uint64_t seed_;
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace moldau::storage
