#include "tests/support/data.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace lacuna::testing {
namespace {

// +-1.xxxxxxx * 2^exponent, all eight bits of the significand random.
bf16 RandomBf16(Random& random, int exponent) {
  const uint64_t r = random();
  const int biased = std::clamp(exponent + 127, 0, 254);
  return bf16{static_cast<uint16_t>((r & 0x807f) | static_cast<uint64_t>(biased) << 7)};
}

bf16 Negated(bf16 x) { return bf16{static_cast<uint16_t>(x.bits ^ 0x8000)}; }

// Exponents of x and w by kind, channel and k.
struct Exponents {
  int x, w;
};
Exponents Pick(DataKind kind, int channel, int n, int i, int k, Random& random) {
  switch (kind) {
    case DataKind::kWide:
      return {IntIn(random, -10, 9), IntIn(random, -10, 9)};
    case DataKind::kSkewed:
      return {IntIn(random, -10, 9) + 12 * i / k, IntIn(random, -10, 9) - 12 * channel / n};
    case DataKind::kTiny:  // at every eighth k, x is denormal and w makes the product count
      return i % 8 == 5 ? Exponents{-127, IntIn(random, 0, 1)}
                        : Exponents{IntIn(random, -66, -63), IntIn(random, -66, -62)};
    case DataKind::kHuge:
      return {IntIn(random, 59, 62), IntIn(random, 60, 65)};
    case DataKind::kIntegers:
      break;
  }
  return {0, 0};
}

}  // namespace

const char* Name(DataKind kind) {
  switch (kind) {
    case DataKind::kWide:
      return "wide";
    case DataKind::kSkewed:
      return "skewed";
    case DataKind::kTiny:
      return "tiny";
    case DataKind::kHuge:
      return "huge";
    case DataKind::kIntegers:
      return "integers";
  }
  return "?";
}

uint64_t TestSeed(uint64_t base) {
  const char* text = std::getenv("LACUNA_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : base;
}

std::string SeedText(uint64_t seed) { return "LACUNA_TEST_SEED=" + std::to_string(seed); }

float UniformIn(Random& random, float low, float high) {
  const double unit = static_cast<double>(random() >> 11) * 0x1p-53;
  return static_cast<float>(low + (static_cast<double>(high) - low) * unit);
}

int IntIn(Random& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<uint64_t>(high - low + 1));
}

LinearData MakeLinearData(DataKind kind, int m, int n, int k, Random& random) {
  LinearData data;
  data.x.resize(static_cast<std::size_t>(m) * k);
  data.w.resize(static_cast<std::size_t>(n) * k);
  if (kind == DataKind::kIntegers) {
    for (bf16& v : data.x) v = ToBf16(static_cast<float>(IntIn(random, -8, 8)));
    for (bf16& v : data.w) v = ToBf16(static_cast<float>(IntIn(random, -8, 8)));
    return data;
  }
  for (int i = 0; i < k; ++i) {
    for (int row = 0; row < m; ++row) {
      data.x[row * k + i] = RandomBf16(random, Pick(kind, 0, n, i, k, random).x);
    }
    for (int channel = 0; channel < n; ++channel) {
      data.w[channel * k + i] = RandomBf16(random, Pick(kind, channel, n, i, k, random).w);
    }
  }
  // Partners (i, j) at random distances: x_j w_j = -x_i w_i, up to the last bit of w_j in every other channel.
  std::vector<int> order(k);
  std::iota(order.begin(), order.end(), 0);
  for (int i = k - 1; i > 0; --i) std::swap(order[i], order[IntIn(random, 0, i)]);
  for (int pair = 0; 2 * pair + 1 < k; pair += 2) {
    const int i = order[2 * pair], j = order[2 * pair + 1];
    for (int row = 0; row < m; ++row) data.x[row * k + j] = data.x[row * k + i];
    for (int channel = 0; channel < n; ++channel) {
      bf16 w = Negated(data.w[channel * k + i]);
      w.bits ^= static_cast<uint16_t>(random() & 1);
      data.w[channel * k + j] = w;
    }
  }
  return data;
}

std::vector<float> UniformFloats(std::size_t count, float low, float high, Random& random) {
  std::vector<float> values(count);
  for (float& v : values) v = UniformIn(random, low, high);
  return values;
}

std::vector<float> ToFloats(std::span<const bf16> values) {
  std::vector<float> floats(values.size());
  std::transform(values.begin(), values.end(), floats.begin(), [](bf16 v) { return ToFloat(v); });
  return floats;
}

std::vector<bf16> ToBf16s(std::span<const float> values) {
  std::vector<bf16> rounded(values.size());
  std::transform(values.begin(), values.end(), rounded.begin(), [](float v) { return ToBf16(v); });
  return rounded;
}

std::vector<bf16> PackPanels(std::span<const bf16> w, int n, int k) {
  const int panels = (n + 15) / 16, k_padded = (k + 31) / 32 * 32;
  std::vector<bf16> packed(static_cast<std::size_t>(panels) * 16 * k_padded, bf16{0});
  for (int channel = 0; channel < n; ++channel) {
    for (int i = 0; i < k; ++i) {
      const std::size_t panel = static_cast<std::size_t>(channel / 16) * 16 * k_padded;
      packed[panel + (i / 2) * 32 + (channel % 16) * 2 + i % 2] = w[static_cast<std::size_t>(channel) * k + i];
    }
  }
  return packed;
}

std::vector<float> PackPanels(std::span<const float> w, int n, int k) {
  const int panels = (n + 15) / 16;
  std::vector<float> packed(static_cast<std::size_t>(panels) * 16 * k, 0.0f);
  for (int channel = 0; channel < n; ++channel) {
    for (int i = 0; i < k; ++i) {
      packed[(static_cast<std::size_t>(channel / 16) * k + i) * 16 + channel % 16] =
          w[static_cast<std::size_t>(channel) * k + i];
    }
  }
  return packed;
}

std::vector<bf16> PadRows(std::span<const bf16> x, int m, int k, int k_padded) {
  std::vector<bf16> padded(static_cast<std::size_t>(m) * k_padded, bf16{0});
  for (int row = 0; row < m; ++row) {
    std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(row) * k, k, padded.begin() + row * k_padded);
  }
  return padded;
}

}  // namespace lacuna::testing
