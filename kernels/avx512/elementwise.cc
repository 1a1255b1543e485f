// Element-wise kernels in AVX-512: one zmm holds the 16 lanes of the rule of sums, tails are masked.
#include "kernels/elementwise.h"

#include "kernels/attention.h"
#include "kernels/avx512/math-inl.h"
#include "kernels/ref/gelu-inl.h"

namespace lacuna::kernels {
namespace {

void ToBf16Row(const float* x, int k, int k_padded, bf16* y) {
  int i = 0;
  for (; i + 16 <= k; i += 16) _mm256_storeu_si256((__m256i*)(y + i), ToBf16Avx512(_mm512_loadu_ps(x + i)));
  for (; i < k_padded; i += 16) {  // masked lanes load as +0, which is the padding
    const __m512 tail = _mm512_maskz_loadu_ps(FirstLanes(k > i ? k - i : 0), x + i);
    _mm256_mask_storeu_epi16(y + i, FirstLanes(k_padded - i), ToBf16Avx512(tail));
  }
}

void RmsNorm(const float* x, const float* weight, float eps, int n, float* y) {
  __m512 sum = _mm512_setzero_ps();
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512 v = _mm512_loadu_ps(x + i);
    sum = _mm512_fmadd_ps(v, v, sum);
  }
  const __mmask16 tail = FirstLanes(n - i);
  if (i < n) {
    const __m512 v = _mm512_maskz_loadu_ps(tail, x + i);
    sum = _mm512_fmadd_ps(v, v, sum);
  }
  const float mean = AddLanesAvx512(sum) / (float)n;
  const __m512 scale = _mm512_set1_ps(1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean + eps))));
  for (i = 0; i + 16 <= n; i += 16) {
    const __m512 v = _mm512_mul_ps(_mm512_loadu_ps(x + i), scale);
    _mm512_storeu_ps(y + i, _mm512_mul_ps(v, _mm512_loadu_ps(weight + i)));
  }
  if (i < n) {
    const __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(tail, x + i), scale);
    _mm512_mask_storeu_ps(y + i, tail, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(tail, weight + i)));
  }
}

void Rope(float* x, int heads, int head_dim, const float* cos, const float* sin) {
  const int half = head_dim / 2;
  const __m512 sign = _mm512_set1_ps(-0.0f);
  for (int h = 0; h < heads; ++h) {
    float* low = x + (ptrdiff_t)h * head_dim;
    float* high = low + half;
    for (int i = 0; i < half; i += 16) {
      const __mmask16 mask = FirstLanes(half - i);
      const __m512 a = _mm512_maskz_loadu_ps(mask, low + i), b = _mm512_maskz_loadu_ps(mask, high + i);
      const __m512 c = _mm512_maskz_loadu_ps(mask, cos + i), s = _mm512_maskz_loadu_ps(mask, sin + i);
      _mm512_mask_storeu_ps(low + i, mask, _mm512_fmadd_ps(a, c, _mm512_xor_ps(_mm512_mul_ps(b, s), sign)));
      _mm512_mask_storeu_ps(high + i, mask, _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s)));
    }
  }
}

void SiluMul(const float* gate, const float* up, int n, float* y) {
  const __m512 one = _mm512_set1_ps(1.0f);
  for (int i = 0; i < n; i += 16) {
    const __mmask16 mask = FirstLanes(n - i);
    const __m512 g = _mm512_maskz_loadu_ps(mask, gate + i), u = _mm512_maskz_loadu_ps(mask, up + i);
    const __m512 e = ExpAvx512(_mm512_xor_ps(g, _mm512_set1_ps(-0.0f)));
    _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(_mm512_div_ps(g, _mm512_add_ps(one, e)), u));
  }
}

void GeluMul(const float* gate, const float* up, int n, float* y) {
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 linear = _mm512_set1_ps(kGeluLinear), cubic = _mm512_set1_ps(kGeluCubic);
  for (int i = 0; i < n; i += 16) {
    const __mmask16 mask = FirstLanes(n - i);
    const __m512 g = _mm512_maskz_loadu_ps(mask, gate + i), u = _mm512_maskz_loadu_ps(mask, up + i);
    const __m512 z = _mm512_mul_ps(g, _mm512_fmadd_ps(_mm512_mul_ps(g, g), cubic, linear));
    const __m512 e = ExpAvx512(_mm512_xor_ps(z, _mm512_set1_ps(-0.0f)));
    _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(_mm512_div_ps(g, _mm512_add_ps(one, e)), u));
  }
}

void Add(const float* a, const float* b, int n, float* y) {
  for (int i = 0; i < n; i += 16) {
    const __mmask16 mask = FirstLanes(n - i);
    const __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
    _mm512_mask_storeu_ps(y + i, mask, sum);
  }
}

float SoftmaxWeights(float* x, ptrdiff_t n, float top, float temperature) {
  const __m512 t = _mm512_set1_ps(top), divisor = _mm512_set1_ps(temperature);
  __m512 sum = _mm512_setzero_ps();
  for (ptrdiff_t i = 0; i < n; i += 16) {
    const __mmask16 mask = n - i < 16 ? FirstLanes((int)(n - i)) : (__mmask16)0xffff;
    const __m512 v = _mm512_maskz_loadu_ps(mask, x + i);
    const __m512 e = ExpAvx512(_mm512_div_ps(_mm512_sub_ps(v, t), divisor));
    _mm512_mask_storeu_ps(x + i, mask, e);
    sum = _mm512_mask_add_ps(sum, mask, sum, e);
  }
  return AddLanesAvx512(sum);
}

// K: pairs of dims lie 64 bytes apart, one dword each. V: a row of 16 channels is 64 bytes, the token is every other
// word of it.
void WriteToken(const float* k, const float* v, int head_dim, int slot, bf16* head) {
  bf16* keys = head + KeyOffset(slot, 0, head_dim);
  bf16* values = head + KeyElements(head_dim) + (slot / 2) * 32;
  const __mmask32 words = slot % 2 ? 0xaaaaaaaau : 0x55555555u;
  const __m512i rows = _mm512_slli_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), 6);
  int d = 0;
  for (; d + 32 <= head_dim; d += 32) {
    const __m256i low = ToBf16Avx512(_mm512_loadu_ps(k + d)), high = ToBf16Avx512(_mm512_loadu_ps(k + d + 16));
    const __m512i pairs = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    _mm512_i32scatter_epi32(keys + (ptrdiff_t)d * 16, rows, pairs, 1);
  }
  for (; d < head_dim; ++d) keys[(ptrdiff_t)(d / 2) * 32 + d % 2] = ToBf16(k[d]);
  for (d = 0; d < head_dim; d += 16) {
    // Both halves of each dword hold the value; the mask takes one.
    const __m512i rounded = _mm512_cvtepu16_epi32(ToBf16Avx512(_mm512_maskz_loadu_ps(FirstLanes(head_dim - d), v + d)));
    const __m512i twice = _mm512_or_si512(rounded, _mm512_slli_epi32(rounded, 16));
    const __mmask32 held = head_dim - d >= 16 ? 0xffffffffu : (1u << 2 * (head_dim - d)) - 1;
    _mm512_mask_storeu_epi16(values + (ptrdiff_t)d * kPageTokens, words & held, twice);
  }
}

}  // namespace

const ElementwiseKernels kElementwiseAvx512 = {
    .tier = "avx512",
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
