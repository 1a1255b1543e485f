// A region allocates nothing: operator new is replaced for this program and counts.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "threading/thread_team.h"

namespace {
std::atomic<long> g_allocations{0};
}

// malloc and free underneath, so that sanitizers still see every block; out of line, so that
// the compiler pairs them as new and delete.
__attribute__((noinline)) void* operator new(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size ? size : 1)) return p;
  std::abort();
}
__attribute__((noinline)) void operator delete(void* p) noexcept { std::free(p); }
__attribute__((noinline)) void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace lacuna {
namespace {

TEST(ThreadTeamAllocation, RegionsAllocateNothing) {
  auto team = ThreadTeam::Create(3).value();
  long captured[8] = {};
  const long before = g_allocations;
  for (int i = 0; i < 100; ++i) {
    TeamLock lock(*team);
    // More captures than std::function would keep inside itself.
    team->Run([&captured, &team, i, a = 1L, b = 2L, c = 3L](int worker, int) {
      captured[worker] += a + b + c + i;
      team->Barrier(worker);
    });
    team->ParallelFor(1000, [&captured](int64_t begin, int64_t end, int worker) { captured[worker] += end - begin; });
  }
  EXPECT_EQ(g_allocations - before, 0);
  EXPECT_EQ(captured[0] + captured[1] + captured[2], 3 * (600 + 4950) + 100 * 1000);
  ::operator delete(::operator new(8));
  EXPECT_GT(g_allocations, before) << "the counter counts";
}

}  // namespace
}  // namespace lacuna
