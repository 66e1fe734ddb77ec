#pragma once
// Memory of slabs.  Large blocks are mapped, and some of them kept for the next: they are allocated on a
// loop's thread and freed on another, in an order of their own, and in malloc's heaps that left holes
// several times as large as what was in use.

#include <cstddef>

namespace moldau::base::block_pool {

/// Throws std::bad_alloc.  Aligned for any type.  Thread rule: any thread.
void* allocate(std::size_t size);
/// `size` as it was asked for.
void free(void* block, std::size_t size);

/// Blocks from this size on are the pool's, smaller ones malloc's.
constexpr std::size_t pooled_size_min = 32 * 1024;
/// What such a block takes: a quarter more at the most.
std::size_t block_bytes(std::size_t size);
/// Bytes that are kept for the next.
std::size_t kept_bytes();
/// Gives back what is kept beyond so many.
void trim(std::size_t bytes);

}  // namespace moldau::base::block_pool
