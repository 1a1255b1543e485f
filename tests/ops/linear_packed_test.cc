// The linear op over packed members, mixed as they come, at every tier: the contract's bits for any number of rows and
// threads, with epilogues, lists of rows and permuted columns; and rows of a packed embedding.
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "ops/embedding.h"
#include "ops/linear.h"
#include "tests/support/amx_emulator.h"
#include "tests/support/naive_packed.h"
#include "tests/support/packed_cases.h"
#include "tests/support/same_bits.h"
#include "weights/pack.h"

namespace lacuna {
namespace {

using namespace testing;

// A name, and " bf16" behind it for activations other than its own.
Codec CodecOf(const std::string& name) {
  Codec codec = *ParseCodec(name.substr(0, name.find(' ')));
  if (name.find(" bf16") != name.npos) {
    codec.activations = Activations::kBf16;
    codec.activation_group = 0;
  }
  return codec;
}

constexpr const char* kCodecs[] = {"int8",
                                   "int4",
                                   "int4z",
                                   "codebook",
                                   "nf4",
                                   "mxfp4",
                                   "nvfp4",
                                   "razer",
                                   "bitmap-bf16",
                                   "bitmap-int8",
                                   "bitmap-int4",
                                   "bitmap-int4z",
                                   "bitmap-codebook",
                                   "bitmap-nf4",
                                   "bitmap-nvfp4",
                                   "bitmap-razer",
                                   "int8 bf16",
                                   "int4z bf16",
                                   "bitmap-int8 bf16",
                                   "bitmap-razer bf16",
                                   "bitmap-int4 bf16",
                                   "bitmap-int4z bf16"};

LinearMember Member(const char* codec, int n, int k, bool bias, Random& random) {
  LinearMember member;
  member.weight = *RandomPacked("w", n, k, CodecOf(codec), {.density = 0.5, .skew = true, .seed = random()});
  if (bias) member.bias = UniformFloats(n, -1, 1, random);
  return member;
}

// dot + bias, [rows][n].
std::vector<float> Want(const LinearMember& member, const std::vector<float>& x, int rows) {
  const NaivePacked w = Unpack(member.weight);
  std::vector<float> moved = x;
  const auto perm = member.weight.in_perm();
  for (std::size_t i = 0; i < x.size() && !perm.empty(); ++i) moved[i] = x[i / w.k * w.k + perm[i % w.k]];
  std::vector<float> y = member.weight.codec.activations == Activations::kInt8
                             ? NaiveInt8Linear(w, moved, rows, member.weight.codec.activation_group)
                             : NaiveBf16Linear(w, moved, rows);
  for (std::size_t i = 0; i < y.size() && !member.bias.empty(); ++i) y[i] += member.bias[i % w.n];
  return y;
}

class PackedLinearOp : public ::testing::TestWithParam<Tier> {
 protected:
  void SetUp() override {
    if (GetParam() == Tier::kAmx) InstallAmxEmulator();
    features_ = ReadCpuFeatures();
    if (!HasTier(features_, GetParam())) GTEST_SKIP() << "needs " << MissingForTier(features_, GetParam());
  }

  void Run(const LinearSet& set, LinearEpilogue epilogue, const std::vector<float>& x,
           std::span<const int32_t> input_rows, int threads, std::vector<std::vector<float>>* y) {
    auto team = ThreadTeam::Create(threads);
    ASSERT_TRUE(team.ok());
    KernelTarget target = TargetFor(features_, GetParam());
    if (from_ > 0) std::fill_n(target.costs.from, kCrossovers, from_);
    CpuBackend backend(**team, target);
    const auto x_rows = static_cast<int64_t>(x.size()) / set.k();
    const auto rows = input_rows.empty() ? x_rows : static_cast<int64_t>(input_rows.size());
    auto workspace = AlignedBuffer::Create(LinearWorkspace(rows, set.k(), threads), "workspace");
    ASSERT_TRUE(workspace.ok());
    std::vector<View> views;
    for (std::vector<float>& values : *y)
      views.push_back(F32View(values.data(), rows, static_cast<int64_t>(values.size()) / rows));
    const Status status = Linear(backend, {.set = &set,
                                           .x = F32View(const_cast<float*>(x.data()), x_rows, set.k()),
                                           .input_rows = input_rows,
                                           .y = views,
                                           .epilogue = epilogue,
                                           .workspace = {workspace->data(), workspace->size()}});
    ASSERT_TRUE(status.ok()) << status.message();
  }

  void ExpectMembers(const LinearSet& set, int rows, int threads) {
    const std::vector<float> x = UniformFloats(static_cast<std::size_t>(rows) * set.k(), -2, 2, random_);
    std::vector<std::vector<float>> y;
    for (const LinearMember& member : set.members)
      y.emplace_back(static_cast<std::size_t>(rows) * member.weight.n, -9.0f);
    ASSERT_NO_FATAL_FAILURE(Run(set, LinearEpilogue::kStore, x, {}, threads, &y));
    for (std::size_t m = 0; m < set.members.size(); ++m) {
      ASSERT_TRUE(SameBits(y[m], Want(set.members[m], x, rows)))
          << CodecName(set.members[m].weight.codec) << ", " << rows << " rows, " << threads << " threads";
    }
  }

  CpuFeatures features_;
  int from_ = 0;  // every entry of the cost table; 0: as it ships
  Random random_{TestSeed(51)};
  FpScope fp_;
};

constexpr int kRows[] = {1, 2, 7, 16, 17, 40};

TEST_P(PackedLinearOp, EveryCodec) {
  for (const char* codec : kCodecs) {
    LinearSet set;
    set.members.push_back(Member(codec, 100, 300, true, random_));
    for (int rows : kRows) ExpectMembers(set, rows, 2);
  }
}

// Also where most workers have nothing to do.
TEST_P(PackedLinearOp, EveryDensityOnAnyThreads) {
  const int n = 70, k = 130;
  for (const char* codec : {"bitmap-bf16", "bitmap-int8", "bitmap-int4", "bitmap-int4z bf16"}) {
    for (double density : {0.0, 1.0 / 64, 0.3, 0.5, 0.7, 1.0}) {
      LinearSet set;
      LinearMember member;
      const bool skew = density == 0.5;
      member.weight = *RandomPacked("w", n, k, CodecOf(codec), {.density = density, .skew = skew, .seed = random_()});
      set.members.push_back(std::move(member));
      for (int rows : {1, 17}) {
        const std::vector<float> x = UniformFloats(static_cast<std::size_t>(rows) * k, -2, 2, random_);
        const std::vector<float> want = Want(set.members[0], x, rows);
        for (int threads : skew ? std::vector{1, 3, 7} : std::vector{1, 2}) {
          std::vector<std::vector<float>> y = {std::vector<float>(want.size(), -9.0f)};
          ASSERT_NO_FATAL_FAILURE(Run(set, LinearEpilogue::kStore, x, {}, threads, &y));
          ASSERT_TRUE(SameBits(y[0], want))
              << codec << " at " << density << ", " << rows << " rows, " << threads << " threads";
        }
      }
    }
  }
}

TEST_P(PackedLinearOp, CostTablesChangeNothing) {
  for (int from : {1, 6, kNever}) {
    from_ = from;
    for (const char* codec : {"bitmap-bf16", "int8", "bitmap-int8", "int4", "bitmap-int4z", "int4 bf16"}) {
      LinearSet set;
      set.members.push_back(Member(codec, 40, 200, true, random_));
      for (int rows : {1, 5, 8, 13, 17}) ExpectMembers(set, rows, 2);
    }
  }
}

TEST_P(PackedLinearOp, MixedMembers) {
  LinearSet set;
  for (const char* codec : {"int8", "bf16", "bitmap-int4", "nf4", "int4z"})
    set.members.push_back(Member(codec, 40, 200, true, random_));
  for (int rows : kRows) {
    for (int threads : {1, 3}) ExpectMembers(set, rows, threads);
  }
}

TEST_P(PackedLinearOp, PairsOfOneAndOfTwoInputs) {
  const int k = 96, n = 250;
  for (const auto& [gate, up] :
       {std::pair{"bitmap-int4", "int4"}, {"int8", "bf16"}, {"nf4", "bitmap-int8"}, {"bitmap-bf16", "bf16"}}) {
    LinearSet pair;
    pair.members.push_back(Member(gate, n, k, true, random_));
    pair.members.push_back(Member(up, n, k, false, random_));
    for (int rows : kRows) {
      const std::vector<float> x = UniformFloats(static_cast<std::size_t>(rows) * k, -2, 2, random_);
      std::vector<float> want = Want(pair.members[0], x, rows);
      kernels::RefSiluMul(want.data(), Want(pair.members[1], x, rows).data(), rows * n, want.data());
      std::vector<std::vector<float>> y = {std::vector<float>(want.size())};
      ASSERT_NO_FATAL_FAILURE(Run(pair, LinearEpilogue::kSiluMul, x, {}, 2, &y));
      ASSERT_TRUE(SameBits(y[0], want)) << gate << " and " << up << ", " << rows << " rows";
    }
  }
}

TEST_P(PackedLinearOp, ResidualOfSegmentsInManyRows) {
  const bool slow = GetParam() == Tier::kAmx && !AmxIsNative();
  const int k = 1100, n = 40, rows = slow ? 20 : 600;
  LinearSet set;
  set.members.push_back(Member("bitmap-int8", n, k, true, random_));
  ASSERT_EQ(set.members[0].weight.k_segment, 1024);
  const std::vector<float> x = UniformFloats(static_cast<std::size_t>(rows) * k, -2, 2, random_);
  const std::vector<float> before = UniformFloats(static_cast<std::size_t>(rows) * n, -2, 2, random_);
  std::vector<float> want = Want(set.members[0], x, rows);
  for (std::size_t i = 0; i < want.size(); ++i) want[i] += before[i];
  std::vector<std::vector<float>> y = {before};
  ASSERT_NO_FATAL_FAILURE(Run(set, LinearEpilogue::kResidual, x, {}, 2, &y));
  EXPECT_TRUE(SameBits(y[0], want));
}

// Rows of an expert, also with a row twice; all codecs, bf16 too.
TEST_P(PackedLinearOp, ListsOfRows) {
  const int k = 130, n = 50;
  std::vector<const char*> codecs(std::begin(kCodecs), std::end(kCodecs));
  codecs.push_back("bf16");
  for (const char* codec : codecs) {
    LinearSet set;
    set.members.push_back(Member(codec, n, k, true, random_));
    const std::vector<float> x = UniformFloats(30 * k, -2, 2, random_);
    for (const std::vector<int32_t>& rows : {std::vector<int32_t>{29},
                                             {3, 0, 17, 3},
                                             {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 29, 28, 27, 26, 25, 24, 23, 22, 21}}) {
      std::vector<float> chosen;
      for (int32_t row : rows) chosen.insert(chosen.end(), x.begin() + row * k, x.begin() + (row + 1) * k);
      std::vector<std::vector<float>> y = {std::vector<float>(rows.size() * n)};
      ASSERT_NO_FATAL_FAILURE(Run(set, LinearEpilogue::kStore, x, rows, 2, &y));
      ASSERT_TRUE(SameBits(y[0], Want(set.members[0], chosen, static_cast<int>(rows.size()))))
          << codec << ", " << rows.size() << " rows";
    }
  }
}

TEST_P(PackedLinearOp, PermutedColumns) {
  const int k = 70, n = 50;
  std::vector<int32_t> perm(k);
  for (int j = 0; j < k; ++j) perm[static_cast<std::size_t>(j)] = j * 27 % k;
  const std::vector<float> w = UniformFloats(n * k, -1, 1, random_);
  LinearSet set;
  for (const char* codec : {"int8", "bf16", "bitmap-int4", "int4z", "nf4", "bitmap-bf16", "bitmap-int8 bf16"}) {
    LinearMember member;
    member.weight = *PackMatrix({.name = "w", .data = reinterpret_cast<const std::byte*>(w.data()), .n = n, .k = k},
                                CodecOf(codec), {.in_perm = perm});
    set.members.push_back(std::move(member));
  }
  set.members.push_back(Member("int8", n, k, false, random_));  // beside permuted ones
  for (int rows : kRows) ExpectMembers(set, rows, 2);
}

TEST_P(PackedLinearOp, EmbeddingRows) {
  for (const char* codec : {"int8", "bitmap-int4z", "bitmap-bf16", "nf4"}) {
    const PackedWeight weight = *RandomPacked("w", 100, 130, *ParseCodec(codec), {.density = 0.5, .seed = 3});
    const NaivePacked naive = Unpack(weight);
    const EmbeddingTable table{.rows = 100, .cols = 130, .packed = &weight};
    auto team = ThreadTeam::Create(2);
    CpuBackend backend(**team, TargetFor(features_, GetParam()));
    const std::vector<int32_t> ids = {99, 0, 17, 17};
    std::vector<float> y(4 * 130);
    ASSERT_TRUE(Embedding(backend, {.table = &table, .ids = ids, .y = F32View(y.data(), 4, 130)}).ok());
    for (int i = 0; i < 4 * 130; ++i) {
      const int id = ids[static_cast<std::size_t>(i / 130)], k = i % 130;
      const float scale = naive.scale[static_cast<std::size_t>(id * naive.groups + k / naive.group)];
      ASSERT_TRUE(SameBits(y[static_cast<std::size_t>(i)],
                           naive.value[static_cast<std::size_t>(id * naive.k_padded + k)] * scale));
    }
    const std::vector<int32_t> outside = {100};
    EXPECT_FALSE(Embedding(backend, {.table = &table, .ids = outside, .y = F32View(y.data(), 1, 130)}).ok());
  }
}

std::string CaseName(const ::testing::TestParamInfo<Tier>& info) { return TierName(info.param); }

INSTANTIATE_TEST_SUITE_P(Tiers, PackedLinearOp,
                         ::testing::Values(Tier::kRef, Tier::kSimd, Tier::kAvx512, Tier::kAvx512Bf16, Tier::kAmx),
                         CaseName);

}  // namespace
}  // namespace lacuna
