// Read and multiply-add roofs with 512-bit vectors.
#include "kernels/roof.h"

#include <immintrin.h>

namespace lacuna::kernels {
namespace {

struct Sum {
  __m512i a, b, c, d;
};

inline __attribute__((always_inline)) void Take256(const char* at, Sum* s) {
  s->a = _mm512_xor_si512(s->a, _mm512_load_si512(at));
  s->b = _mm512_xor_si512(s->b, _mm512_load_si512(at + 64));
  s->c = _mm512_xor_si512(s->c, _mm512_load_si512(at + 128));
  s->d = _mm512_xor_si512(s->d, _mm512_load_si512(at + 192));
}

}  // namespace

uint64_t Avx512Read(ReadMethod method, const void* data, size_t bytes) {
  const char* at = (const char*)data;
  const char* end = at + bytes;
  const __m512i zero = _mm512_setzero_si512();
  Sum s = {zero, zero, zero, zero};
  if (method == kReadPlain) {
    for (; at < end; at += 512) {
      Take256(at, &s);
      Take256(at + 256, &s);
    }
  } else if (method == kReadPrefetch) {
    // A prefetch beyond the end is harmless: it never faults.
    for (; at < end; at += 256) {
      for (int line = 0; line < 4; ++line) _mm_prefetch(at + kReadAhead + 64 * line, _MM_HINT_T0);
      Take256(at, &s);
    }
  } else {
    const ptrdiff_t quarter = (ptrdiff_t)(bytes / 4);
    for (end = at + quarter; at < end; at += 256) {
      Take256(at, &s);
      Take256(at + quarter, &s);
      Take256(at + 2 * quarter, &s);
      Take256(at + 3 * quarter, &s);
    }
  }
  const __m512i all = _mm512_xor_si512(_mm512_xor_si512(s.a, s.b), _mm512_xor_si512(s.c, s.d));
  return (uint64_t)_mm512_reduce_add_epi64(all);
}

double Avx512FmaPeak(int64_t iterations, float* sink) {
  // 16 chains: two ports of latency 4 (5 on some) need 8 to 10.
  const __m512 x = _mm512_set1_ps(0.999f);
  const __m512 y = _mm512_set1_ps(0.001f);
  __m512 s0 = y, s1 = y, s2 = y, s3 = y, s4 = y, s5 = y, s6 = y, s7 = y;
  __m512 t0 = x, t1 = x, t2 = x, t3 = x, t4 = x, t5 = x, t6 = x, t7 = x;
  for (int64_t i = 0; i < iterations; ++i) {
    s0 = _mm512_fmadd_ps(s0, x, y), s1 = _mm512_fmadd_ps(s1, x, y), s2 = _mm512_fmadd_ps(s2, x, y);
    s3 = _mm512_fmadd_ps(s3, x, y), s4 = _mm512_fmadd_ps(s4, x, y), s5 = _mm512_fmadd_ps(s5, x, y);
    s6 = _mm512_fmadd_ps(s6, x, y), s7 = _mm512_fmadd_ps(s7, x, y), t0 = _mm512_fmadd_ps(t0, x, y);
    t1 = _mm512_fmadd_ps(t1, x, y), t2 = _mm512_fmadd_ps(t2, x, y), t3 = _mm512_fmadd_ps(t3, x, y);
    t4 = _mm512_fmadd_ps(t4, x, y), t5 = _mm512_fmadd_ps(t5, x, y), t6 = _mm512_fmadd_ps(t6, x, y);
    t7 = _mm512_fmadd_ps(t7, x, y);
    // Equal chains are otherwise merged into one.
    __asm__ volatile("" : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6), "+v"(s7));
    __asm__ volatile("" : "+v"(t0), "+v"(t1), "+v"(t2), "+v"(t3), "+v"(t4), "+v"(t5), "+v"(t6), "+v"(t7));
  }
  const __m512 s = _mm512_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)),
                                 _mm512_add_ps(_mm512_add_ps(s4, s5), _mm512_add_ps(s6, s7)));
  const __m512 t = _mm512_add_ps(_mm512_add_ps(_mm512_add_ps(t0, t1), _mm512_add_ps(t2, t3)),
                                 _mm512_add_ps(_mm512_add_ps(t4, t5), _mm512_add_ps(t6, t7)));
  *sink = _mm512_reduce_add_ps(_mm512_add_ps(s, t));
  return (double)iterations * 16 * 16 * 2;
}

double Avx512Int8Peak(int64_t iterations, float* sink) {
  // 12 chains: two ports of latency 4 or 5.
  __m512i u = _mm512_set1_epi32(0x7c53a915), q = _mm512_set1_epi32(0x35e1b27d);
  const __m512i zero = _mm512_setzero_si512();
  __m512i s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero;
  __m512i t0 = zero, t1 = zero, t2 = zero, t3 = zero, t4 = zero, t5 = zero;
  for (int64_t i = 0; i < iterations; ++i) {
    s0 = _mm512_dpbusd_epi32(s0, u, q), s1 = _mm512_dpbusd_epi32(s1, u, q), s2 = _mm512_dpbusd_epi32(s2, u, q);
    s3 = _mm512_dpbusd_epi32(s3, u, q), s4 = _mm512_dpbusd_epi32(s4, u, q), s5 = _mm512_dpbusd_epi32(s5, u, q);
    t0 = _mm512_dpbusd_epi32(t0, u, q), t1 = _mm512_dpbusd_epi32(t1, u, q), t2 = _mm512_dpbusd_epi32(t2, u, q);
    t3 = _mm512_dpbusd_epi32(t3, u, q), t4 = _mm512_dpbusd_epi32(t4, u, q), t5 = _mm512_dpbusd_epi32(t5, u, q);
    // Equal chains are otherwise merged into one.
    __asm__ volatile("" : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(u));
    __asm__ volatile("" : "+v"(t0), "+v"(t1), "+v"(t2), "+v"(t3), "+v"(t4), "+v"(t5), "+v"(q));
  }
  const __m512i s =
      _mm512_add_epi32(_mm512_add_epi32(s0, s1), _mm512_add_epi32(_mm512_add_epi32(s2, s3), _mm512_add_epi32(s4, s5)));
  const __m512i t =
      _mm512_add_epi32(_mm512_add_epi32(t0, t1), _mm512_add_epi32(_mm512_add_epi32(t2, t3), _mm512_add_epi32(t4, t5)));
  *sink = (float)_mm512_reduce_add_epi32(_mm512_add_epi32(s, t));
  return (double)iterations * 12 * 64 * 2;
}

}  // namespace lacuna::kernels
