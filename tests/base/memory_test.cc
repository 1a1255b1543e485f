// Memory and processor limits as machines and containers show them, laid out in a folder that stands for "/".
#include "base/memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "tests/support/fake_root.h"

namespace lacuna {
namespace {

using testing::FakeRoot;

TEST(Memory, AvailableWithoutGroups) {
  FakeRoot root;
  root.Write("/proc/meminfo", "MemTotal:       100 kB\nMemFree:         10 kB\nMemAvailable:     40 kB\n");
  EXPECT_EQ(BytesAvailable(root.path()), 40u * 1024);
}

TEST(Memory, NothingReadableMeansNoLimit) { EXPECT_GT(BytesAvailable(FakeRoot().path()), uint64_t{1} << 60); }

TEST(Memory, GroupsV2TakeTheTightestOnTheWayUp) {
  FakeRoot root;
  root.Write("/proc/meminfo", "MemAvailable: 4000000 kB\n");
  root.Write("/proc/self/cgroup", "0::/outer/inner\n");
  root.Write("/sys/fs/cgroup/outer/memory.max", "1000000\n");
  root.Write("/sys/fs/cgroup/outer/memory.current", "900000\n");
  root.Write("/sys/fs/cgroup/outer/memory.stat", "anon 1\ninactive_file 150000\nactive_file 50000\n");
  root.Write("/sys/fs/cgroup/outer/inner/memory.max", "max\n");
  root.Write("/sys/fs/cgroup/outer/inner/memory.current", "800000\n");
  root.Write("/sys/fs/cgroup/outer/inner/cpu.max", "150000 100000\n");
  root.Write("/sys/fs/cgroup/outer/cpu.max", "max 100000\n");
  EXPECT_EQ(BytesAvailable(root.path()), 300'000u);  // 1,000,000 - (900,000 - 200,000)
  EXPECT_EQ(ReadCgroupLimits(root.path()).cpu_quota, 1.5);
}

TEST(Memory, GroupsV1) {
  FakeRoot root;
  root.Write("/proc/meminfo", "MemAvailable: 4000000 kB\n");
  root.Write("/proc/self/cgroup", "4:memory:/job\n3:cpu,cpuacct:/job\n1:name=systemd:/\n");
  root.Write("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "500000\n");
  root.Write("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "100000\n");
  root.Write("/sys/fs/cgroup/memory/job/memory.stat", "cache 7\ntotal_inactive_file 40000\ntotal_active_file 10000\n");
  root.Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.Write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "300000\n");
  root.Write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  root.Write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  root.Write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(BytesAvailable(root.path()), 450'000u);
  EXPECT_EQ(ReadCgroupLimits(root.path()).cpu_quota, 3.0);
}

// A container sees its own group at the mount, while the path still names the host's.
TEST(Memory, ContainerWithForeignPath) {
  FakeRoot root;
  root.Write("/proc/self/cgroup", "0::/../../host/path\n");
  root.Write("/sys/fs/cgroup/memory.max", "1000\n");
  root.Write("/sys/fs/cgroup/memory.current", "5000\n");  // over the limit for a moment
  EXPECT_EQ(BytesAvailable(root.path()), 0u);
  EXPECT_FALSE(ReadCgroupLimits(root.path()).cpu_quota.has_value());
}

TEST(Memory, BrokenFilesAreIgnored) {
  FakeRoot root;
  root.Write("/proc/meminfo", "MemAvailable: lots kB\nMemAvailable: 8 kB\n");
  root.Write("/proc/self/cgroup", "nonsense\n0:\n0::relative\n:::\n0::/a\n");
  root.Write("/sys/fs/cgroup/a/memory.max", "");
  root.Write("/sys/fs/cgroup/a/cpu.max", "100 0\n");
  EXPECT_EQ(BytesAvailable(root.path()), 8u * 1024);
  EXPECT_FALSE(ReadCgroupLimits(root.path()).cpu_quota.has_value());
}

TEST(Memory, SwapCountsWhereItMay) {
  FakeRoot root;
  root.Write("/proc/meminfo", "MemAvailable: 40 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\n");
  EXPECT_EQ(BytesAvailable(root.path()), 40u * 1024);
  EXPECT_EQ(BytesWithSwap(root.path()), 100u * 1024);
}

TEST(Memory, LimitsOfTheProcess) {
  FakeRoot root;
  root.Write("/proc/self/statm", "1000 9 9 9 9 300 0\n");  // pages of 4 KiB
  for (const auto& [which, used] : {std::pair{RLIMIT_AS, 1000}, std::pair{RLIMIT_DATA, 300}}) {
    rlimit before{};
    ASSERT_EQ(getrlimit(which, &before), 0);
    rlimit limit = before;
    limit.rlim_cur = rlim_t{1} << 33;
    ASSERT_EQ(setrlimit(which, &limit), 0);
    const uint64_t left = BytesAvailable(root.path()), with_swap = BytesWithSwap(root.path());
    ASSERT_EQ(setrlimit(which, &before), 0);
    EXPECT_GT(with_swap, uint64_t{1} << 60);
    EXPECT_EQ(left, (uint64_t{1} << 33) - static_cast<uint64_t>(used * getpagesize()));
  }
}

TEST(Memory, ThisMachineHasSome) {
  EXPECT_GT(BytesAvailable(), uint64_t{1} << 20);
  EXPECT_LT(BytesAvailable(), uint64_t{1} << 50);
}

TEST(Memory, CheckNamesBothSizes) {
  EXPECT_TRUE(CheckMemoryFor(100, 100, "context").ok());
  const Status status = CheckMemoryFor(uint64_t{3} << 30, uint64_t{1} << 29, "context of 4096 tokens");
  EXPECT_EQ(status.code(), StatusCode::kOutOfMemory);
  EXPECT_EQ(status.message(), "the context of 4096 tokens needs 3.00 GiB but only 512 MiB of memory are available");
}

TEST(Memory, FormatBytes) {
  EXPECT_EQ(FormatBytes(0), "0 bytes");
  EXPECT_EQ(FormatBytes(1023), "1023 bytes");
  EXPECT_EQ(FormatBytes(1536), "1.50 KiB");
  EXPECT_EQ(FormatBytes(uint64_t{640} << 20), "640 MiB");
  EXPECT_EQ(FormatBytes(~uint64_t{0}), "16.00 EiB");
}

}  // namespace
}  // namespace lacuna
