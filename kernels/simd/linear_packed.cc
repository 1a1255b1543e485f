// y = x * w^T over packed weights of any codec for AVX2 and FMA: a tile is expanded to L1 once (packed_expand-inl.h)
// and multiplied with up to 48 rows.
//
//   int8 activations   AVX2 has no exact u8 x s8: both are widened to 16 bits for VPMADDWD
//                      sums [3 rows][4 vectors of 4 channels x 2] = 12;  a vector of w;  x of 3 rows, 4 k broadcast
//   bf16 activations   linear_steps-inl.h over the expanded tile
//
// Per period of K, y = fma(float(t) or p, scale, y); segments start at +0 and are added ascending.
//
// Intel with AMX capped to this tier, 2 threads, 4096 x 4096, share of max(bytes / bw, operations / FMA-256 peak): int8
// 57 % at M = 1, 88 % at 512; int4 30 and 80; bitmaps of half: bf16 28 and 54, int8 16 and 81, int4 14 and 70.
#include "kernels/simd/linear_packed.h"

#include <immintrin.h>

#include "base/f16.h"
#include "kernels/simd/linear_steps-inl.h"
#include "kernels/simd/packed_expand-inl.h"

namespace lacuna::kernels {
namespace {

enum { kGroupRows = 48 };

inline int Least(int a, int b) { return a < b ? a : b; }

// to[16]: the scales of a panel's channels at k, by which dots are multiplied.
inline void Scales(const PackedPanels* w, int panel, int k, float* to) {
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + k / w->group) * 16;
  if (w->scales == nullptr || w->product) {  // fma(p, 1, 0) is p
    for (int c = 0; c < 16; ++c) to[c] = 1.0f;
  } else if (w->scales_f16) {
    const uint16_t* from = (const uint16_t*)w->scales + at;
    for (int c = 0; c < 16; ++c) to[c] = F16ToFloat(from[c]);
  } else {
    memcpy(to, (const float*)w->scales + at, 64);
  }
}

// What a group of rows has summed: of the segments before, and of this one.
struct Sums {
  alignas(64) float total[kGroupRows][16];
  alignas(64) float segment[kGroupRows][16];

  inline void Start(int rows) {
    memset(total, 0, (size_t)rows * 64);
    memset(segment, 0, (size_t)rows * 64);
  }
  inline void EndSegment(int rows) {
    for (int i = 0; i < rows * 16; i += 8) {
      float *t = &total[0][0] + i, *s = &segment[0][0] + i;
      _mm256_store_ps(t, _mm256_add_ps(_mm256_load_ps(t), _mm256_load_ps(s)));
      _mm256_store_ps(s, _mm256_setzero_ps());
    }
  }
  // Half h of row i: y = fma(x, scale, y).
  inline void Add(int i, int h, __m256 x, __m256 scale) {
    float* y = segment[i] + 8 * h;
    _mm256_store_ps(y, _mm256_fmadd_ps(x, scale, _mm256_load_ps(y)));
  }
};

// sums[row][4][8] += rows [begin, end) of the tile, for R rows whose k = 0 of the tile is x.
template <int R>
void IntegerDots(const uint16_t* tile, int begin, int end, const int8_t* x, ptrdiff_t x_stride, int32_t* sums) {
  alignas(64) int16_t wide[R][64];
  for (int i = 0; i < R; ++i) {
    for (int k = begin * 4; k < end * 4; k += 16) {
      const __m128i q = _mm_loadu_si128((const __m128i*)(x + i * x_stride + k));
      _mm256_store_si256((__m256i*)(wide[i] + k), _mm256_cvtepi8_epi16(q));
    }
  }
  __m256i a[R][4];
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) a[i][v] = _mm256_load_si256((const __m256i*)(sums + (i * 4 + v) * 8));
  }
  for (int row = begin; row < end; ++row) {
    __m256i q[R];
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
      int64_t four;
      memcpy(&four, wide[i] + 4 * row, 8);
      q[i] = _mm256_set1_epi64x(four);
    }
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      const __m256i w = _mm256_load_si256((const __m256i*)(tile + row * 64 + v * 16));
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i) a[i][v] = _mm256_add_epi32(a[i][v], _mm256_madd_epi16(w, q[i]));
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) _mm256_store_si256((__m256i*)(sums + (i * 4 + v) * 8), a[i][v]);
  }
}

// The 8 channels of two sums, each [4 channels][2].
inline __m256 Dots8(const int32_t* sums) {
  const __m256i pairs = _mm256_hadd_epi32(_mm256_load_si256((const __m256i*)sums),
                                          _mm256_load_si256((const __m256i*)(sums + 8)));  // c01 c45 | c23 c67
  return _mm256_cvtepi32_ps(_mm256_permute4x64_epi64(pairs, 0xd8));
}

// int8 activations.
struct Int8Rows {
  const LinearPackedArgs& a;
  const int row0, rows;
  alignas(64) uint16_t tile[16 * 64];
  alignas(64) int32_t dots[kGroupRows][32];

  Int8Rows(const LinearPackedArgs& args, int row, int count) : a(args), row0(row), rows(count) {}

  template <PackedValues kType, bool kBitmap>
  inline void Expand(int panel, int t, Meaning* m) {
    ExpandIntegers<kType, kBitmap>(a.w, panel, t, m, tile);
  }
  inline void StartPeriod() { memset(dots, 0, (size_t)rows * 128); }
  inline void Multiply(int t, int k0, int k1) {
    const int begin = k0 > t * 64 ? 8 : 0, end = k1 < (t + 1) * 64 ? 8 : 16;
    for (int i = 0; i < rows; i += 3) {
      const int8_t* x = (const int8_t*)a.x + (row0 + i) * a.x_stride + t * 64;
      if (rows - i >= 3) {
        IntegerDots<3>(tile, begin, end, x, a.x_stride, dots[i]);
      } else if (rows - i == 2) {
        IntegerDots<2>(tile, begin, end, x, a.x_stride, dots[i]);
      } else {
        IntegerDots<1>(tile, begin, end, x, a.x_stride, dots[i]);
      }
    }
  }
  inline void EndPeriod(int k0, const float* scales, Sums* sums) {
    const float* x_scales = a.x_scales + (ptrdiff_t)(k0 / a.activation_group) * a.x_rows + row0;
    for (int i = 0; i < rows; ++i) {
      const __m256 sx = _mm256_set1_ps(x_scales[i]);
      for (int h = 0; h < 2; ++h) {
        sums->Add(i, h, Dots8(dots[i] + 16 * h), _mm256_mul_ps(sx, _mm256_loadu_ps(scales + 8 * h)));
      }
    }
  }
};

// bf16 activations.
struct Bf16Rows {
  const LinearPackedArgs& a;
  const int row0, rows;
  alignas(64) uint16_t tile[16 * 64];  // one step, or two
  alignas(64) float dots[kGroupRows][16];

  Bf16Rows(const LinearPackedArgs& args, int row, int count) : a(args), row0(row), rows(count) {}

  template <PackedValues kType, bool kBitmap>
  inline void Expand(int panel, int t, Meaning* m) {
    ExpandBf16<kType, kBitmap>(a.w, panel, t, m, tile);
    if (kType == PackedValues::kCode4 && a.w->product) MultiplyScales(a.w, panel, t, tile);
  }
  inline void StartPeriod() { memset(dots, 0, (size_t)rows * 64); }
  inline void Multiply(int t, int k0, int k1) {
    const int tile_k = PackedTileK(a.w->type), begin = k0 > t * tile_k ? k0 : t * tile_k;
    const int end = Least(k1, (t + 1) * tile_k);
    const float* x = (const float*)a.x + (ptrdiff_t)row0 * a.w->k_padded;
    StepsOfRows<0>((const char*)(tile + (begin - t * tile_k) * 16), (end - begin) / 32, x, a.w->k_padded, begin, rows,
                   dots[0]);
  }
  inline void EndPeriod(int, const float* scales, Sums* sums) {
    for (int i = 0; i < rows; ++i) {
      for (int h = 0; h < 2; ++h) {
        sums->Add(i, h, _mm256_load_ps(dots[i] + 8 * h), _mm256_loadu_ps(scales + 8 * h));
      }
    }
  }
};

template <class Rows>
struct Product {
  const LinearPackedArgs& a;
  const int period;

  template <PackedValues kType, bool kBitmap>
  void Run() const {
    Meaning meaning = MeaningOf(a.w);
    Sums sums;
    for (int panel = a.panel_begin; panel < a.panel_end; ++panel) {
      for (int row0 = 0; row0 < a.m; row0 += kGroupRows) {
        Rows rows(a, row0, Least(kGroupRows, a.m - row0));
        sums.Start(rows.rows);
        Panel<kType, kBitmap>(panel, &meaning, &rows, &sums);
        for (int i = 0; i < rows.rows; ++i) {
          float* y = a.y + (row0 + i) * a.y_stride + (ptrdiff_t)(panel - a.panel_begin) * 16;
          memcpy(y, sums.total[i], 64);
        }
      }
    }
  }

  template <PackedValues kType, bool kBitmap>
  inline void Panel(int panel, Meaning* meaning, Rows* rows, Sums* sums) const {
    constexpr int kTileK = kType == PackedValues::kBf16 ? 32 : 64;
    const int segment = PackedSegment(a.w);
    float scales[16];
    int expanded = -1;
    for (int k0 = a.k_begin; k0 < a.k_end;) {
      const int segment_end = Least(a.k_end, (k0 / segment + 1) * segment);
      const int k1 = Least(segment_end, (k0 / period + 1) * period);
      rows->StartPeriod();
      for (int t = k0 / kTileK; t * kTileK < k1; ++t) {
        if (t != expanded) rows->template Expand<kType, kBitmap>(panel, expanded = t, meaning);
        rows->Multiply(t, k0, k1);
      }
      Scales(a.w, panel, k0, scales);
      rows->EndPeriod(k0, scales, sums);
      if (k1 == segment_end) sums->EndSegment(rows->rows);
      k0 = k1;
    }
  }
};

}  // namespace

void SimdLinearPackedInt8(const LinearPackedArgs& args) {
  WithCodec(args.w, Product<Int8Rows>{args, PackedPeriod(args.w, args.activation_group)});
}

void SimdLinearPackedBf16(const LinearPackedArgs& args) {
  WithCodec(args.w, Product<Bf16Rows>{args, PackedPeriod(args.w, args.w->k_padded)});
}

}  // namespace lacuna::kernels
