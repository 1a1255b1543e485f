// Every row of the catalogue's linear list against the reference, bit for bit: all tails, segments, panel ranges, data
// that tells orders apart, and guard pages around every buffer. AMX rows run natively or under the emulator.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "backend/cpu/catalog.h"
#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "tests/support/amx_emulator.h"
#include "tests/support/command.h"
#include "tests/support/data.h"
#include "tests/support/guard.h"
#include "tests/support/same_bits.h"

namespace lacuna {
namespace {

using namespace testing;
using kernels::LinearBf16Args;
using kernels::LinearInput;

int Padded(int k) { return (k + 31) / 32 * 32; }

std::size_t InputBytes(LinearInput layout, int m, int k_padded) {
  const std::size_t values = static_cast<std::size_t>(m) * k_padded;
  if (layout == LinearInput::kRows) return values * 2;
  if (layout == LinearInput::kTiles) {
    return static_cast<std::size_t>(m < 16 ? m : (m + 15) / 16 * 16) * k_padded * 2;
  }
  return values * 4;
}

// One problem: what the kernels read, and the reference's answer.
struct Problem {
  int m, n, k, k_segment;
  std::vector<float> x;  // [m][k], not yet rounded
  std::vector<bf16> w;   // panels
  std::vector<float> want;

  int panels() const { return (n + 15) / 16; }
  int k_padded() const { return Padded(k); }
};

Problem MakeProblem(DataKind kind, int m, int n, int k, int k_segment, Random& random) {
  const LinearData data = MakeLinearData(kind, m, n, k, random);
  Problem p{.m = m, .n = n, .k = k, .k_segment = k_segment, .x = ToFloats(data.x), .w = PackPanels(data.w, n, k)};
  // Bits below bf16's, so that the kernels' own rounding matters; exponents stay as they are.
  for (float& v : p.x) {
    const uint32_t bits = FloatBits(v);
    if ((bits & 0x7f800000u) != 0x7f800000u) v = FloatFromBits(bits | static_cast<uint32_t>(random() & 0xffff));
  }
  std::vector<bf16> rows(static_cast<std::size_t>(m) * p.k_padded());
  for (int i = 0; i < m; ++i) kernels::RefToBf16(&p.x[i * k], k, p.k_padded(), &rows[i * p.k_padded()]);
  p.want.resize(static_cast<std::size_t>(m) * p.panels() * 16);
  kernels::RefLinearBf16({.x = rows.data(),
                          .x_stride = p.k_padded(),
                          .w = p.w.data(),
                          .y = p.want.data(),
                          .y_stride = p.panels() * 16,
                          .m = m,
                          .k_padded = p.k_padded(),
                          .k_segment = k_segment,
                          .panel_begin = 0,
                          .panel_end = p.panels()});
  return p;
}

// What of it is computed: panels [begin, end).
::testing::AssertionResult Equals(const LinearBf16Kernel& kernel, const Problem& p, GuardSide side, int begin,
                                  int end) {
  const std::size_t input_bytes = InputBytes(kernel.input, p.m, p.k_padded());
  GuardedBytes input_guard(input_bytes);
  Guarded<float> x_guard(p.x.size()), y_guard(p.want.size());
  Guarded<bf16> w_guard(p.w.size());
  const std::span<const float> x = x_guard.Copy(p.x, side);
  const std::span<const bf16> w = w_guard.Copy(p.w, side);
  const int width = (end - begin) * 16;
  const std::span<float> y = y_guard.Place(static_cast<std::size_t>(p.m) * width, side);
  void* input = input_guard.Place(input_bytes, side);
  std::fill_n(static_cast<unsigned char*>(input), input_bytes, 0xff);  // NaN wherever packing forgets a value
  const int middle = p.k_padded() / 2 / 32 * 32;                       // packed in two parts, as two threads would
  for (int part = 0; part < 2; ++part) {
    kernel.pack({.x = x.data(),
                 .x_stride = p.k,
                 .to = input,
                 .m = p.m,
                 .k = p.k,
                 .k_padded = p.k_padded(),
                 .k_begin = part == 0 ? 0 : middle,
                 .k_end = part == 0 ? middle : p.k_padded(),
                 .block_rows = kernel.block_rows});
  }
  if (kernel.begin != nullptr) kernel.begin(p.m);
  kernel.run({.x = input,
              .x_stride = p.k_padded(),
              .w = w.data(),
              .y = y.data(),
              .y_stride = width,
              .m = p.m,
              .k_padded = p.k_padded(),
              .k_segment = p.k_segment,
              .panel_begin = begin,
              .panel_end = end});
  if (kernel.end != nullptr) kernel.end();
  for (int i = 0; i < p.m; ++i) {
    const auto got = y.subspan(static_cast<std::size_t>(i) * width, width);
    const auto want = std::span(p.want).subspan(i * p.panels() * 16 + begin * 16, width);
    if (::testing::AssertionResult same = SameBits(got, want); !same) {
      return same << ", row " << i << " of " << p.m << ", n " << p.n << ", k " << p.k << ", segment " << p.k_segment
                  << ", panels " << begin << " to " << end;
    }
  }
  return ::testing::AssertionSuccess();
}

class LinearKernel : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (kernel_.tier == Tier::kAmx) InstallAmxEmulator();
    const CpuFeatures features = ReadCpuFeatures();
    if (!HasTier(features, kernel_.tier)) {
      GTEST_SKIP() << kernel_.name << " needs " << MissingForTier(features, kernel_.tier);
    }
    SCOPED_TRACE(SeedText(seed_));
  }

  bool Does(int m) const { return m >= kernel_.min_m && m <= kernel_.max_m; }
  // Emulated tile instructions take microseconds: fewer and smaller cases.
  bool Slow() const { return kernel_.tier == Tier::kAmx && !AmxIsNative(); }

  void Check(const Problem& p) {
    for (GuardSide side : {GuardSide::kBefore, GuardSide::kAfter}) {
      ASSERT_TRUE(Equals(kernel_, p, side, 0, p.panels())) << kernel_.name;
    }
  }

  const LinearBf16Kernel& kernel_ = LinearBf16Kernels()[GetParam()];
  const uint64_t seed_ = TestSeed(31);
  Random random_{seed_};
  FpScope fp_;
};

TEST_P(LinearKernel, EveryTailOfK) {
  const int m = std::max(3, kernel_.min_m);
  for (int k = 1; k <= 200; k += Slow() ? 37 : 3) Check(MakeProblem(DataKind::kWide, m, 40, k, 0, random_));
}

TEST_P(LinearKernel, EveryTailOfN) {
  for (int n = 1; n <= 70; n += Slow() ? 23 : 1) {
    Check(MakeProblem(DataKind::kWide, std::max(2, kernel_.min_m), n, 64, 0, random_));
  }
}

TEST_P(LinearKernel, EveryNumberOfRows) {
  for (int m = 1; m <= 70; m += Slow() && m > 2 ? 13 : 1) {
    if (Does(m)) Check(MakeProblem(DataKind::kWide, m, 48, 96, 0, random_));
  }
}

TEST_P(LinearKernel, EveryKindOfData) {
  for (DataKind kind : kAllDataKinds) {
    for (int m : {1, 5, 8, 16, 17, 33}) {
      if (Does(m) && !(Slow() && m == 33)) Check(MakeProblem(kind, m, 33, Slow() ? 160 : 700, 0, random_));
    }
  }
}

TEST_P(LinearKernel, Segments) {
  for (int m : {1, 4, 16, 17, 40}) {
    if (!Does(m) || (Slow() && m == 40)) continue;
    for (int k_segment : {128, 1024}) {
      for (int k : {100, 128, 250, Slow() ? 1056 : 2100}) {
        Check(MakeProblem(DataKind::kWide, m, 50, k, k_segment, random_));
      }
    }
  }
}

// Prompts, or as many rows as the kernel does: several chunks of K, row groups and their tails.
TEST_P(LinearKernel, ManyRows) {
  for (int m : {512, 499, 61}) {
    if (Slow() && m > 100) continue;
    Check(MakeProblem(DataKind::kWide, std::min(m, kernel_.max_m), 40, Slow() ? 544 : 1100, 0, random_));
  }
}

TEST_P(LinearKernel, PanelRanges) {
  const Problem p = MakeProblem(DataKind::kSkewed, std::max(3, kernel_.min_m), 110, 130, 0, random_);
  for (int begin = 0; begin < p.panels(); ++begin) {
    for (int end = begin + 1; end <= p.panels(); ++end) {
      ASSERT_TRUE(Equals(kernel_, p, GuardSide::kAfter, begin, end)) << kernel_.name;
    }
  }
}

// The test names of AMX rows contain "Amx": ctest runs those a second time under the emulator.
std::string CaseName(const ::testing::TestParamInfo<int>& info) {
  const LinearBf16Kernel& kernel = LinearBf16Kernels()[info.param];
  std::string name = kernel.name;
  if (kernel.tier == Tier::kAmx) name[0] = 'A';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, LinearKernel, ::testing::Range(1, static_cast<int>(LinearBf16Kernels().size())),
                         CaseName);

// What was executed: a kernel that never came to a tile would pass everything above. Where AMX is native nothing traps,
// so nothing is counted: this program without tile permission, run from here, counts.
TEST(LinearAmx, TilesDoTheWork) {
  InstallAmxEmulator();
  if (AmxIsNative()) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string command = "LACUNA_AMX_EMULATE=1 " + Quote(program) + " --gtest_filter=LinearAmx.TilesDoTheWork";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return;
  }
  FpScope fp;
  Random random(TestSeed(32));
  for (const LinearBf16Kernel& kernel : LinearBf16Kernels()) {
    if (kernel.tier != Tier::kAmx) continue;
    ResetAmxCounts();
    const int m = std::max(2, kernel.min_m);
    ASSERT_TRUE(Equals(kernel, MakeProblem(DataKind::kWide, m, 64, 64, 0, random), GuardSide::kAfter, 0, 4));
    // 4 panels x 2 steps x row blocks, not one product more.
    EXPECT_EQ(AmxInstructionCount(AmxOp::kTdpbf16ps), 8u * ((m + 15) / 16)) << kernel.name;
  }
}

}  // namespace
}  // namespace lacuna
