#include "tests/protocol/allocation_counter.hpp"

#include <cstdlib>
#include <new>

namespace moldau::test {
namespace {
thread_local std::size_t allocated = 0;

void* allocate(std::size_t size) {
  allocated += size;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

std::size_t allocated_bytes() { return allocated; }

}  // namespace moldau::test

void* operator new(std::size_t size) { return moldau::test::allocate(size); }
void* operator new[](std::size_t size) { return moldau::test::allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
