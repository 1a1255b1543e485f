// Every row of the catalogue's lists for packed weights against the reference, bit for bit: every codec of its kind,
// all tails, numbers of rows, segments, parts of N and K, each stream with 64 readable bytes behind and then none. AMX
// rows run natively or under the emulator.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>

#include "backend/cpu/catalog.h"
#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "tests/support/amx_emulator.h"
#include "tests/support/guard.h"
#include "tests/support/packed_cases.h"
#include "tests/support/same_bits.h"

namespace lacuna {
namespace {

using namespace testing;
using kernels::LinearInput;
using kernels::LinearPackedArgs;

// The streams of a weight, each before an unreadable page.
class GuardedWeight {
 public:
  explicit GuardedWeight(const PackedWeight& weight) : view_(weight.view) {
    view_.values = Place(view_.values, weight.stream(Stream::kValues).size());
    view_.mask = Place(view_.mask, weight.stream(Stream::kMask).size());
    view_.tile_offsets = Place(view_.tile_offsets, weight.stream(Stream::kOffsets).size());
    view_.panel_bases = Place(view_.panel_bases, weight.stream(Stream::kBases).size());
    view_.scales = Place(view_.scales, weight.stream(Stream::kScales).size());
    view_.zeros = Place(view_.zeros, weight.stream(Stream::kZeros).size());
  }
  const kernels::PackedPanels& view() const { return view_; }

 private:
  template <class T>
  const T* Place(const T* from, std::size_t bytes) {
    if (from == nullptr) return nullptr;
    const std::size_t room = (bytes + kStreamTail + 63) / 64 * 64;
    guards_.push_back(std::make_unique<GuardedBytes>(room));
    auto* to = static_cast<std::byte*>(guards_.back()->Place(room, GuardSide::kAfter));
    std::fill_n(to, room, std::byte{0xa5});
    std::copy_n(reinterpret_cast<const std::byte*>(from), bytes, to);
    return reinterpret_cast<const T*>(to);
  }

  kernels::PackedPanels view_;
  std::vector<std::unique_ptr<GuardedBytes>> guards_;
};

struct Part {
  int panel_begin, panel_end, k_begin, k_end;
};

class LinearPackedKernelTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (kernel_.tier == Tier::kAmx) InstallAmxEmulator();
    const CpuFeatures features = ReadCpuFeatures();
    if (!HasTier(features, kernel_.tier)) {
      GTEST_SKIP() << kernel_.name << " needs " << MissingForTier(features, kernel_.tier);
    }
  }

  bool Does(int m) const { return m >= kernel_.min_m && m <= kernel_.max_m; }
  // A number of rows that it does, of the sizes that kernels treat differently.
  int AnyRows() {
    const int top = IntIn(random_, 0, 2) == 0 ? 40 : 6;
    return IntIn(random_, kernel_.min_m, std::min(kernel_.max_m, kernel_.min_m + top));
  }
  bool Slow() const { return kernel_.tier == Tier::kAmx && !AmxIsNative(); }

  std::vector<CodecCase> Codecs() const {
    std::vector<CodecCase> out;
    for (const CodecCase& test : CodecCases()) {
      const Codec& c = test.codec;
      if (PackedKind{c.type(), c.bitmap, c.activations == Activations::kInt8} == kernel_.kind) out.push_back(test);
    }
    return out;
  }

  // The weights of a case, in segments of `segment` (0: none, -1: as packed).
  PackedWeight Weight(const CodecCase& test, int n, int k, int segment = -1) {
    PackedWeight weight = *RandomPacked("w", n, k, test.codec, test.spec);
    if (segment >= 0) weight.k_segment = weight.view.k_segment = segment;
    return weight;
  }

  static Part All(const PackedWeight& w) { return {0, w.panels(), 0, w.k_padded}; }

  void Check(const PackedWeight& weight, int m, const Part& part, const std::string& name) {
    SCOPED_TRACE(std::string(kernel_.name) + ": " + name + ", m " + std::to_string(m) + " n " +
                 std::to_string(weight.n) + " k " + std::to_string(weight.k) + " segment " +
                 std::to_string(weight.k_segment) + ", panels " + std::to_string(part.panel_begin) + " to " +
                 std::to_string(part.panel_end) + ", k " + std::to_string(part.k_begin) + " to " +
                 std::to_string(part.k_end) + ", " + SeedText(seed_));
    const std::vector<float> x = PackedActivations(m, weight.k, random_);
    const int width = (part.panel_end - part.panel_begin) * 16;
    LinearPackedArgs args{.w = &weight.view,
                          .y_stride = width,
                          .k_begin = part.k_begin,
                          .k_end = part.k_end,
                          .panel_begin = part.panel_begin,
                          .panel_end = part.panel_end};

    std::vector<float> want(static_cast<std::size_t>(m) * width);
    args.y = want.data();
    const PackedInput input(x, m, weight, kernel_.kind.int8 ? LinearInput::kInt8Rows : LinearInput::kRows, 1);
    input.Set(&args);
    (kernel_.kind.int8 ? kernels::RefLinearPackedInt8 : kernels::RefLinearPackedBf16)(args);

    const GuardedWeight guarded(weight);
    args.w = &guarded.view();
    Guarded<float> y_guard(want.size());
    const std::span<float> y = y_guard.Place(want.size(), GuardSide::kAfter);
    std::fill(y.begin(), y.end(), -7.0f);
    args.y = y.data();
    Pack(x, m, weight, &args);
    if (kernel_.tier == Tier::kAmx) ResetAmxCounts();
    if (kernel_.begin != nullptr) kernel_.begin(m);
    kernel_.run(args);
    if (kernel_.end != nullptr) kernel_.end();
    ASSERT_TRUE(SameBits(y, want));
    if (kernel_.tier != Tier::kAmx) return;
    // A kernel that never came to a tile would pass the line above. Where AMX is native nothing is counted; ctest runs
    // these tests a second time under the emulator.
    const int tiles = (part.k_end - part.k_begin) / kernels::PackedTileK(kernel_.kind.type);
    uint64_t products = 0;
    for (AmxOp op : {AmxOp::kTdpbsud, AmxOp::kTdpbssd, AmxOp::kTdpbf16ps}) {
      if (kernel_.kind.int8 == (op != AmxOp::kTdpbf16ps)) products += AmxInstructionCount(op).value_or(0);
    }
    if (!AmxInstructionCount().has_value()) return;
    ASSERT_GE(products, static_cast<uint64_t>((m + 15) / 16 * (part.panel_end - part.panel_begin) * tiles));
  }

  // The kernel's own input, from two calls as of two threads.
  void Pack(const std::vector<float>& x, int m, const PackedWeight& weight, LinearPackedArgs* args) {
    const int k_padded = weight.k_padded, group = weight.activation_group();
    const bool tiles = kernel_.input == LinearInput::kInt8Tiles || kernel_.input == LinearInput::kTiles;
    const int rows = tiles && m > 16 ? (m + 15) / 16 * 16 : m;
    const int bytes = kernel_.kind.int8                       ? 1
                      : kernel_.input == LinearInput::kWide   ? 4
                      : kernel_.input == LinearInput::kHalves ? 4
                                                              : 2;
    const std::size_t size = static_cast<std::size_t>(rows) * k_padded * bytes;
    input_ = std::make_unique<GuardedBytes>(size);
    void* to = input_->Place(size, GuardSide::kAfter);
    std::fill_n(static_cast<unsigned char*>(to), size, 0xff);
    args->x = to;
    args->x_stride = k_padded;
    args->m = m;
    args->x_rows = rows;
    args->activation_group = group;
    if (!kernel_.kind.int8) {
      const int middle = k_padded / 2 / 32 * 32;
      for (int part = 0; part < 2; ++part) {
        kernel_.pack({.x = x.data(),
                      .x_stride = weight.k,
                      .to = to,
                      .m = m,
                      .k = weight.k,
                      .k_padded = k_padded,
                      .k_begin = part == 0 ? 0 : middle,
                      .k_end = part == 0 ? middle : k_padded,
                      .block_rows = kernel_.block_rows});
      }
      return;
    }
    const std::size_t groups = static_cast<std::size_t>((k_padded + group - 1) / group);
    scales_ = std::make_unique<Guarded<float>>(groups * rows);
    sums_ = std::make_unique<Guarded<int32_t>>(static_cast<std::size_t>(k_padded / 32 + 1) * rows);
    const std::span<float> scales = scales_->Place(groups * rows, GuardSide::kAfter);
    const std::span<int32_t> sums = sums_->Place(static_cast<std::size_t>(k_padded / 32 + 1) * rows, GuardSide::kAfter);
    const int middle = m / 2 / kernel_.block_rows * kernel_.block_rows;
    for (const auto& [begin, end] : {std::pair{middle, m}, {0, middle}}) {
      if (begin == end) continue;
      kernel_.pack_int8({.x = x.data(),
                         .x_stride = weight.k,
                         .to = static_cast<int8_t*>(to),
                         .scales = scales.data(),
                         .sums = sums.data(),
                         .m = m,
                         .x_rows = rows,
                         .k = weight.k,
                         .k_padded = k_padded,
                         .activation_group = group,
                         .block_rows = kernel_.block_rows,
                         .row_begin = begin,
                         .row_end = end});
    }
    args->x_scales = scales.data();
    args->x_sums = sums.data();
  }

  const LinearPackedKernel& kernel_ = LinearPackedKernels()[GetParam()];
  const uint64_t seed_ = TestSeed(51);
  Random random_{seed_};
  FpScope fp_;
  std::unique_ptr<GuardedBytes> input_;
  std::unique_ptr<Guarded<float>> scales_;
  std::unique_ptr<Guarded<int32_t>> sums_;
};

TEST_P(LinearPackedKernelTest, EveryCodec) {
  for (const CodecCase& test : Codecs()) {
    for (int segment : {0, 128}) {
      const int n = IntIn(random_, 1, 70), k = IntIn(random_, 1, Slow() ? 300 : 1200);
      const PackedWeight weight = Weight(test, n, k, segment);
      Check(weight, AnyRows(), All(weight), test.name);
    }
  }
}

TEST_P(LinearPackedKernelTest, EveryTailOfK) {
  const std::vector<CodecCase> codecs = Codecs();
  for (int k = 1; k <= 300; k += Slow() ? 61 : 5) {
    const CodecCase& test = codecs[static_cast<std::size_t>(k) % codecs.size()];
    const PackedWeight weight = Weight(test, 40, k);
    Check(weight, std::max(3, kernel_.min_m), All(weight), test.name);
  }
}

TEST_P(LinearPackedKernelTest, EveryTailOfN) {
  const std::vector<CodecCase> codecs = Codecs();
  for (int n = 1; n <= 150; n += Slow() ? 31 : 1) {
    const CodecCase& test = codecs[static_cast<std::size_t>(n) % codecs.size()];
    const PackedWeight weight = Weight(test, n, 200);
    Check(weight, std::max(2, kernel_.min_m), All(weight), test.name);
  }
}

TEST_P(LinearPackedKernelTest, EveryNumberOfRows) {
  const std::vector<CodecCase> codecs = Codecs();
  for (int m = 1; m <= 70; m += Slow() && m > 2 ? 13 : 1) {
    if (!Does(m)) continue;
    const CodecCase& test = codecs[static_cast<std::size_t>(m) * 5 % codecs.size()];
    const PackedWeight weight = Weight(test, 48, 420);
    Check(weight, m, All(weight), test.name);
  }
}

// Prompts, or as many rows as the kernel does.
TEST_P(LinearPackedKernelTest, ManyRows) {
  const std::vector<CodecCase> codecs = Codecs();
  for (int m : {512, 499, 300}) {
    if (Slow() && m > 300) continue;
    const CodecCase& test = codecs[static_cast<std::size_t>(IntIn(random_, 0, static_cast<int>(codecs.size()) - 1))];
    const PackedWeight weight = Weight(test, 40, Slow() ? 544 : 1100);
    Check(weight, std::min(m, kernel_.max_m), All(weight), test.name);
  }
}

// Every density and skew at numbers of rows on both sides of where kernels change their ways.
TEST_P(LinearPackedKernelTest, EveryDensityAtEveryNumberOfRows) {
  std::string name = kernel_.kind.type == kernels::PackedValues::kCode4  ? "int4"
                     : kernel_.kind.type == kernels::PackedValues::kInt8 ? "int8"
                                                                         : "bf16";
  if (kernel_.kind.bitmap) name = "bitmap-" + name;
  CodecCase test{.codec = *ParseCodec(name)};
  if (!kernel_.kind.int8) {
    test.codec.activations = Activations::kBf16;
    test.codec.activation_group = 0;
  }
  const std::vector<double> bitmaps = {0, 1.0 / 64, 0.3, 0.5, 0.7, 1};
  for (double density : kernel_.kind.bitmap ? bitmaps : std::vector<double>{1}) {
    for (bool skew : {false, true}) {
      test.spec = {.density = density, .skew = skew, .seed = random_()};
      const PackedWeight weight = Weight(test, 48, 300, 128);
      for (int m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, 48, 65}) {
        if (!Does(m) || (Slow() && (m == 3 || m == 6 || m == 12 || m == 48))) continue;
        Check(weight, m, All(weight), name + " " + std::to_string(density) + (skew ? " skew" : ""));
      }
    }
  }
}

// What threads, split K and nested ranks ask for.
TEST_P(LinearPackedKernelTest, PartsOfNAndK) {
  for (const CodecCase& test : Codecs()) {
    const int segment = std::array{0, 128, 256}[static_cast<std::size_t>(IntIn(random_, 0, 2))];
    const PackedWeight weight = Weight(test, 100, 900, segment);
    const int panel = IntIn(random_, 0, weight.panels() - 1);
    Part part{panel, IntIn(random_, panel + 1, weight.panels()), 0, weight.k_padded};
    if (segment > 0) part.k_begin = segment * IntIn(random_, 0, (weight.k - 1) / segment);
    // A prefix ends with a tile and with the groups, where these are not the row.
    int step = kernels::PackedTileK(kernel_.kind.type);
    for (int group : {weight.view.group, kernel_.kind.int8 ? weight.activation_group() : 32}) {
      if (group < weight.k_padded) step = std::max(step, group);
    }
    const int first = part.k_begin / step + 1, last = weight.k_padded / step;
    if (first <= last && IntIn(random_, 0, 2) > 0) part.k_end = step * IntIn(random_, first, last);
    Check(weight, AnyRows(), part, test.name);
  }
}

// Many rows in short periods: a period's C is stored once, and a tile that is loaded serves two products; every 16th
// product begins from zeros.
TEST_P(LinearPackedKernelTest, TileTrafficOfShortPeriods) {
  if (kernel_.tier != Tier::kAmx || kernel_.min_m <= 16 || !kernel_.kind.int8) return;
  for (int group : {64, 128, 256, 512}) {
    CodecCase test = Codecs().front();
    SetGroup(group, &test.codec);
    const PackedWeight weight = Weight(test, 64, 1024, 0);
    Check(weight, 96, All(weight), CodecName(test.codec) + " in groups of " + std::to_string(group));
    if (!AmxInstructionCount().has_value()) return;
    const uint64_t products = *AmxInstructionCount(AmxOp::kTdpbssd);
    EXPECT_EQ(products, 6 * 4 * 16);
    EXPECT_EQ(AmxInstructionCount(AmxOp::kTileStore), products * 64 / static_cast<uint64_t>(group));
    EXPECT_LE(*AmxInstructionCount(AmxOp::kTileLoad) + *AmxInstructionCount(AmxOp::kTileLoadT1),
              products + products / 4 + 4);
  }
}

// The test names of AMX rows contain "Amx": ctest runs those a second time under the emulator.
std::string CaseName(const ::testing::TestParamInfo<int>& info) {
  const LinearPackedKernel& kernel = LinearPackedKernels()[info.param];
  std::string name = kernel.name;
  if (kernel.tier == Tier::kAmx) name[0] = 'A';
  return name;
}

std::vector<int> RowsBesideTheReference() {
  std::vector<int> rows;
  for (int i = 0; i < static_cast<int>(LinearPackedKernels().size()); ++i) {
    if (LinearPackedKernels()[i].tier != Tier::kRef) rows.push_back(i);
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, LinearPackedKernelTest, ::testing::ValuesIn(RowsBesideTheReference()), CaseName);

}  // namespace
}  // namespace lacuna
