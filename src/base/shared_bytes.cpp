#include "moldau/base/shared_bytes.hpp"

#include <atomic>
#include <new>

#include "base/block_pool.hpp"
#include "moldau/base/check.hpp"
#include "moldau/base/limits.hpp"

namespace moldau::base {

Slab* Slab::create(std::size_t capacity) {
  return new (block_pool::allocate(sizeof(Slab) + capacity)) Slab(capacity);
}

void Slab::release_kept() { block_pool::trim(limits::kept_block_bytes_idle); }

void Slab::add_reference() {
  std::atomic_ref<std::uint32_t>(references_).fetch_add(1, std::memory_order_relaxed);
}

void Slab::release() {
  if (std::atomic_ref<std::uint32_t>(references_).fetch_sub(1, std::memory_order_acq_rel) == 1) {
    const std::size_t size = sizeof(Slab) + capacity_;
    this->~Slab();
    block_pool::free(this, size);
  }
}

bool Slab::is_unique() const {
  auto& references = const_cast<std::uint32_t&>(references_);
  return std::atomic_ref<std::uint32_t>(references).load(std::memory_order_acquire) == 1;
}

SharedBytes SharedBytes::adopt(Slab* slab, std::size_t begin, std::size_t size) {
  MOLDAU_CHECK(begin + size <= slab->capacity(), "range within its slab");
  SharedBytes bytes;
  bytes.slab_ = slab;
  bytes.data_ = slab->data() + begin;
  bytes.size_ = size;
  return bytes;
}

SharedBytes SharedBytes::allocate(std::size_t size) { return adopt(Slab::create(size), 0, size); }

SharedBytes SharedBytes::copy_of(ByteView bytes) {
  SharedBytes copy = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data_, bytes.data(), bytes.size());
  return copy;
}

SharedBytes::SharedBytes(const SharedBytes& other)
    : slab_(other.slab_), data_(other.data_), size_(other.size_) {
  if (slab_ != nullptr) slab_->add_reference();
}

SharedBytes SharedBytes::slice(std::size_t begin, std::size_t size) const {
  MOLDAU_CHECK(begin <= size_ && size <= size_ - begin, "slice within its range");
  SharedBytes part(*this);
  part.data_ += begin;
  part.size_ = size;
  return part;
}

}  // namespace moldau::base
