// The team's promises: every block once, regions and barriers order memory, several callers take turns, an idle team
// uses no processor. Sizes above the machine's make threads park in the middle of everything.
#include "threading/thread_team.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "base/fp_scope.h"

namespace lacuna {
namespace {

std::unique_ptr<ThreadTeam> Make(int workers) {
  auto team = ThreadTeam::Create(workers);
  EXPECT_TRUE(team.ok()) << team.status().message();
  return std::move(team).value();
}

class TeamOfSize : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Sizes, TeamOfSize, ::testing::Values(1, 2, 3, 4, 7));

TEST_P(TeamOfSize, EveryWorkerRunsOnce) {
  auto team = Make(GetParam());
  ASSERT_EQ(team->workers(), GetParam());
  std::vector<int> runs(GetParam());
  std::vector<pthread_t> threads(GetParam());
  for (int i = 0; i < 200; ++i) {
    team->Run([&](int worker, int workers) {
      ASSERT_EQ(workers, GetParam());
      ++runs[worker];
      threads[worker] = pthread_self();
    });
  }
  EXPECT_EQ(runs, std::vector<int>(GetParam(), 200));
  EXPECT_TRUE(pthread_equal(threads[0], pthread_self()));  // the caller is worker 0
}

// Plain memory, written in one region by one worker and read in the next by another.
TEST_P(TeamOfSize, ThousandsOfRegionsOrderMemory) {
  auto team = Make(GetParam());
  const int n = GetParam();
  std::vector<int64_t> from(n, 1), to(n);
  for (int i = 0; i < 3000; ++i) {
    team->Run([&](int worker, int workers) { to[worker] = from[(worker + 1) % workers] + 1; });
    std::swap(from, to);
  }
  EXPECT_EQ(from, std::vector<int64_t>(n, 3001));
}

TEST_P(TeamOfSize, BarriersOrderMemoryInsideARegion) {
  auto team = Make(GetParam());
  const int n = GetParam(), steps = 300;
  std::vector<int64_t> even(n, 1), odd(n);
  for (int round = 0; round < 5; ++round) {
    team->Run([&](int worker, int workers) {
      for (int step = 0; step < steps; ++step) {
        odd[worker] = even[(worker + 1) % workers] + 1;
        team->Barrier(worker);
        even[worker] = odd[(worker + 1) % workers] + 1;
        team->Barrier(worker);
      }
    });
  }
  EXPECT_EQ(even, std::vector<int64_t>(n, 1 + 5 * 2 * steps));
}

TEST_P(TeamOfSize, ParallelForCoversEachBlockOnce) {
  auto team = Make(GetParam());
  for (int64_t blocks : {0, 1, 2, 3, 6, 7, 8, 31, 100, 1000, 4097}) {
    for (int64_t chunk : {0, 1, 3, 64, 5000}) {
      std::vector<int> seen(blocks);  // written without atomics: each element has one owner
      std::atomic<bool> bad{false};
      team->ParallelFor(
          blocks,
          [&](int64_t begin, int64_t end, int worker) {
            if (begin >= end || begin < 0 || end > blocks || worker < 0 || worker >= GetParam()) bad = true;
            for (int64_t b = begin; b < end; ++b) ++seen[b];
          },
          chunk);
      EXPECT_FALSE(bad);
      EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), blocks) << "chunk " << chunk;
    }
  }
}

// Shares of 0, 1, 2, .. blocks: each worker takes its own first, and all blocks are done once.
TEST_P(TeamOfSize, SharesOfTheCallersChoice) {
  auto team = Make(GetParam());
  const auto first = [](int worker) { return int64_t{worker} * (worker - 1) / 2; };
  const int n = GetParam(), blocks = static_cast<int>(first(n));
  for (int round = 0; round < 100; ++round) {
    std::vector<std::atomic<int>> done(static_cast<std::size_t>(blocks));
    std::vector<int64_t> begins(static_cast<std::size_t>(n), -1);
    team->Run(first, [&](int worker, int) {
      team->ForBlocks(
          worker,
          [&](int64_t begin, int64_t end, int w) {
            if (begins[static_cast<std::size_t>(w)] < 0) begins[static_cast<std::size_t>(w)] = begin;
            for (int64_t b = begin; b < end; ++b) ++done[static_cast<std::size_t>(b)];
          },
          1);
    });
    for (const std::atomic<int>& times : done) ASSERT_EQ(times, 1);
    if (n == 1) continue;
    // The last share is the largest; its owner starts with it unless others took it whole.
    const int64_t begin = begins.back();
    ASSERT_TRUE(begin == -1 || begin < first(n));
  }
}

TEST_P(TeamOfSize, FpScopeHoldsOnEveryWorkerAndIsRestored) {
  auto team = Make(GetParam());
  const unsigned before = _mm_getcsr() & ~0x3fu;
  std::vector<unsigned> seen(GetParam());
  team->Run([&](int worker, int) { seen[worker] = _mm_getcsr() & ~0x3fu; });
  EXPECT_EQ(seen, std::vector<unsigned>(GetParam(), kContractMxcsr));
  EXPECT_EQ(_mm_getcsr() & ~0x3fu, before);
  unsigned one_block = 0;
  team->ParallelFor(1, [&](int64_t, int64_t, int) { one_block = _mm_getcsr() & ~0x3fu; });
  EXPECT_EQ(one_block, kContractMxcsr);
  EXPECT_EQ(_mm_getcsr() & ~0x3fu, before);
}

TEST_P(TeamOfSize, FourCallersTakeTurns) {
  auto team = Make(GetParam());
  int inside = 0;     // callers in a region: guarded by the team's lock alone
  int64_t total = 0;  // likewise
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&, c] {
      for (int i = 0; i < 250; ++i) {
        if (c % 2 == 0) {
          TeamLock lock(*team);
          const int64_t before = total;
          for (int step = 0; step < 3; ++step) {
            team->Run([&](int worker, int) {
              if (worker == 0) ++total;
            });
          }
          ASSERT_EQ(total, before + 3);  // nobody else's region came between
        } else {
          team->Run([&](int worker, int) {
            if (worker != 0) return;
            ASSERT_EQ(++inside, 1);
            ++total;
            --inside;
          });
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, 2 * 250 * 3 + 2 * 250);
}

TEST_P(TeamOfSize, ParksAndWakes) {
  auto team = Make(GetParam());
  std::atomic<int> runs{0};
  for (int i = 0; i < 100; ++i) {
    usleep(i % 10 * 20);  // around the 20 us after which workers park
    team->Run([&](int, int) { runs.fetch_add(1, std::memory_order_relaxed); });
  }
  EXPECT_EQ(runs, 100 * GetParam());
}

TEST_P(TeamOfSize, CreatedAndDestroyedManyTimes) {
  for (int i = 0; i < 50; ++i) {
    auto team = Make(GetParam());
    if (i % 2) team->Run([](int, int) {});
    if (i % 3 == 0) usleep(100);
  }
}

TEST(ThreadTeam, SlowWorkersBlocksAreStolen) {
  auto team = Make(2);
  std::vector<int> owner(64, -1);
  team->ParallelFor(
      64,
      [&](int64_t begin, int64_t, int worker) {
        owner[begin] = worker;
        if (worker == 1) usleep(5000);
      },
      1);
  EXPECT_EQ(std::count(owner.begin(), owner.end(), -1), 0);
  EXPECT_GT(std::count(owner.begin() + 32, owner.end(), 0), 0);  // the second half was worker 1's share
}

TEST(ThreadTeam, LocksNestInOneThread) {
  auto team = Make(2);
  TeamLock outer(*team);
  {
    TeamLock inner(*team);
    team->Run([](int, int) {});
  }
  int runs = 0;
  team->ParallelFor(1, [&](int64_t, int64_t, int) { ++runs; });
  EXPECT_EQ(runs, 1);
}

TEST(ThreadTeam, BadSizes) {
  for (int workers : {-1, ThreadTeam::kMaxWorkers + 1}) {
    const auto team = ThreadTeam::Create(workers);
    ASSERT_FALSE(team.ok());
    EXPECT_EQ(team.status().code(), StatusCode::kInvalidInput);
    EXPECT_NE(team.status().message().find(std::to_string(workers)), std::string::npos);
  }
  EXPECT_EQ(Make(0)->workers(), DefaultThreadCount());
}

TEST(ThreadTeam, PinsOnlyOnTheWholeMachineAtTheDefaultSize) {
  Topology topology = ReadTopology();
  if (topology.cpus.size() < 2) GTEST_SKIP() << "one processor: nothing to pin";
  if (topology.WholeMachine()) {
    EXPECT_EQ(ThreadTeam::Create(0, topology).value()->pinned(), DefaultThreadCount(topology) > 1);
    EXPECT_FALSE(ThreadTeam::Create(DefaultThreadCount(topology) + 1, topology).value()->pinned());
  }
  topology.quota = 2.0;
  EXPECT_FALSE(ThreadTeam::Create(0, topology).value()->pinned());
  topology.quota.reset();
  topology.online += 1;  // the mask leaves one out
  EXPECT_FALSE(ThreadTeam::Create(0, topology).value()->pinned());
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

TEST(ThreadTeam, IdleTeamUsesNoProcessor) {
  auto team = Make(4);
  team->Run([](int, int) {});
  usleep(5000);  // past the spin
  const double before = CpuSeconds();
  usleep(200'000);
  const double used = CpuSeconds() - before;
  std::printf("idle team of 4: %.3f ms of processor time in 200 ms\n", used * 1e3);
  EXPECT_LT(used, 0.02);
}

// The figure that matters is the median of a busy loop of regions; other programs on the machine make the tail.
TEST(ThreadTeam, RegionStartTime) {
  auto team = Make(std::min(2, DefaultThreadCount()));
  using Clock = std::chrono::steady_clock;
  std::vector<double> start, whole;
  for (int i = 0; i < 5000; ++i) {
    Clock::time_point began[2];
    const Clock::time_point t0 = Clock::now();
    team->Run([&](int worker, int) { began[worker] = Clock::now(); });
    const Clock::time_point t1 = Clock::now();
    start.push_back(std::chrono::duration<double, std::micro>(began[team->workers() - 1] - t0).count());
    whole.push_back(std::chrono::duration<double, std::micro>(t1 - t0).count());
  }
  std::sort(start.begin(), start.end());
  std::sort(whole.begin(), whole.end());
  std::printf("region of %d: last worker starts after %.2f us (p99 %.2f), empty region %.2f us (p99 %.2f)\n",
              team->workers(), start[2500], start[4950], whole[2500], whole[4950]);
  EXPECT_LT(start[2500], 200.0);  // 3 us where nothing else runs; loose, for a loaded machine
}

#ifndef NDEBUG
TEST(ThreadTeamDeathTest, RegionInsideARegionIsCaught) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto team = Make(2);
        team->Run([&](int, int) { team->Run([](int, int) {}); });
      },
      "t_region");
  EXPECT_DEATH(
      {
        auto team = Make(1);
        team->Barrier(0);
      },
      "t_region");
}
#endif

}  // namespace
}  // namespace lacuna
