#pragma once
// Counts what operator new is asked for: linking allocation_counter.cpp replaces it, or under a sanitizer
// listens to its allocator.

#include <cstddef>

namespace moldau::test {

/// Bytes that operator new was asked for by this thread so far, freed or not.
std::size_t allocated_bytes();

}  // namespace moldau::test
