// The linear op at every tier: the same bits as the reference whatever the number of rows, threads and members, with
// every epilogue, and by the kernel that the catalogue says.
#include "ops/linear.h"

#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "tests/support/amx_emulator.h"
#include "tests/support/data.h"
#include "tests/support/same_bits.h"

namespace lacuna {
namespace {

using namespace testing;

LinearMember MakeMember(int n, int k, bool bias, Random& random) {
  const std::vector<float> w = UniformFloats(static_cast<std::size_t>(n) * k, -1, 1, random);
  LinearMember member;
  member.weight = PackLinear({.name = "w",
                              .data = reinterpret_cast<const std::byte*>(w.data()),
                              .type = ElementType::kF32,
                              .n = n,
                              .k = k},
                             Codec::kBf16)
                      .value();
  if (bias) member.bias = UniformFloats(n, -1, 1, random);
  return member;
}

// dot + bias of one member, [rows][n], by the reference alone.
std::vector<float> RefMember(const LinearMember& member, const std::vector<float>& x, int rows) {
  const PackedWeight& w = member.weight;
  std::vector<bf16> rounded(static_cast<std::size_t>(rows) * w.k_padded);
  for (int i = 0; i < rows; ++i) kernels::RefToBf16(&x[i * w.k], w.k, w.k_padded, &rounded[i * w.k_padded]);
  const int stride = w.panels() * 16;
  std::vector<float> padded(static_cast<std::size_t>(rows) * stride), y;
  kernels::RefLinearBf16({.x = rounded.data(),
                          .x_stride = w.k_padded,
                          .w = w.Bf16(),
                          .y = padded.data(),
                          .y_stride = stride,
                          .m = rows,
                          .k_padded = w.k_padded,
                          .k_segment = w.k_segment,
                          .panel_begin = 0,
                          .panel_end = w.panels()});
  for (int i = 0; i < rows; ++i) {
    for (int c = 0; c < w.n; ++c) {
      y.push_back(padded[i * stride + c] + (member.bias.empty() ? 0.0f : member.bias[c]));
    }
  }
  return y;
}

class LinearOp : public ::testing::TestWithParam<Tier> {
 protected:
  void SetUp() override {
    if (GetParam() == Tier::kAmx) InstallAmxEmulator();
    features_ = ReadCpuFeatures();
    if (!HasTier(features_, GetParam())) GTEST_SKIP() << "needs " << MissingForTier(features_, GetParam());
  }

  // Runs the op over `rows` rows with `threads` threads; y holds what was there before and then the results.
  void Run(const LinearSet& set, LinearEpilogue epilogue, const std::vector<float>& x, int rows, int threads,
           std::vector<std::vector<float>>* y) {
    auto team = ThreadTeam::Create(threads);
    ASSERT_TRUE(team.ok());
    CpuBackend backend(**team, TargetFor(features_, GetParam()));
    auto workspace = AlignedBuffer::Create(LinearWorkspace(rows, set.k(), threads), "workspace");
    ASSERT_TRUE(workspace.ok());
    std::vector<View> views;
    for (std::vector<float>& values : *y) {
      views.push_back(F32View(values.data(), rows, static_cast<int64_t>(values.size()) / rows));
    }
    const View input = F32View(const_cast<float*>(x.data()), rows, set.k());
    ResetKernelCounts();
    const Status status = Linear(backend, {.set = &set,
                                           .x = input,
                                           .y = views,
                                           .epilogue = epilogue,
                                           .workspace = {workspace->data(), workspace->size()}});
    ASSERT_TRUE(status.ok()) << status.message();
    const std::vector<KernelCount> counts = ReadKernelCounts();
    ASSERT_EQ(counts.size(), 1u);
    EXPECT_EQ(counts[0].name, Select(LinearBf16Kernels(), rows, TargetFor(features_, GetParam())).name);
    EXPECT_EQ(counts[0].calls, 1u);
  }

  bool Slow() const { return GetParam() == Tier::kAmx && !AmxIsNative(); }

  CpuFeatures features_;
  Random random_{TestSeed(41)};
  FpScope fp_;
};

constexpr int kRows[] = {1, 2, 7, 16, 17, 40, 66};

TEST_P(LinearOp, ThreeMembersWithBias) {
  const int k = 200;
  LinearSet set;
  set.members.push_back(MakeMember(150, k, true, random_));
  set.members.push_back(MakeMember(40, k, false, random_));
  set.members.push_back(MakeMember(33, k, true, random_));
  for (int rows : kRows) {
    const std::vector<float> x = UniformFloats(static_cast<std::size_t>(rows) * k, -2, 2, random_);
    for (int threads : {1, 2, 3}) {
      std::vector<std::vector<float>> y;
      for (const LinearMember& member : set.members) y.emplace_back(rows * member.weight.n, -9.0f);
      ASSERT_NO_FATAL_FAILURE(Run(set, LinearEpilogue::kStore, x, rows, threads, &y));
      for (std::size_t m = 0; m < set.members.size(); ++m) {
        ASSERT_TRUE(SameBits(y[m], RefMember(set.members[m], x, rows))) << rows << " rows, " << threads << " threads";
      }
    }
  }
}

TEST_P(LinearOp, PairAndResidual) {
  const int k = 96, n = 250;
  LinearSet pair, single;
  pair.members.push_back(MakeMember(n, k, true, random_));
  pair.members.push_back(MakeMember(n, k, true, random_));
  single.members.push_back(MakeMember(n, k, false, random_));
  for (int rows : kRows) {
    const std::vector<float> x = UniformFloats(static_cast<std::size_t>(rows) * k, -2, 2, random_);
    const std::vector<float> before = UniformFloats(static_cast<std::size_t>(rows) * n, -2, 2, random_);
    std::vector<float> want = RefMember(pair.members[0], x, rows);
    kernels::RefSiluMul(want.data(), RefMember(pair.members[1], x, rows).data(), rows * n, want.data());
    std::vector<float> sum = RefMember(single.members[0], x, rows);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += before[i];
    for (int threads : {1, 2}) {
      std::vector<std::vector<float>> y = {before};
      ASSERT_NO_FATAL_FAILURE(Run(pair, LinearEpilogue::kSiluMul, x, rows, threads, &y));
      ASSERT_TRUE(SameBits(y[0], want)) << rows << " rows";
      y = {before};
      ASSERT_NO_FATAL_FAILURE(Run(single, LinearEpilogue::kResidual, x, rows, threads, &y));
      ASSERT_TRUE(SameBits(y[0], sum)) << rows << " rows";
    }
  }
}

// More rows than one block, K in segments.
TEST_P(LinearOp, LongPromptAndSegments) {
  const int k = Slow() ? 1088 : 2000, n = 70, rows = Slow() ? 20 : 1100;
  LinearSet set;
  set.members.push_back(MakeMember(n, k, false, random_));
  ASSERT_EQ(set.members[0].weight.k_segment, 1024);
  const std::vector<float> x = UniformFloats(static_cast<std::size_t>(rows) * k, -2, 2, random_);
  std::vector<std::vector<float>> y = {std::vector<float>(static_cast<std::size_t>(rows) * n)};
  auto team = ThreadTeam::Create(2);
  ASSERT_TRUE(team.ok());
  CpuBackend backend(**team, TargetFor(features_, GetParam()));
  auto workspace = AlignedBuffer::Create(LinearWorkspace(rows, k, 2), "workspace");
  ASSERT_TRUE(workspace.ok());
  const View out[] = {F32View(y[0].data(), rows, n)};
  ASSERT_TRUE(Linear(backend, {.set = &set,
                               .x = F32View(const_cast<float*>(x.data()), rows, k),
                               .y = out,
                               .workspace = {workspace->data(), workspace->size()}})
                  .ok());
  EXPECT_TRUE(SameBits(y[0], RefMember(set.members[0], x, rows)));
}

std::string CaseName(const ::testing::TestParamInfo<Tier>& info) { return TierName(info.param); }

INSTANTIATE_TEST_SUITE_P(Tiers, LinearOp,
                         ::testing::Values(Tier::kRef, Tier::kSimd, Tier::kAvx512, Tier::kAvx512Bf16, Tier::kAmx),
                         CaseName);

}  // namespace
}  // namespace lacuna
