// Thread counts and cores for machines laid out in a folder that stands for "/".
#include "threading/topology.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <numeric>

#include "tests/support/fake_root.h"

namespace lacuna {
namespace {

using testing::FakeRoot;

// `threads` logical processors a core, numbered as Linux does on servers: siblings are `cores` apart.
void WriteCpus(FakeRoot& root, int cores, int threads) {
  root.Write("/sys/devices/system/cpu/online", "0-" + std::to_string(cores * threads - 1) + "\n");
  for (int cpu = 0; cpu < cores * threads; ++cpu) {
    std::string list;
    for (int t = 0; t < threads; ++t) list += (t ? "," : "") + std::to_string(cpu % cores + t * cores);
    root.Write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list", list + "\n");
  }
}

std::vector<int> Range(int first, int count) {
  std::vector<int> cpus(count);
  std::iota(cpus.begin(), cpus.end(), first);
  return cpus;
}

TEST(Topology, CpuLists) {
  EXPECT_EQ(ParseCpuList("0-2,5,7-8\n"), (std::vector<int>{0, 1, 2, 5, 7, 8}));
  EXPECT_EQ(ParseCpuList("3"), std::vector<int>{3});
  EXPECT_EQ(ParseCpuList(""), std::vector<int>{});
  EXPECT_EQ(ParseCpuList("\n"), std::vector<int>{});
  EXPECT_EQ(ParseCpuList("1,x"), std::vector<int>{1});
  EXPECT_EQ(ParseCpuList("5-2"), std::vector<int>{});
  EXPECT_EQ(ParseCpuList("0-99999999999"), std::vector<int>{});
}

TEST(Topology, PhysicalCoresFromFourOn) {
  FakeRoot root;
  WriteCpus(root, 8, 2);
  const Topology whole = ReadTopology(root.path(), Range(0, 16));
  EXPECT_EQ(whole.cores.size(), 8u);
  EXPECT_EQ(whole.cores[3], (std::vector<int>{3, 11}));
  EXPECT_TRUE(whole.WholeMachine());
  EXPECT_EQ(DefaultThreadCount(whole), 8);

  const Topology half = ReadTopology(root.path(), {0, 1, 2, 3, 8, 9, 10, 11});
  EXPECT_EQ(DefaultThreadCount(half), 4);
  EXPECT_FALSE(half.WholeMachine());

  const Topology three = ReadTopology(root.path(), {0, 1, 2, 8, 9, 10});
  EXPECT_EQ(DefaultThreadCount(three), 6);  // below four cores every logical one counts
}

TEST(Topology, TwoCoresWithTwoThreadsUseFour) {
  FakeRoot root;
  WriteCpus(root, 2, 2);
  EXPECT_EQ(DefaultThreadCount(ReadTopology(root.path(), Range(0, 4))), 4);
  EXPECT_EQ(DefaultThreadCount(ReadTopology(root.path(), {2})), 1);
}

TEST(Topology, QuotaIsRoundedDownAndNeverBelowOne) {
  FakeRoot root;
  WriteCpus(root, 8, 1);
  root.Write("/proc/self/cgroup", "0::/\n");
  const std::pair<const char*, int> cases[] = {
      {"350000 100000", 3}, {"400000 100000", 4}, {"50000 100000", 1}, {"5000000 100000", 8}, {"max 100000", 8}};
  for (const auto& [quota, threads] : cases) {
    root.Write("/sys/fs/cgroup/cpu.max", quota);
    const Topology topology = ReadTopology(root.path(), Range(0, 8));
    EXPECT_EQ(DefaultThreadCount(topology), threads) << quota;
    EXPECT_EQ(topology.WholeMachine(), std::string(quota).starts_with("max")) << quota;
  }
}

TEST(Topology, CachesNodesAndHugePages) {
  FakeRoot root;
  WriteCpus(root, 2, 1);
  const std::string cache = "/sys/devices/system/cpu/cpu0/cache/index";
  const char* const rows[][3] = {
      {"1", "Data", "48K"}, {"1", "Instruction", "64K"}, {"2", "Unified", "2048K"}, {"3", "Unified", "480M"}};
  for (int i = 0; i < 4; ++i) {
    root.Write(cache + std::to_string(i) + "/level", rows[i][0]);
    root.Write(cache + std::to_string(i) + "/type", rows[i][1]);
    root.Write(cache + std::to_string(i) + "/size", rows[i][2]);
  }
  root.Write("/sys/devices/system/node/online", "0-1\n");
  root.Write("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  const Topology topology = ReadTopology(root.path(), Range(0, 2));
  EXPECT_EQ(topology.l1d_bytes, 48 << 10);
  EXPECT_EQ(topology.l2_bytes, 2 << 20);
  EXPECT_EQ(topology.l3_bytes, 480 << 20);
  EXPECT_EQ(topology.numa_nodes, 2);
  EXPECT_EQ(topology.huge_pages, "madvise");
}

TEST(Topology, NothingReadable) {
  FakeRoot root;
  const Topology topology = ReadTopology(root.path(), {4, 2});
  EXPECT_EQ(topology.cpus, (std::vector<int>{2, 4}));
  EXPECT_EQ(topology.cores.size(), 2u);
  EXPECT_EQ(topology.numa_nodes, 1);
  EXPECT_EQ(DefaultThreadCount(topology), 2);
  EXPECT_EQ(DefaultThreadCount(ReadTopology(root.path(), {})), 1);
}

TEST(Topology, ThisMachine) {
  const Topology topology = ReadTopology();
  std::printf("machine: %zu of %d processors, %zu cores, quota %.2f, L1d %lld L2 %lld L3 %lld, %d nodes, pages %s\n",
              topology.cpus.size(), topology.online, topology.cores.size(), topology.quota.value_or(-1),
              static_cast<long long>(topology.l1d_bytes), static_cast<long long>(topology.l2_bytes),
              static_cast<long long>(topology.l3_bytes), topology.numa_nodes, topology.huge_pages.c_str());
  EXPECT_FALSE(topology.cpus.empty());
  EXPECT_LE(topology.cores.size(), topology.cpus.size());
  EXPECT_LE(DefaultThreadCount(topology), static_cast<int>(topology.cpus.size()));
}

}  // namespace
}  // namespace lacuna
