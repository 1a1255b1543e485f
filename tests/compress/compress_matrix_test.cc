// One matrix: errors in the order that the methods promise, masks and patterns, against a slow version in double
// precision, and the same bytes at any thread count and tier.
#include "compress/compress_matrix.h"

#include <gtest/gtest.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <cstring>

#include "tests/compress/correlated.h"
#include "tests/compress/plain_obs.h"
#include "tests/support/naive_packed.h"

namespace lacuna {
namespace {

using namespace lacuna::testing;

constexpr int kN = 150, kK = 256, kTokens = 700;

struct Layer {
  explicit Layer(uint64_t seed, int n = kN, int k = kK)
      : hessian(HessianOf(CorrelatedInputs(kTokens, k, seed), k)), w(Weights(seed, n, k)), n(n), k(k) {}

  static std::vector<float> Weights(uint64_t seed, int n, int k) {
    Random random(TestSeed(seed + 1000));
    std::vector<float> w(static_cast<std::size_t>(n) * k);
    for (float& x : w) {
      x = 0;
      for (int j = 0; j < 4; ++j) x += UniformIn(random, -0.05f, 0.05f);
    }
    return w;
  }
  SourceMatrix Source() const {
    return {
        .name = "w", .data = reinterpret_cast<const std::byte*>(w.data()), .type = ElementType::kF32, .n = n, .k = k};
  }
  Result<CompressedWeight> Compress(const MatrixSettings& settings, Tier tier = Tier::kSimd) const {
    LayerInput input(hessian, 0.01, GemmTileFor(tier));
    return CompressMatrix(Source(), settings, input);
  }

  Hessian hessian;
  std::vector<float> w;
  int n, k;
};

MatrixSettings Settings(const std::string& codec, PruneMethod prune, RoundMethod round,
                        PruneRule rule = {.fraction = 0.5}) {
  MatrixSettings settings{.codec = *ParseCodec(codec), .prune = prune, .rule = rule, .round = round};
  settings.codec.pattern_n = rule.n;
  settings.codec.pattern_m = rule.m;
  if (prune == PruneMethod::kNone) settings.rule = {};
  return settings;
}

// What the packed weight stands for, columns as in the source.
std::vector<double> Real(const PackedWeight& weight) {
  const NaivePacked packed = Unpack(weight);
  std::vector<double> out(static_cast<std::size_t>(weight.n) * weight.k);
  const auto perm = weight.in_perm();
  for (int c = 0; c < weight.n; ++c) {
    for (int j = 0; j < weight.k; ++j) {
      const int column = perm.empty() ? j : perm[static_cast<std::size_t>(j)];
      const double scale =
          packed.scaled ? packed.scale[static_cast<std::size_t>(c * packed.groups + j / packed.group)] : 1;
      out[static_cast<std::size_t>(c * weight.k + column)] =
          scale * packed.value[static_cast<std::size_t>(c * packed.k_padded + j)];
    }
  }
  return out;
}

double RelativeError(const Layer& layer, const std::vector<double>& now) {
  std::vector<double> original(layer.w.begin(), layer.w.end()), change = original;
  for (std::size_t i = 0; i < change.size(); ++i) change[i] -= now[i];
  const auto h = DampedHessian(layer.hessian, {}, 0);
  return PlainEnergy(h, change, layer.n, layer.k) / PlainEnergy(h, original, layer.n, layer.k);
}

TEST(CompressMatrix, TheReportedErrorIsThatOfThePackedWeight) {
  const Layer layer(91);
  for (const char* codec : {"bf16", "int8", "int4", "int4z", "codebook", "nf4", "fp4", "mxfp4", "nvfp4", "razer"}) {
    for (PruneMethod prune : {PruneMethod::kNone, PruneMethod::kWanda, PruneMethod::kSparseGpt}) {
      for (RoundMethod round : {RoundMethod::kNearest, RoundMethod::kGptq}) {
        const std::string name = std::string(prune == PruneMethod::kNone ? "" : "bitmap-") + codec;
        SCOPED_TRACE(name + " " + std::to_string(static_cast<int>(prune)) + std::to_string(static_cast<int>(round)));
        const auto got = layer.Compress(Settings(name, prune, round));
        ASSERT_TRUE(got.ok()) << got.status().message();
        EXPECT_NEAR(got->error, RelativeError(layer, Real(got->weight)), 1e-3 * got->error + 1e-7);
        EXPECT_LT(got->error, prune == PruneMethod::kNone ? 0.02 : 0.3);
        const double density = static_cast<double>(got->weight.StoredWeights()) / (kN * kK);
        // What rounds to zero is left out as well.
        if (prune != PruneMethod::kNone) {
          EXPECT_NEAR(density, 0.5, std::string(codec) == "bf16" ? 0.001 : 0.1);
        }
      }
    }
  }
}

TEST(CompressMatrix, ErrorsComeInTheOrderOfTheMethods) {
  for (uint64_t seed : {92, 93, 94}) {
    const Layer layer(seed);
    for (const char* codec : {"bitmap-bf16", "bitmap-int8", "bitmap-int4"}) {
      for (const PruneRule& rule :
           {PruneRule{.fraction = 0.5}, PruneRule{.n = 2, .m = 4}, PruneRule{.fraction = 0.7}}) {
        SCOPED_TRACE(std::string(codec) + " " + std::to_string(rule.fraction));
        const auto error = [&](PruneMethod prune) {
          const auto got = layer.Compress(Settings(codec, prune, RoundMethod::kGptq, rule));
          EXPECT_TRUE(got.ok()) << got.status().message();
          return got->error;
        };
        const double wanda = error(PruneMethod::kWanda);
        EXPECT_LT(error(PruneMethod::kSparseGpt), 0.9 * wanda);
        EXPECT_LT(wanda, 0.9 * error(PruneMethod::kMagnitude));
      }
    }
    for (const char* codec : {"int4", "int4z", "codebook", "nf4", "int8", "fp4", "mxfp4", "nvfp4", "razer"}) {
      SCOPED_TRACE(codec);
      const auto error = [&](RoundMethod round, bool order) {
        MatrixSettings settings = Settings(codec, PruneMethod::kNone, round);
        settings.order = order;
        return layer.Compress(settings)->error;
      };
      const double nearest = error(RoundMethod::kNearest, false);
      EXPECT_LT(error(RoundMethod::kGptq, false), 0.9 * nearest);
      EXPECT_LT(error(RoundMethod::kGptq, true), 0.9 * nearest);
    }
  }
}

// GPTQ and SparseGPT by the papers' formulas, one column after the other with the inverse itself, in double precision.
TEST(CompressMatrix, AgreesWithASlowVersionInDoublePrecision) {
  const Layer layer(95, 40, 128);
  const auto h = DampedHessian(layer.hessian, {}, 0.01);
  const std::vector<double> w(layer.w.begin(), layer.w.end());

  const auto pruned = layer.Compress(Settings("bitmap-bf16", PruneMethod::kSparseGpt, RoundMethod::kGptq));
  ASSERT_TRUE(pruned.ok());
  const std::vector<double> got = Real(pruned->weight),
                            want = PlainSparseGpt(h, w, layer.n, layer.k, 0.5, Rounding::kBf16);
  int same = 0;
  for (std::size_t i = 0; i < got.size(); ++i) same += (got[i] == 0) == (want[i] == 0);
  EXPECT_GE(same, 0.99 * static_cast<double>(got.size()));
  EXPECT_NEAR(pruned->error, RelativeError(layer, want), 0.01 * pruned->error);

  MatrixSettings settings = Settings("int8", PruneMethod::kNone, RoundMethod::kGptq);
  settings.order = false;
  const auto rounded = layer.Compress(settings);
  ASSERT_TRUE(rounded.ok());
  const std::vector<double> q = Real(rounded->weight),
                            plain = PlainSparseGpt(h, w, layer.n, layer.k, 0, Rounding::kInt8Row);
  same = 0;
  for (std::size_t i = 0; i < q.size(); ++i) same += std::fabs(q[i] - plain[i]) < 1e-6;
  EXPECT_GE(same, 0.97 * static_cast<double>(q.size()));
  EXPECT_NEAR(rounded->error, RelativeError(layer, plain), 0.02 * rounded->error);
}

TEST(CompressMatrix, APatternIsKept) {
  const Layer layer(96, 48, 256);  // whole panels: those of padding would be counted
  const PruneRule rules[] = {{.n = 2, .m = 4}, {.n = 4, .m = 8}, {.n = 8, .m = 16}, {.n = 1, .m = 4}};
  for (const PruneRule& rule : rules) {
    for (const char* codec : {"bitmap-bf16", "bitmap-int8", "bitmap-int4", "bitmap-codebook"}) {
      for (PruneMethod prune : {PruneMethod::kMagnitude, PruneMethod::kWanda, PruneMethod::kSparseGpt}) {
        SCOPED_TRACE(std::string(codec) + " " + std::to_string(rule.n) + ":" + std::to_string(rule.m));
        const auto got = layer.Compress(Settings(codec, prune, RoundMethod::kGptq, rule));
        ASSERT_TRUE(got.ok()) << got.status().message();
        EXPECT_EQ(got->weight.StoredWeights() * rule.m, int64_t{layer.n} * layer.k * rule.n);
        EXPECT_TRUE(got->weight.in_perm().empty());
      }
    }
  }
  // Of zeros that are there already, other patterns are refused.
  const auto bad = layer.Compress(Settings("bitmap-int8", PruneMethod::kKeep, RoundMethod::kGptq, {.n = 2, .m = 4}));
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().message(),
            "tensor w[0][0] and those after it do not keep the pattern 2:4: 4 of 4 are not zero");
}

TEST(CompressMatrix, KeepsTheZerosThatAreThere) {
  Layer layer(97, 33, 200);
  Random random(TestSeed(97));
  for (float& x : layer.w) {
    if (IntIn(random, 0, 2) == 0) x = 0;
  }
  const auto got = layer.Compress(Settings("bitmap-int4", PruneMethod::kKeep, RoundMethod::kGptq));
  ASSERT_TRUE(got.ok());
  const std::vector<double> real = Real(got->weight);
  for (std::size_t i = 0; i < real.size(); ++i) {
    if (layer.w[i] == 0) {
      ASSERT_EQ(real[i], 0) << i;
    }
  }
}

TEST(CompressMatrix, TheOrderOfColumnsIsStored) {
  const Layer layer(98, 20, 100);
  const auto got = layer.Compress(Settings("int4", PruneMethod::kNone, RoundMethod::kGptq));
  ASSERT_TRUE(got.ok());
  const auto perm = got->weight.in_perm();
  ASSERT_EQ(perm.size(), 100u);
  const auto diagonal = layer.hessian.diagonal();
  for (std::size_t j = 1; j < perm.size(); ++j) {
    EXPECT_GE(diagonal[static_cast<std::size_t>(perm[j - 1])], diagonal[static_cast<std::size_t>(perm[j])]);
  }
}

TEST(CompressMatrix, TheSameBytesAtAnyThreadCountAndTier) {
  const Layer layer(99, 300, 200);
  for (const char* codec : {"int4", "bitmap-int4", "bitmap-codebook", "bitmap-bf16"}) {
    SCOPED_TRACE(codec);
    const MatrixSettings settings =
        Settings(codec, codec[0] == 'b' ? PruneMethod::kSparseGpt : PruneMethod::kNone, RoundMethod::kGptq);
    const auto want = layer.Compress(settings, Tier::kRef);
    ASSERT_TRUE(want.ok());
    for (int threads : {1, 2, 4}) {
      tbb::task_arena arena(threads);
      const auto got =
          arena.execute([&] { return layer.Compress(settings, HostTier().ok() ? *HostTier() : Tier::kSimd); });
      ASSERT_TRUE(got.ok());
      EXPECT_EQ(got->error, want->error);
      for (int s = 0; s < kStreams; ++s) {
        const auto a = got->weight.stream(static_cast<Stream>(s)), b = want->weight.stream(static_cast<Stream>(s));
        ASSERT_EQ(a.size(), b.size());
        EXPECT_TRUE(a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0) << StreamName(static_cast<Stream>(s));
      }
    }
  }
}

TEST(CompressMatrix, WhatIsNotFiniteIsNamed) {
  Layer layer(100, 20, 64);
  layer.w[3 * 64 + 7] = std::numeric_limits<float>::infinity();
  const auto got = layer.Compress(Settings("int4", PruneMethod::kNone, RoundMethod::kGptq));
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.status().message(), "tensor w[3][7] is infinite; every weight must be a finite number");
}

}  // namespace
}  // namespace lacuna
