#include "key_map.hpp"

#define XXH_INLINE_ALL  // header-only
#include <xxhash.h>

#include <algorithm>
#include <bit>

namespace moldau::storage {

namespace {
constexpr std::size_t slots_min = 1024;
}

KeyMap::KeyMap(std::uint64_t bytes_max, base::Random& random)
    : slots_max_(std::max(slots_min, std::bit_floor(static_cast<std::size_t>(bytes_max / sizeof(Slot))))),
      seed_(random.next()),
      slots_(slots_min) {}

KeyMap::Slot KeyMap::hash(base::ByteView key) const {
  const auto hashed = XXH3_128bits_withSeed(key.data(), key.size(), seed_);
  return {hashed.low64, hashed.high64, -1};
}

std::size_t KeyMap::place_of(const Slot& key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>(key.low) & mask;
  while (slots_[at].offset >= 0 && (slots_[at].low != key.low || slots_[at].high != key.high)) at = (at + 1) & mask;
  return at;
}

bool KeyMap::put(base::ByteView key, Offset offset) {
  Slot slot = hash(key);
  slot.offset = offset.value();
  std::size_t at = place_of(slot);
  if (slots_[at].offset < 0) {
    // Three quarters full is as dense as searches stay short.
    if (count_ + 1 > slots_.size() / 4 * 3) {
      if (slots_.size() >= slots_max_) return false;
      grow();
      at = place_of(slot);
    }
    ++count_;
  }
  slots_[at] = slot;
  return true;
}

std::optional<Offset> KeyMap::find(base::ByteView key) const {
  const Slot& slot = slots_[place_of(hash(key))];
  if (slot.offset < 0) return std::nullopt;
  return Offset{slot.offset};
}

void KeyMap::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old)
    if (slot.offset >= 0) slots_[place_of(slot)] = slot;
}

void KeyMap::clear() {
  slots_ = std::vector<Slot>(slots_min);
  count_ = 0;
}

}  // namespace moldau::storage
