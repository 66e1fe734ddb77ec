#pragma once
// Reference-counted memory: a produced batch exists once, and the lane, the hot tail and responses
// refer to it.

#include <cstdint>
#include <utility>

#include "moldau/base/bytes.hpp"

namespace moldau::base {

/// A block of memory with its count of references in front.  Blocks are freed by the last reference,
/// on whichever thread that is.
class Slab {
 public:
  static Slab* create(std::size_t capacity);
  /// There is nothing to do: gives back most of the memory that is kept for the next slabs.  Thread
  /// rule: any thread.
  static void release_kept();
  void add_reference();
  void release();
  [[nodiscard]] std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  /// True when the caller holds the only reference, so that the memory may be written anew.
  [[nodiscard]] bool is_unique() const;

 private:
  explicit Slab(std::size_t capacity) : capacity_(capacity) {}
  std::size_t capacity_;
  alignas(16) std::uint32_t references_ = 1;
};

/// A range of a slab that keeps the slab alive.  Cheap to copy (one atomic).  Thread rule: a value; the
/// bytes may be read by any thread.  Writing (mutable_view) is for the one owner before it shares.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// Takes over one reference of `slab`.
  static SharedBytes adopt(Slab* slab, std::size_t begin, std::size_t size);
  static SharedBytes allocate(std::size_t size);
  static SharedBytes copy_of(ByteView bytes);
  SharedBytes(const SharedBytes& other);
  SharedBytes(SharedBytes&& other) noexcept
      : slab_(std::exchange(other.slab_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  SharedBytes& operator=(SharedBytes other) noexcept {
    std::swap(slab_, other.slab_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~SharedBytes() {
    if (slab_ != nullptr) slab_->release();
  }

  /// The part [begin, begin + size) of this range, sharing the slab.
  [[nodiscard]] SharedBytes slice(std::size_t begin, std::size_t size) const;
  [[nodiscard]] ByteView view() const { return {data_, size_}; }
  [[nodiscard]] MutableByteView mutable_view() { return {data_, size_}; }
  [[nodiscard]] const std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// What this range pins: its slab's whole capacity.
  [[nodiscard]] std::size_t pinned_bytes() const { return slab_ == nullptr ? 0 : slab_->capacity(); }
  [[nodiscard]] const Slab* slab() const { return slab_; }

 private:
  Slab* slab_ = nullptr;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace moldau::base
