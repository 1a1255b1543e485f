// Packing by the rules of weights/pack.h: what is stored, where, and how far from the source it may be.
#include "weights/pack.h"

#include <gtest/gtest.h>

#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <cmath>

#include "base/f16.h"
#include "base/fp_scope.h"
#include "tests/support/naive_packed.h"
#include "tests/support/same_bits.h"

namespace lacuna {
namespace {

using namespace lacuna::testing;

SourceMatrix Source(const std::vector<float>& w, int64_t n, int64_t k) {
  return {.name = "w", .data = reinterpret_cast<const std::byte*>(w.data()), .type = ElementType::kF32, .n = n, .k = k};
}

// Normal-like, each row of another size, `zeros` of them 0.
std::vector<float> Weights(int n, int k, double zeros, Random& random) {
  std::vector<float> w(static_cast<std::size_t>(n) * k);
  for (int i = 0; i < n * k; ++i) {
    float sum = 0;
    for (int j = 0; j < 4; ++j) sum += UniformIn(random, -0.02f, 0.02f);
    w[static_cast<std::size_t>(i)] = UniformIn(random, 0, 1) < zeros ? 0 : sum * static_cast<float>(1 + i / k % 3);
  }
  return w;
}

constexpr const char* kCodecs[] = {"int8", "int4", "int4z", "codebook", "nf4",
                                   "bf16", "fp4",  "mxfp4", "nvfp4",    "razer"};

// No stored weight is farther from its source than half a step between neighbouring values, plus what saturates.
TEST(PackMatrix, ErrorsAreWithinHalfAStep) {
  FpScope fp;
  const uint64_t seed = TestSeed(61);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (const char* name : kCodecs) {
    for (bool bitmap : {false, true}) {
      for (int group : {0, 32, 128}) {
        Codec codec = *ParseCodec((bitmap ? std::string("bitmap-") : std::string()) + name);
        const bool fixed = codec.values == ValueKind::kMxfp4 || codec.values == ValueKind::kNvfp4;
        if (codec.scaled() && !fixed) SetGroup(group, &codec);
        const int n = IntIn(random, 1, 40), k = IntIn(random, 1, 300);
        SCOPED_TRACE(CodecName(codec) + " group " + std::to_string(group) + " n " + std::to_string(n) + " k " +
                     std::to_string(k));
        const std::vector<float> w = Weights(n, k, 0.4, random);
        const auto packed = PackMatrix(Source(w, n, k), codec);
        ASSERT_TRUE(packed.ok()) << packed.status().message();
        const NaivePacked got = Unpack(*packed);
        for (int c = 0; c < n; ++c) {
          for (int j = 0; j < k; ++j) {
            const float want = w[static_cast<std::size_t>(c * k + j)];
            const auto at = static_cast<std::size_t>(c * got.k_padded + j);
            const float s = got.scale[static_cast<std::size_t>(c * got.groups + j / got.group)];
            const float value = got.value[at] * s;
            double bound = 0;
            switch (codec.values) {
              case ValueKind::kInt8:
                bound = 0.502 * s;  // an F16 scale may be 2^-11 smaller than max / 127
                break;
              case ValueKind::kInt4:  // the sign of s is the largest one's; the other side ends at 7
                bound = std::abs(s) * (want / s > 7.5 ? 1.01 : 0.505);
                break;
              case ValueKind::kInt4Zero:  // low and high are within half a step of codes 0 and 15
                bound = 1.01 * s;
                break;
              case ValueKind::kBf16:
                bound = std::abs(want) * 0x1p-8;
                break;
              default: {  // half the distance to the next entry is data; no entry is nearer
                double nearest = INFINITY;
                const int book = 16 * got.book[static_cast<std::size_t>(c * got.groups + j / got.group)];
                for (int i = book; i < book + 16; ++i)
                  nearest = std::min<double>(nearest, std::abs(ToFloat(packed->view.code_values[i]) * s - want));
                bound = nearest + 1e-6 * std::abs(s);
                if (bitmap && value == 0) bound = std::max<double>(bound, want == 0 ? 0 : nearest);
                if (bitmap && want == 0) bound = 0;
              }
            }
            ASSERT_LE(std::abs(static_cast<double>(value) - want), bound)
                << c << ", " << j << ": " << want << " as " << value;
            if (bitmap && want == 0) {
              ASSERT_FALSE(got.stored[at]);
            }
            if (bitmap && got.stored[at]) {
              ASSERT_NE(value, 0.0f);
            }
            if (!bitmap) {
              ASSERT_TRUE(got.stored[at]);
            }
          }
        }
        // Padding: nothing in a bitmap, z elsewhere; scales 0.
        for (int c = 0; c < packed->panels() * 16; ++c) {
          for (int j = c < n ? k : 0; j < got.k_padded; ++j) {
            const auto at = static_cast<std::size_t>(c * got.k_padded + j);
            if (bitmap) {
              ASSERT_FALSE(got.stored[at]);
            }
            if (codec.values != ValueKind::kCodebook) {
              ASSERT_EQ(got.value[at], 0.0f) << c << ", " << j;
            }
          }
          for (int g = 0; g < got.groups && codec.scaled() && c >= n; ++g) {
            ASSERT_EQ(got.scale[static_cast<std::size_t>(c * got.groups + g)], 0.0f);
          }
        }
      }
    }
  }
}

TEST(PackMatrix, ScalesAreTheRules) {
  FpScope fp;
  const auto pack = [](const char* name, std::vector<float> w) {
    Codec codec = *ParseCodec(name);
    SetGroup(0, &codec);
    return Unpack(*PackMatrix(Source(w, 1, static_cast<int64_t>(w.size())), codec));
  };
  const NaivePacked int8 = pack("int8", {0.5f, -2.54f, 0.01f, 0.03f});
  EXPECT_EQ(int8.scale[0], 2.54f / 127);
  EXPECT_EQ(int8.u[0], 128 + 25);
  EXPECT_EQ(int8.u[1], 1);
  EXPECT_EQ(int8.u[2], 128);  // 0.5 goes to the even 0
  EXPECT_EQ(int8.u[3], 128 + 2);
  // The largest is exact as -8 whatever its sign; of equal ones the first counts.
  const NaivePacked up = pack("int4", {4, -4, 1, -3.5f});
  EXPECT_EQ(up.scale[0], -0.5f);
  EXPECT_EQ(std::vector<int>(up.u.begin(), up.u.begin() + 4), (std::vector<int>{0, 15, 6, 15}));
  const NaivePacked down = pack("int4", {-4, 4, 1, 3.5f});
  EXPECT_EQ(down.scale[0], 0.5f);
  EXPECT_EQ(std::vector<int>(down.u.begin(), down.u.begin() + 4), (std::vector<int>{0, 15, 10, 15}));
  const NaivePacked zero = pack("int4z", {-1, 2, 0.5f, 0});
  EXPECT_EQ(zero.scale[0], 3.0f / 15);
  EXPECT_EQ(zero.zero[0], 5);
  EXPECT_EQ(std::vector<int>(zero.u.begin(), zero.u.begin() + 4), (std::vector<int>{0, 15, 7, 5}));
  // All of one sign: 0 still has a code.
  EXPECT_EQ(pack("int4z", {3, 6}).zero[0], 0);
  EXPECT_EQ(pack("int4z", {-3, -6}).zero[0], 15);
  const NaivePacked nothing = pack("int8", {0, 0, 0});
  EXPECT_EQ(nothing.scale[0], 0.0f);
  EXPECT_EQ(nothing.value[1], 0.0f);
}

TEST(PackMatrix, F16ScalesAreRoundedBeforeTheyDivide) {
  FpScope fp;
  Random random(TestSeed(62));
  const std::vector<float> w = Weights(20, 256, 0, random);
  const NaivePacked got = Unpack(*PackMatrix(Source(w, 20, 256), *ParseCodec("int4")));
  for (int c = 0; c < 20; ++c) {
    for (int j = 0; j < 256; ++j) {
      const float s = got.scale[static_cast<std::size_t>(c * 2 + j / 128)];
      EXPECT_EQ(F16ToFloat(FloatToF16(s)), s);
      EXPECT_EQ(got.value[static_cast<std::size_t>(c * 256 + j)],
                std::clamp(std::nearbyint(w[static_cast<std::size_t>(c * 256 + j)] / s), -8.0f, 7.0f));
    }
  }
}

TEST(PackMatrix, PatternsStoreExactlyN) {
  FpScope fp;
  Random random(TestSeed(63));
  const int n = 19, k = 130;
  for (const char* name : kCodecs) {
    for (const auto& [keep, m] : {std::pair{2, 4}, {3, 8}, {8, 16}}) {
      Codec codec = *ParseCodec(std::string("bitmap-") + name);
      codec.pattern_n = keep;
      codec.pattern_m = m;
      SCOPED_TRACE(CodecName(codec) + " " + std::to_string(keep) + ":" + std::to_string(m));
      std::vector<float> w = Weights(n, k, 0, random);
      for (int c = 0; c < n; ++c) {
        for (int j = 0; j < k; ++j) {
          if ((j + c) % m >= keep - (c % 2)) w[static_cast<std::size_t>(c * k + j)] = 0;  // odd channels have one less
        }
      }
      // Shifted by c, a block of m has at most `keep` still.
      const auto packed = PackMatrix(Source(w, n, k), codec);
      ASSERT_TRUE(packed.ok()) << packed.status().message();
      const NaivePacked got = Unpack(*packed);
      for (int c = 0; c < packed->panels() * 16; ++c) {
        for (int k0 = 0; k0 < got.k_padded; k0 += m) {
          int stored = 0;
          for (int j = k0; j < k0 + m; ++j) {
            const auto at = static_cast<std::size_t>(c * got.k_padded + j);
            stored += got.stored[at];
            if (c < n && j < k && w[static_cast<std::size_t>(c * k + j)] == 0) {
              ASSERT_EQ(got.value[at], 0.0f);
            }
          }
          ASSERT_EQ(stored, keep);
        }
      }
      w[static_cast<std::size_t>(5 * k + 1)] = w[static_cast<std::size_t>(5 * k)] =
          w[static_cast<std::size_t>(5 * k + 2)] = w[static_cast<std::size_t>(5 * k + 3)] = 1;
      if (m > 4) continue;
      const auto refused = PackMatrix(Source(w, n, k), codec);
      ASSERT_FALSE(refused.ok());
      EXPECT_NE(refused.status().message().find("[5][0] and the next 3 have 4"), std::string::npos)
          << refused.status().message();
    }
  }
}

TEST(PackMatrix, TheSameBytesFromAnyNumberOfThreads) {
  Random random(TestSeed(64));
  const std::vector<float> w = Weights(200, 300, 0.5, random);
  for (const char* name : {"bitmap-codebook", "bitmap-int4z", "int8"}) {
    const auto pack = [&](int threads) {
      tbb::task_arena arena(threads);
      return arena.execute([&] { return PackMatrix(Source(w, 200, 300), *ParseCodec(name)); });
    };
    const auto one = pack(1), many = pack(2);
    for (int s = 0; s < kStreams; ++s) {
      const auto a = one->stream(static_cast<Stream>(s)), b = many->stream(static_cast<Stream>(s));
      EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()))
          << name << " " << StreamName(static_cast<Stream>(s));
    }
  }
}

TEST(PackMatrix, Permutation) {
  FpScope fp;
  Random random(TestSeed(65));
  const int n = 20, k = 70;
  const std::vector<float> w = Weights(n, k, 0.3, random);
  std::vector<int32_t> perm(k);
  for (int j = 0; j < k; ++j) perm[static_cast<std::size_t>(j)] = j * 27 % k;  // 27 and 70 have no common factor
  std::vector<float> moved(w.size());
  for (int i = 0; i < n * k; ++i)
    moved[static_cast<std::size_t>(i)] = w[static_cast<std::size_t>(i / k * k + perm[static_cast<std::size_t>(i % k)])];
  for (const char* name : {"int8", "bf16", "bitmap-int4"}) {
    const auto packed = PackMatrix(Source(w, n, k), *ParseCodec(name), {.in_perm = perm});
    const auto direct = PackMatrix(Source(moved, n, k), *ParseCodec(name));
    EXPECT_TRUE(std::equal(perm.begin(), perm.end(), packed->in_perm().begin(), packed->in_perm().end()));
    EXPECT_EQ(Unpack(*packed).value, Unpack(*direct).value);
  }
}

TEST(PackMatrix, WhatCannotBeStoredIsNamed) {
  std::vector<float> w(40 * 100, 0.5f);
  const auto message = [&](const char* name) {
    const auto packed = PackMatrix(Source(w, 40, 100), *ParseCodec(name));
    return packed.ok() ? std::string() : packed.status().message();
  };
  w[35 * 100 + 7] = INFINITY;
  w[18 * 100 + 3] = NAN;
  for (const char* name : {"int8", "bitmap-int4", "codebook", "bitmap-bf16"}) {
    EXPECT_NE(message(name).find("w[18][3] is NaN"), std::string::npos) << message(name);
  }
  w[18 * 100 + 3] = 0;
  EXPECT_NE(message("int8").find("w[35][7] is infinite"), std::string::npos);
  w[35 * 100 + 7] = 3.4e38f;
  EXPECT_NE(message("bitmap-bf16").find("w[35][7] is 3.4e+38"), std::string::npos);
  EXPECT_NE(message("int4").find("F16"), std::string::npos);
  EXPECT_EQ(message("int8"), "");
}

}  // namespace
}  // namespace lacuna
