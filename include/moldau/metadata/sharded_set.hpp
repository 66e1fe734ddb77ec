#pragma once
// A set of shared values found by a key inside them, cheap to copy and to change a little: the
// metadata image with its tens of thousands of topics is copied for every mutation.

#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "moldau/base/uuid.hpp"

namespace moldau::metadata {

namespace detail {
inline std::size_t hash_key(std::string_view key) {
  return boost::hash<std::string_view>{}(key);
}
inline std::size_t hash_key(const base::Uuid& key) {
  return std::hash<base::Uuid>{}(key);
}
template <class A>
std::size_t hash_key(const std::pair<A, std::string_view>& key) {
  return hash_key(key.second) * 31 + static_cast<std::size_t>(key.first);
}
}  // namespace detail

/// `KeyOf{}(value)` is the key; it may be a view into the value.  A copy shares all shards with the
/// original; insert and erase copy the one shard they touch, unless nobody else has it.
/// Thread rule: a value; const members from any thread.
template <class V, class KeyOf>
class ShardedSet {
 public:
  using Pointer = std::shared_ptr<const V>;
  using Key = std::remove_cvref_t<std::invoke_result_t<KeyOf, const V&>>;

  /// The value, or nullptr.
  [[nodiscard]] const Pointer* find(const Key& key) const {
    const auto& shard = shards_[shard_of(detail::hash_key(key))];
    if (shard == nullptr) return nullptr;
    const auto it = shard->find(key);
    return it == shard->end() ? nullptr : &*it;
  }
  /// Puts `value` in, in place of the one with its key.
  void insert(Pointer value) {
    Shard& shard = writable(KeyOf{}(*value));
    const auto it = shard.find(KeyOf{}(*value));
    if (it != shard.end()) {
      shard.erase(it);
    } else {
      ++size_;
    }
    shard.insert(std::move(value));
  }
  void erase(const Key& key) {
    if (find(key) == nullptr) return;
    Shard& shard = writable(key);
    shard.erase(shard.find(key));
    --size_;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  template <class F>
  void for_each(F&& f) const {
    for (const auto& shard : shards_) {
      if (shard == nullptr) continue;
      for (const Pointer& value : *shard) f(*value);
    }
  }

 private:
  static constexpr std::size_t shard_count = 256;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const { return detail::hash_key(key); }
    std::size_t operator()(const Pointer& value) const {
      return detail::hash_key(Key(KeyOf{}(*value)));
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Pointer& a, const Pointer& b) const { return KeyOf{}(*a) == KeyOf{}(*b); }
    bool operator()(const Key& a, const Pointer& b) const { return a == KeyOf{}(*b); }
    bool operator()(const Pointer& a, const Key& b) const { return KeyOf{}(*a) == b; }
  };
  using Shard = boost::unordered_flat_set<Pointer, Hash, Equal>;

  /// Bits that the shard's own table does not start from.
  static std::size_t shard_of(std::size_t hash) { return (hash * 0x9E3779B97F4A7C15ULL) >> 56; }

  Shard& writable(const Key& key) {
    auto& shard = shards_[shard_of(detail::hash_key(key))];
    if (shard == nullptr) {
      shard = std::make_shared<Shard>();
    } else if (shard.use_count() > 1) {
      shard = std::make_shared<Shard>(*shard);
    }
    return *shard;
  }

  // Second owners: the images this one was made from, or that were made from it.
  std::array<std::shared_ptr<Shard>, shard_count> shards_{};
  std::size_t size_ = 0;
};

}  // namespace moldau::metadata
