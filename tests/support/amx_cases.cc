#include "tests/support/amx_cases.h"

#include <cmath>
#include <cstring>

#include "kernels/amx/tile.h"
#include "tests/support/amx_emulator.h"
#include "tests/support/amx_run.h"

namespace lacuna::testing {
namespace {

// splitmix64.
struct Random {
  uint64_t state;
  uint32_t Next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return static_cast<uint32_t>((z ^ z >> 31) >> 16);
  }
  int Between(int low, int high) { return low + static_cast<int>(Next() % static_cast<uint32_t>(high - low + 1)); }
  bool OneIn(int n) { return Next() % static_cast<uint32_t>(n) == 0; }
};

// Any sign and mantissa, biased exponent within [low, high].
uint16_t Bf16(Random& random, int low, int high) {
  return static_cast<uint16_t>(random.Next() % 2 << 15 | random.Between(low, high) << 7 | random.Next() % 128);
}
uint32_t F32(Random& random, int low, int high) {
  return random.Next() % 2 << 31 | static_cast<uint32_t>(random.Between(low, high)) << 23 | random.Next() % (1u << 23);
}

uint16_t Special(Random& random) {
  constexpr uint16_t kValues[] = {0x7f80, 0xff80, 0x7fc0, 0xffc1, 0x7f81, 0xffbf, 0x7f7f, 0xff7f, 0x0000, 0x8000};
  return kValues[random.Between(0, 9)];
}

uint16_t Bf16Element(Random& random, int kind) {
  switch (kind) {
    case kOrdinary:
      return Bf16(random, 118, 128);
    case kCancelling:
      return Bf16(random, 117, 137);
    case kDenormalInputs:
      return random.OneIn(2) ? Bf16(random, 0, 0) : Bf16(random, 100, 150);
    case kDenormalResults:
      return Bf16(random, 57, 66);  // a product of two is around 2^-126
    case kOverflow:
      return Bf16(random, 185, 190);  // products up to 2^128
    case kNonFinite:
      return random.OneIn(24) ? Special(random) : Bf16(random, 110, 140);
    case kSignedZeros:
      return random.OneIn(3) ? Bf16(random, 120, 130) : static_cast<uint16_t>(random.Next() % 2 << 15);
    default:
      return static_cast<uint16_t>(random.Next());
  }
}

uint32_t Accumulator(Random& random, int kind) {
  switch (kind) {
    case kOrdinary:
    case kCancelling:
      return random.OneIn(4) ? 0 : F32(random, 110, 140);
    case kDenormalInputs:
      return F32(random, 0, random.OneIn(2) ? 0 : 127);
    case kDenormalResults:
    case kTinyEdge:
      return random.OneIn(4) ? F32(random, 0, 0) : random.OneIn(2) ? 0x80000000u : F32(random, 1, 4);
    case kOverflow:
      return F32(random, 240, 254);
    case kNonFinite:
      return random.OneIn(8) ? static_cast<uint32_t>(Special(random)) << 16 | random.Next() % 2 : F32(random, 110, 140);
    case kSignedZeros:
      return random.OneIn(2) ? 0x80000000u : 0;
    default:
      return random.Next();
  }
}

void Put(uint8_t* row, int index, uint16_t value) { memcpy(row + 2 * index, &value, 2); }
uint16_t Get(const uint8_t* row, int index) {
  uint16_t value;
  memcpy(&value, row + 2 * index, 2);
  return value;
}

void FillBf16(Random& random, AmxCase* t) {
  for (int m = 0; m < t->m; ++m) {
    for (int i = 0; i < 2 * t->k; ++i) Put(t->a[m], i, Bf16Element(random, t->kind));
  }
  for (int k = 0; k < t->k; ++k) {
    for (int i = 0; i < 2 * t->n; ++i) Put(t->b[k], i, Bf16Element(random, t->kind));
  }
  if (t->kind == kCancelling) {
    for (int k = 2; k < t->k; ++k) {
      if (random.OneIn(4)) continue;  // some products stay without an opposite
      for (int m = 0; m < t->m; ++m) {
        for (int h = 0; h < 2; ++h) Put(t->a[m], 2 * k + h, Get(t->a[m], 2 * (k - 2) + h));
      }
      for (int i = 0; i < 2 * t->n; ++i) {
        const uint16_t nudge = random.OneIn(3) ? random.Next() % 2 : 0;
        Put(t->b[k], i, Get(t->b[k - 2], i) ^ 0x8000 ^ nudge);
      }
    }
  }
  if (t->kind == kTinyEdge) {
    // First product +-2^-126 x (1 or 1 + 2^-7), then +- products of 2^-152 to 2^-148 times up to 4.
    for (int m = 0; m < t->m; ++m) {
      for (int i = 0; i < 2 * t->k; ++i) {
        Put(t->a[m], i, i < 2 ? static_cast<uint16_t>(random.Next() % 2 << 15 | 64 << 7) : Bf16(random, 50, 52));
      }
    }
    for (int k = 0; k < t->k; ++k) {
      for (int i = 0; i < 2 * t->n; ++i) {
        const bool quiet = k > 1 && random.OneIn(2);  // zeros, so that the sum stays at the edge
        Put(t->b[k], i,
            k == 0  ? static_cast<uint16_t>(64 << 7 | random.Next() % 2)
            : quiet ? static_cast<uint16_t>(0)
                    : Bf16(random, 52, 54));
      }
    }
  }
}

// Contract: denormals are zero on the way in ...
float Daz(uint32_t bits, AmxMutant mutant) {
  if (mutant != AmxMutant::kDenormalInputsKept && (bits & 0x7f800000u) == 0) bits &= 0x80000000u;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// ... and on the way out, after rounding to 24 bits with no limit below. a b + c with one rounding.
float FmaFlush(float a, float b, float c, AmxMutant mutant) {
  if (mutant == AmxMutant::kNotFused && a != 1) {
    const float product = FmaFlush(a, b, 0, AmxMutant::kNone);
    return FmaFlush(1, product, c, AmxMutant::kNone);
  }
  const double product = static_cast<double>(a) * b;  // exact: 8 x 8 or 24 x 1 bits, exponents within double's
  double sum = product + c;
  if (!std::isfinite(sum)) return static_cast<float>(sum);
  // Knuth's two-sum; an inexact sum is made odd, so that rounding it again to 24 bits is rounding once.
  const double back = sum - product;
  const double error = (product - (sum - back)) + (c - back);
  uint64_t bits;
  memcpy(&bits, &sum, 8);
  if (error != 0 && (bits & 1) == 0) {
    bits += (error > 0) == (sum > 0) ? 1 : -1;
    memcpy(&sum, &bits, 8);
  }
  if (std::fabs(sum) >= 0x1p-126 || mutant == AmxMutant::kNoFlush) return static_cast<float>(sum);
  const float scaled = static_cast<float>(sum * 0x1p64);  // the 24 bits it would have
  const bool tiny = std::fabs(scaled) < 0x1p-62f || mutant == AmxMutant::kFlushBeforeRounding;
  return std::copysign(tiny ? 0.0f : 0x1p-126f, scaled);
}

uint32_t Canonical(AmxOp op, uint32_t bits) {
  if (op != AmxOp::kTdpbf16ps) return bits;
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc00000u;
  return bits == 0x80000000u ? 0 : bits;
}

float ScalarBf16(const AmxCase& t, int m, int n, AmxMutant mutant) {
  float chains[2] = {0, 0};
  const float c = Daz(t.c[m][n], mutant);
  if (mutant == AmxMutant::kStartAtC) chains[0] = c;
  for (int i = 0; i < t.k; ++i) {
    const int k = mutant == AmxMutant::kReversed ? t.k - 1 - i : i;
    for (int h = 0; h < 2; ++h) {
      const float x = Daz(uint32_t{Get(t.a[m], 2 * k + h)} << 16, mutant);
      const float w = Daz(uint32_t{Get(t.b[k], 2 * n + h)} << 16, mutant);
      float& chain = chains[mutant == AmxMutant::kOneChain ? 0 : h];
      chain = FmaFlush(x, w, chain, mutant);
    }
  }
  const float sum = FmaFlush(1, chains[0], chains[1], mutant);
  return mutant == AmxMutant::kStartAtC ? sum : FmaFlush(1, sum, c, mutant);
}

uint32_t ScalarBytes(const AmxCase& t, int m, int n) {
  const bool a_signed = t.op == AmxOp::kTdpbssd || t.op == AmxOp::kTdpbsud;
  const bool b_signed = t.op == AmxOp::kTdpbssd || t.op == AmxOp::kTdpbusd;
  int64_t sum = t.c[m][n];
  for (int k = 0; k < t.k; ++k) {
    for (int i = 0; i < 4; ++i) {
      const uint8_t a = t.a[m][4 * k + i], b = t.b[k][4 * n + i];
      sum += (a_signed ? static_cast<int8_t>(a) : a) * (b_signed ? static_cast<int8_t>(b) : b);
    }
  }
  return static_cast<uint32_t>(sum);
}

}  // namespace

const char* AmxKindName(int kind) {
  constexpr const char* kNames[kAllKinds] = {
      "ordinary",     "cancelling", "denormal inputs", "denormal results", "tiny edge",  "overflow", "non-finite",
      "signed zeros", "any bits",   "bytes",           "byte extremes",    "every byte", "byte wrap"};
  return kNames[kind];
}

AmxCase MakeAmxCase(AmxOp op, int kind, int m, int k, int n, uint64_t seed) {
  AmxCase t = {};
  t.op = op;
  t.kind = kind;
  t.m = m;
  t.k = k;
  t.n = n;
  Random random{seed * 977 + static_cast<uint64_t>(kind) * 131 + static_cast<uint64_t>(op)};
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) t.c[i][j] = Accumulator(random, kind);
  }
  if (op == AmxOp::kTdpbf16ps) {
    FillBf16(random, &t);
    return t;
  }
  constexpr uint8_t kExtremes[] = {0, 1, 127, 128, 129, 255};
  auto fill = [&](uint8_t* row, int bytes, int first) {
    for (int i = 0; i < bytes; ++i) {
      row[i] = kind == kByteExtremes ? kExtremes[random.Between(0, 5)]
               : kind == kEveryByte  ? static_cast<uint8_t>(first + i)
                                     : static_cast<uint8_t>(random.Next());
    }
  };
  const int start = static_cast<int>(random.Next());
  for (int i = 0; i < m; ++i) fill(t.a[i], 4 * k, start + 64 * i);
  for (int i = 0; i < k; ++i) fill(t.b[i], 4 * n, 64 * i);
  if (kind == kByteWrap) {
    for (int i = 0; i < m; ++i) {
      for (int j = 0; j < n; ++j) t.c[i][j] = 0x80000000u + random.Between(-100000, 100000);
    }
  }
  return t;
}

void RunTileCode(const AmxCase& t, AmxResult* result) {
  using namespace lacuna::kernels;
  TileConfig config{};
  TileConfigSet(&config, 0, t.m, 4 * t.n);
  TileConfigSet(&config, 1, t.m, 4 * t.k);
  TileConfigSet(&config, 2, t.k, 4 * t.n);
  TileLoadConfig(&config);
  LACUNA_TILE_LOAD(0, t.c, 64);
  LACUNA_TILE_LOAD(1, t.a, 64);
  LACUNA_TILE_LOAD_STREAM(2, t.b, 64);
  switch (t.op) {
    case AmxOp::kTdpbf16ps:
      LACUNA_TILE_DPBF16PS(0, 1, 2);
      break;
    case AmxOp::kTdpbssd:
      LACUNA_TILE_DPBSSD(0, 1, 2);
      break;
    case AmxOp::kTdpbsud:
      LACUNA_TILE_DPBSUD(0, 1, 2);
      break;
    case AmxOp::kTdpbusd:
      LACUNA_TILE_DPBUSD(0, 1, 2);
      break;
    default:
      LACUNA_TILE_DPBUUD(0, 1, 2);
  }
  LACUNA_TILE_STORE(0, result->d, 64);
  TileRelease();
}

void RunEmulated(const AmxCase& t, AmxResult* result) {
  static thread_local TileState state;
  alignas(64) kernels::TileConfig config{};
  kernels::TileConfigSet(&config, 0, t.m, 4 * t.n);
  kernels::TileConfigSet(&config, 1, t.m, 4 * t.k);
  kernels::TileConfigSet(&config, 2, t.k, 4 * t.n);
  const AmxMemory row64 = {.base = 0, .index = 1};
  auto step = [&](AmxOp op, int tile, const void* at) {
    const uint64_t gpr[16] = {reinterpret_cast<uint64_t>(at), op == AmxOp::kLdTileCfg ? uint64_t{0} : uint64_t{64}};
    EmulateAmx(AssembleAmx(op, tile, 0, 0, row64).data(), gpr, state);
  };
  step(AmxOp::kLdTileCfg, 0, &config);
  step(AmxOp::kTileLoad, 0, t.c);
  step(AmxOp::kTileLoad, 1, t.a);
  step(AmxOp::kTileLoadT1, 2, t.b);
  const uint64_t none[16] = {};
  EmulateAmx(AssembleAmx(t.op, 0, 1, 2).data(), none, state);
  step(AmxOp::kTileStore, 0, result->d);
  EmulateAmx(AssembleAmx(AmxOp::kTileRelease, 0).data(), none, state);
}

void RunScalar(const AmxCase& t, AmxResult* result, AmxMutant mutant) {
  for (int m = 0; m < t.m; ++m) {
    for (int n = 0; n < t.n; ++n) {
      if (t.op == AmxOp::kTdpbf16ps) {
        const float value = ScalarBf16(t, m, n, mutant);
        memcpy(&result->d[m][n], &value, 4);
      } else {
        result->d[m][n] = ScalarBytes(t, m, n);
      }
    }
  }
}

AmxDifference CompareAmx(const AmxCase& t, const AmxResult& x, const AmxResult& y) {
  AmxDifference out;
  for (int m = 0; m < t.m; ++m) {
    for (int n = 0; n < t.n; ++n) {
      if (x.d[m][n] == y.d[m][n]) continue;
      if (Canonical(t.op, x.d[m][n]) == Canonical(t.op, y.d[m][n])) {
        ++out.other_bits;
      } else if (out.unequal++ == 0) {
        out.first_m = m;
        out.first_n = n;
      }
    }
  }
  return out;
}

uint64_t DigestAmx(const AmxCase& t, const AmxResult& result, uint64_t digest) {
  for (int m = 0; m < t.m; ++m) {
    for (int n = 0; n < t.n; ++n) digest = (digest ^ Canonical(t.op, result.d[m][n])) * 0x100000001b3u;
  }
  return digest;
}

}  // namespace lacuna::testing
