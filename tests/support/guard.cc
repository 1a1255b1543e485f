#include "tests/support/guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace lacuna::testing {
namespace {

std::size_t PageSize() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

GuardedBytes::GuardedBytes(std::size_t max_bytes) {
  const std::size_t page = PageSize();
  inner_ = (max_bytes + page - 1) / page * page;
  void* mapping = mmap(nullptr, inner_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) std::abort();
  mapping_ = static_cast<std::byte*>(mapping);
  if (inner_ > 0 && mprotect(mapping_ + page, inner_, PROT_READ | PROT_WRITE) != 0) std::abort();
}

GuardedBytes::~GuardedBytes() { munmap(mapping_, inner_ + 2 * PageSize()); }

void* GuardedBytes::Place(std::size_t bytes, GuardSide side) {
  if (bytes > inner_) std::abort();
  return mapping_ + PageSize() + (side == GuardSide::kBefore ? 0 : inner_ - bytes);
}

}  // namespace lacuna::testing
