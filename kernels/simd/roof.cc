// Read and multiply-add roofs with 256-bit vectors.
#include "kernels/roof.h"

#include <immintrin.h>

namespace lacuna::kernels {
namespace {

struct Sum {
  __m256i a, b, c, d;
};

inline __attribute__((always_inline)) void Take128(const char* at, Sum* s) {
  s->a = _mm256_xor_si256(s->a, _mm256_load_si256((const __m256i*)at));
  s->b = _mm256_xor_si256(s->b, _mm256_load_si256((const __m256i*)(at + 32)));
  s->c = _mm256_xor_si256(s->c, _mm256_load_si256((const __m256i*)(at + 64)));
  s->d = _mm256_xor_si256(s->d, _mm256_load_si256((const __m256i*)(at + 96)));
}

}  // namespace

uint64_t Avx2Read(ReadMethod method, const void* data, size_t bytes) {
  const char* at = (const char*)data;
  const char* end = at + bytes;
  const __m256i zero = _mm256_setzero_si256();
  Sum s = {zero, zero, zero, zero};
  if (method == kReadPlain) {
    for (; at < end; at += 256) {
      Take128(at, &s);
      Take128(at + 128, &s);
    }
  } else if (method == kReadPrefetch) {
    // A prefetch beyond the end is harmless: it never faults.
    for (; at < end; at += 128) {
      _mm_prefetch(at + kReadAhead, _MM_HINT_T0);
      _mm_prefetch(at + kReadAhead + 64, _MM_HINT_T0);
      Take128(at, &s);
    }
  } else {
    const ptrdiff_t quarter = (ptrdiff_t)(bytes / 4);
    for (end = at + quarter; at < end; at += 128) {
      Take128(at, &s);
      Take128(at + quarter, &s);
      Take128(at + 2 * quarter, &s);
      Take128(at + 3 * quarter, &s);
    }
  }
  const __m256i all = _mm256_xor_si256(_mm256_xor_si256(s.a, s.b), _mm256_xor_si256(s.c, s.d));
  return (uint64_t)(_mm256_extract_epi64(all, 0) + _mm256_extract_epi64(all, 1) + _mm256_extract_epi64(all, 2) +
                    _mm256_extract_epi64(all, 3));
}

double Avx2FmaPeak(int64_t iterations, float* sink) {
  // 12 chains and the two factors fit the 16 registers; two ports of latency 5 need 10.
  const __m256 x = _mm256_set1_ps(0.999f);
  const __m256 y = _mm256_set1_ps(0.001f);
  __m256 s0 = y, s1 = y, s2 = y, s3 = y, s4 = y, s5 = y, t0 = x, t1 = x, t2 = x, t3 = x, t4 = x, t5 = x;
  for (int64_t i = 0; i < iterations; ++i) {
    s0 = _mm256_fmadd_ps(s0, x, y), s1 = _mm256_fmadd_ps(s1, x, y), s2 = _mm256_fmadd_ps(s2, x, y);
    s3 = _mm256_fmadd_ps(s3, x, y), s4 = _mm256_fmadd_ps(s4, x, y), s5 = _mm256_fmadd_ps(s5, x, y);
    t0 = _mm256_fmadd_ps(t0, x, y), t1 = _mm256_fmadd_ps(t1, x, y), t2 = _mm256_fmadd_ps(t2, x, y);
    t3 = _mm256_fmadd_ps(t3, x, y), t4 = _mm256_fmadd_ps(t4, x, y), t5 = _mm256_fmadd_ps(t5, x, y);
    // Equal chains are otherwise merged into one.
    __asm__ volatile("" : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5));
    __asm__ volatile("" : "+x"(t0), "+x"(t1), "+x"(t2), "+x"(t3), "+x"(t4), "+x"(t5));
  }
  const __m256 s = _mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(_mm256_add_ps(s2, s3), _mm256_add_ps(s4, s5)));
  const __m256 t = _mm256_add_ps(_mm256_add_ps(t0, t1), _mm256_add_ps(_mm256_add_ps(t2, t3), _mm256_add_ps(t4, t5)));
  float lanes[8];
  _mm256_storeu_ps(lanes, _mm256_add_ps(s, t));
  *sink = lanes[0] + lanes[1] + lanes[2] + lanes[3] + lanes[4] + lanes[5] + lanes[6] + lanes[7];
  return (double)iterations * 12 * 8 * 2;
}

}  // namespace lacuna::kernels
