// Element-wise kernels in AVX2 + FMA: two ymm hold the 16 lanes of the rule of sums, tails are masked.
#include "kernels/elementwise.h"

#include "kernels/attention.h"
#include "kernels/ref/gelu-inl.h"
#include "kernels/simd/math-inl.h"

namespace lacuna::kernels {
namespace {

void ToBf16Row(const float* x, int k, int k_padded, bf16* y) {
  int i = 0;
  for (; i + 16 <= k; i += 16) {
    _mm256_storeu_si256((__m256i*)(y + i), PackBf16Avx2(_mm256_loadu_ps(x + i), _mm256_loadu_ps(x + i + 8)));
  }
  for (; i < k; ++i) y[i] = ToBf16(x[i]);
  for (; i < k_padded; ++i) y[i] = bf16{0};
}

void RmsNorm(const float* x, const float* weight, float eps, int n, float* y) {
  __m256 low = _mm256_setzero_ps(), high = low;
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + i + 8);
    low = _mm256_fmadd_ps(a, a, low);
    high = _mm256_fmadd_ps(b, b, high);
  }
  if (i < n) {
    const __m256 a = _mm256_maskload_ps(x + i, FirstLanes8(n - i));
    const __m256 b = _mm256_maskload_ps(x + i + 8, FirstLanes8(n - i - 8));
    low = _mm256_fmadd_ps(a, a, low);
    high = _mm256_fmadd_ps(b, b, high);
  }
  const float mean = AddLanesAvx2(low, high) / (float)n;
  const __m256 scale = _mm256_set1_ps(1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean + eps))));
  for (i = 0; i + 8 <= n; i += 8) {
    const __m256 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), scale);
    _mm256_storeu_ps(y + i, _mm256_mul_ps(v, _mm256_loadu_ps(weight + i)));
  }
  if (i < n) {
    const __m256i tail = FirstLanes8(n - i);
    const __m256 v = _mm256_mul_ps(_mm256_maskload_ps(x + i, tail), scale);
    _mm256_maskstore_ps(y + i, tail, _mm256_mul_ps(v, _mm256_maskload_ps(weight + i, tail)));
  }
}

void Rope(float* x, int heads, int head_dim, const float* cos, const float* sin) {
  const int half = head_dim / 2;
  const __m256 sign = _mm256_set1_ps(-0.0f);
  for (int h = 0; h < heads; ++h) {
    float* low = x + (ptrdiff_t)h * head_dim;
    float* high = low + half;
    for (int i = 0; i < half; i += 8) {
      const __m256i mask = FirstLanes8(half - i);
      const __m256 a = _mm256_maskload_ps(low + i, mask), b = _mm256_maskload_ps(high + i, mask);
      const __m256 c = _mm256_maskload_ps(cos + i, mask), s = _mm256_maskload_ps(sin + i, mask);
      _mm256_maskstore_ps(low + i, mask, _mm256_fmadd_ps(a, c, _mm256_xor_ps(_mm256_mul_ps(b, s), sign)));
      _mm256_maskstore_ps(high + i, mask, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
    }
  }
}

void SiluMul(const float* gate, const float* up, int n, float* y) {
  const __m256 one = _mm256_set1_ps(1.0f);
  for (int i = 0; i < n; i += 8) {
    const __m256i mask = FirstLanes8(n - i);
    const __m256 g = _mm256_maskload_ps(gate + i, mask), u = _mm256_maskload_ps(up + i, mask);
    const __m256 e = ExpAvx2(_mm256_xor_ps(g, _mm256_set1_ps(-0.0f)));
    _mm256_maskstore_ps(y + i, mask, _mm256_mul_ps(_mm256_div_ps(g, _mm256_add_ps(one, e)), u));
  }
}

void GeluMul(const float* gate, const float* up, int n, float* y) {
  const __m256 one = _mm256_set1_ps(1.0f);
  const __m256 linear = _mm256_set1_ps(kGeluLinear), cubic = _mm256_set1_ps(kGeluCubic);
  for (int i = 0; i < n; i += 8) {
    const __m256i mask = FirstLanes8(n - i);
    const __m256 g = _mm256_maskload_ps(gate + i, mask), u = _mm256_maskload_ps(up + i, mask);
    const __m256 z = _mm256_mul_ps(g, _mm256_fmadd_ps(_mm256_mul_ps(g, g), cubic, linear));
    const __m256 e = ExpAvx2(_mm256_xor_ps(z, _mm256_set1_ps(-0.0f)));
    _mm256_maskstore_ps(y + i, mask, _mm256_mul_ps(_mm256_div_ps(g, _mm256_add_ps(one, e)), u));
  }
}

void Add(const float* a, const float* b, int n, float* y) {
  for (int i = 0; i < n; i += 8) {
    const __m256i mask = FirstLanes8(n - i);
    _mm256_maskstore_ps(y + i, mask, _mm256_add_ps(_mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask)));
  }
}

float SoftmaxWeights(float* x, ptrdiff_t n, float top, float temperature) {
  const __m256 t = _mm256_set1_ps(top), divisor = _mm256_set1_ps(temperature);
  __m256 sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (ptrdiff_t i = 0; i < n; i += 16) {
    for (int h = 0; h < 2; ++h) {
      const ptrdiff_t left = n - i - 8 * h;
      const __m256i mask = FirstLanes8(left < 8 ? (int)left : 8);
      const __m256 v = _mm256_maskload_ps(x + i + 8 * h, mask);
      const __m256 e = ExpAvx2(_mm256_div_ps(_mm256_sub_ps(v, t), divisor));
      _mm256_maskstore_ps(x + i + 8 * h, mask, e);
      sum[h] = _mm256_add_ps(sum[h], _mm256_and_ps(e, _mm256_castsi256_ps(mask)));
    }
  }
  return AddLanesAvx2(sum[0], sum[1]);
}

// K: pairs of dims lie 64 bytes apart, one dword each. V: channels of a token lie 4 bytes apart.
void WriteToken(const float* k, const float* v, int head_dim, int slot, bf16* head) {
  bf16* keys = head + KeyOffset(slot, 0, head_dim);
  bf16* values = head + KeyElements(head_dim) + ValueOffset(slot, 0);
  int d = 0;
  for (; d + 16 <= head_dim; d += 16) {
    alignas(32) uint32_t pairs[8];
    alignas(32) uint16_t words[16];
    _mm256_store_si256((__m256i*)pairs, PackBf16Avx2(_mm256_loadu_ps(k + d), _mm256_loadu_ps(k + d + 8)));
    _mm256_store_si256((__m256i*)words, PackBf16Avx2(_mm256_loadu_ps(v + d), _mm256_loadu_ps(v + d + 8)));
    for (int i = 0; i < 8; ++i) memcpy(keys + (ptrdiff_t)(d / 2 + i) * 32, &pairs[i], 4);
    for (int i = 0; i < 16; ++i) values[(ptrdiff_t)d * kPageTokens + 2 * i].bits = words[i];
  }
  for (; d < head_dim; ++d) {
    keys[(ptrdiff_t)(d / 2) * 32 + d % 2] = ToBf16(k[d]);
    values[ValueOffset(0, d)] = ToBf16(v[d]);
  }
}

}  // namespace

const ElementwiseKernels kElementwiseSimd = {
    .tier = "simd",
    .to_bf16 = ToBf16Row,
    .rms_norm = RmsNorm,
    .rope = Rope,
    .silu_mul = SiluMul,
    .gelu_mul = GeluMul,
    .add = Add,
    .softmax_weights = SoftmaxWeights,
    .write_token = WriteToken,
};

}  // namespace lacuna::kernels
