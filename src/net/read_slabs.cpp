#include "net/read_slabs.hpp"

#include <algorithm>

#include "moldau/base/check.hpp"
#include "moldau/base/limits.hpp"

namespace moldau::net {

base::MutableByteView ReadSlab::room() {
  if (slab_.size() - used_ < room_bytes_min) {
    slab_ = base::SharedBytes::allocate(limits::shared_slab_bytes);
    used_ = 0;
  }
  return slab_.mutable_view().subspan(used_);
}

base::SharedBytes ReadSlab::take(std::size_t size) {
  base::SharedBytes taken = slab_.slice(used_, size);
  // Frames after it start at a multiple of 16.
  used_ = std::min((used_ + size + 15) / 16 * 16, slab_.size());
  return taken;
}

bool ReadSlab::rewind() {
  if (slab_.empty()) return true;
  if (!slab_.slab()->is_unique()) return false;
  used_ = 0;
  return true;
}

}  // namespace moldau::net
