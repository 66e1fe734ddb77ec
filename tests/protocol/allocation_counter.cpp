#include "tests/protocol/allocation_counter.hpp"

#include <cstdlib>
#include <new>

#ifdef MOLDAU_SANITIZED
#include <sanitizer/allocator_interface.h>
#endif

namespace moldau::test {
namespace {
thread_local std::size_t allocated = 0;

#ifdef MOLDAU_SANITIZED
// The sanitizers have an operator new of their own, which tells whoever asks.
void note(const volatile void*, std::size_t size) { allocated += size; }
[[maybe_unused]] const int hook = __sanitizer_install_malloc_and_free_hooks(
    note, [](const volatile void*) {});
#else
void* allocate(std::size_t size) {
  allocated += size;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
#endif
}  // namespace

std::size_t allocated_bytes() { return allocated; }

}  // namespace moldau::test

#ifndef MOLDAU_SANITIZED
void* operator new(std::size_t size) { return moldau::test::allocate(size); }
void* operator new[](std::size_t size) { return moldau::test::allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#endif
