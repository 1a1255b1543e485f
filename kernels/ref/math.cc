// Elementary functions of the reference. Each is one straight line of exactly rounded operations; the constants are
// Taylor coefficients (1 / n!, 2 / (2n + 1)) unless said otherwise.
#include "kernels/ref/math.h"

#include <stdint.h>
#include <string.h>

#include "kernels/ref/exp-inl.h"

namespace lacuna::kernels {
namespace {

inline uint64_t DoubleBits(double x) {
  uint64_t u;
  memcpy(&u, &x, 8);
  return u;
}

inline double DoubleFromBits(uint64_t u) {
  double x;
  memcpy(&x, &u, 8);
  return x;
}

inline double Fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

// Adding 1.5 * 2^52 rounds to an integer (nearest even) and leaves it in the low bits of the sum.
constexpr double kShift = 6755399441055744.0;

// ln 2 as a head of 42 bits, so that k * head is exact for every exponent k, and the rest.
constexpr double kLn2Head = 0x1.62e42fefa3800p-1;
constexpr double kLn2Tail = 0x1.ef35793c76730p-45;

// exp(hi + lo), |lo| far below |hi|. Arguments beyond +-745 saturate to 0 or inf.
double ExpSum(double hi, double lo) {
  double t = -760.0 > hi ? -760.0 : hi;
  t = 720.0 < t ? 720.0 : t;
  const double shifted = Fma(t, 0x1.71547652b82fep+0, kShift);
  const double n = shifted - kShift;
  const int64_t exponent = (int64_t)(DoubleBits(shifted) - DoubleBits(kShift));
  double r = Fma(n, -kLn2Head, t);
  r = r + Fma(n, -kLn2Tail, lo);
  // 1 / 13! down to 1 / 0!: the remainder is below 2^-58 on |r| <= 0.347.
  double p = 1.0 / 6227020800.0;
  p = Fma(p, r, 1.0 / 479001600.0);
  p = Fma(p, r, 1.0 / 39916800.0);
  p = Fma(p, r, 1.0 / 3628800.0);
  p = Fma(p, r, 1.0 / 362880.0);
  p = Fma(p, r, 1.0 / 40320.0);
  p = Fma(p, r, 1.0 / 5040.0);
  p = Fma(p, r, 1.0 / 720.0);
  p = Fma(p, r, 1.0 / 120.0);
  p = Fma(p, r, 1.0 / 24.0);
  p = Fma(p, r, 1.0 / 6.0);
  p = Fma(p, r, 0.5);
  p = Fma(p, r, 1.0);
  p = Fma(p, r, 1.0);
  const int64_t half = exponent >> 1;
  const uint64_t first = ((uint64_t)half + 1023u) << 52;
  const uint64_t second = ((uint64_t)exponent - (uint64_t)half + 1023u) << 52;
  return (p * DoubleFromBits(first)) * DoubleFromBits(second);
}

struct Sum {
  double hi, lo;
};

// log(x) for normal x > 0, as a sum good to about 2^-65: x = 2^k m with m in [sqrt(1/2), sqrt(2)),
// log m = 2 atanh(s), s = (m - 1) / (m + 1), s itself as a sum of two doubles.
Sum LogSum(double x) {
  const uint64_t bits = DoubleBits(x);
  // Subtracting the bits of sqrt(1/2) carries into the exponent exactly when the mantissa reaches sqrt(2).
  const uint64_t offset = bits - 0x3fe6a09e667f3bcdull;
  const int64_t exponent = (int64_t)offset >> 52;
  const double k = (double)exponent;
  const double m = DoubleFromBits(bits - ((uint64_t)exponent << 52));
  const double f = m - 1.0;  // exact
  const double d = m + 1.0;
  const double d_lo = m - (d - 1.0);  // exact: d + d_lo = m + 1
  const double s = f / d;
  const double s_lo = (Fma(-s, d, f) - s * d_lo) / d;
  const double z = s * s;  // <= 0.0295
  // 2 / 23 down to 2 / 3: the first term left out is below 2^-62 of the sum.
  double p = 2.0 / 23.0;
  p = Fma(p, z, 2.0 / 21.0);
  p = Fma(p, z, 2.0 / 19.0);
  p = Fma(p, z, 2.0 / 17.0);
  p = Fma(p, z, 2.0 / 15.0);
  p = Fma(p, z, 2.0 / 13.0);
  p = Fma(p, z, 2.0 / 11.0);
  p = Fma(p, z, 2.0 / 9.0);
  p = Fma(p, z, 2.0 / 7.0);
  p = Fma(p, z, 2.0 / 5.0);
  p = Fma(p, z, 2.0 / 3.0);
  const double head = k * kLn2Head;  // exact
  const double twice = 2.0 * s;
  // |head| is 0 or larger than |twice|: the short form of the exact sum holds.
  const double hi = head + twice;
  const double lo = ((head - hi) + twice) + Fma(k, kLn2Tail, Fma(s * z, p, 2.0 * s_lo));
  // lo holds s^3 and more: made small again, or exp of a multiple would leave its polynomial's interval.
  const double sum = hi + lo;
  return Sum{sum, (hi - sum) + lo};
}

}  // namespace

float RefExp(float x) { return ExpInline(x); }

double RefExpDouble(double x) { return ExpSum(x, 0.0); }

double RefLog(double x) {
  const Sum log = LogSum(x);
  return log.hi + log.lo;
}

double RefPow(double base, double exponent) {
  const Sum log = LogSum(base);
  const double hi = exponent * log.hi;
  return ExpSum(hi, Fma(exponent, log.hi, -hi) + exponent * log.lo);
}

void RefSinCos(float x, float* sin, float* cos) {
  // r = x - n * pi / 2 with pi / 2 in three parts: n has at most 24 bits for |x| <= 2^24, and the first fma is exact.
  const double t = x;
  const double shifted = Fma(t, 0x1.45f306dc9c883p-1, kShift);
  const double n = shifted - kShift;
  const uint64_t quadrant = DoubleBits(shifted) & 3;
  double r = Fma(n, -0x1.921fb54442d18p+0, t);
  r = Fma(n, -0x1.1a62633145c07p-54, r);
  r = Fma(n, 0x1.f1976b7ed8fbcp-110, r);
  const double z = r * r;
  // |r| <= pi / 4: sin to r^17, cos to r^16; remainders below 2^-57.
  double s = 1.0 / 355687428096000.0;
  s = Fma(s, z, -1.0 / 1307674368000.0);
  s = Fma(s, z, 1.0 / 6227020800.0);
  s = Fma(s, z, -1.0 / 39916800.0);
  s = Fma(s, z, 1.0 / 362880.0);
  s = Fma(s, z, -1.0 / 5040.0);
  s = Fma(s, z, 1.0 / 120.0);
  s = Fma(s, z, -1.0 / 6.0);
  s = Fma(s * z, r, r);
  double c = 1.0 / 20922789888000.0;
  c = Fma(c, z, -1.0 / 87178291200.0);
  c = Fma(c, z, 1.0 / 479001600.0);
  c = Fma(c, z, -1.0 / 3628800.0);
  c = Fma(c, z, 1.0 / 40320.0);
  c = Fma(c, z, -1.0 / 720.0);
  c = Fma(c, z, 1.0 / 24.0);
  c = Fma(c, z, -0.5);
  c = Fma(c, z, 1.0);
  const double sin_abs = (quadrant & 1) ? c : s;
  const double cos_abs = (quadrant & 1) ? s : c;
  *sin = (float)((quadrant & 2) ? -sin_abs : sin_abs);
  *cos = (float)(((quadrant + 1) & 2) ? -cos_abs : cos_abs);
}

}  // namespace lacuna::kernels
