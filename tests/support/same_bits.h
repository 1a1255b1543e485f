// The contract's notion of equal: the same bits, where +0 and -0 are one value and all NaNs are one value.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <span>

#include "base/bf16.h"

namespace lacuna::testing {

// The bits with the two exceptions folded: what is compared, and what hashes are taken of.
inline uint32_t CanonicalBits(float x) {
  const uint32_t u = FloatBits(x);
  if ((u & 0x7fffffffu) == 0) return 0;
  return (u & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : u;
}

inline bool SameBits(float a, float b) { return CanonicalBits(a) == CanonicalBits(b); }

// For EXPECT_TRUE: names the first difference and counts the others.
inline ::testing::AssertionResult SameBits(std::span<const float> got, std::span<const float> want) {
  if (got.size() != want.size()) {
    return ::testing::AssertionFailure() << got.size() << " values, expected " << want.size();
  }
  std::size_t different = 0, first = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!SameBits(got[i], want[i]) && different++ == 0) first = i;
  }
  if (different == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << different << " of " << got.size() << " values differ, first at " << first
                                       << ": " << got[first] << " (" << std::hex << FloatBits(got[first])
                                       << "), expected " << want[first] << " (" << FloatBits(want[first]) << ")";
}

// FNV-1a over the bytes of canonical bits: pins results across compilers and machines.
class BitsHash {
 public:
  void Add(uint32_t bits) {
    for (int i = 0; i < 4; ++i) hash_ = (hash_ ^ (bits >> (8 * i) & 0xff)) * 0x100000001b3u;
  }
  void Add(float x) { Add(CanonicalBits(x)); }
  void Add(double x) {
    uint64_t u;
    memcpy(&u, &x, 8);
    Add(static_cast<uint32_t>(u));
    Add(static_cast<uint32_t>(u >> 32));
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace lacuna::testing
