// bf16 activations times packed weights of every codec. Few rows of a bitmap of bf16 have a kernel for speed;
// everything else is made ready for the dense kernel's register block (linear_block-inl.h), two steps of 32 k at a
// time:
//
//   int8, codes of integers   byte i of channel c's four: float(u - z), exact; gaps are u = z
//   nf4                       the code's entry from a table of 32 floats, of which 16 are 0: gaps are code 16
//   mxfp4, nvfp4              likewise, times the scale: exact in bf16, and without periods
//
// and each period's dots p go into the segment's sums: fma(p, scale, sum); bf16 weights have neither.
#include "kernels/avx512/fma_dot-inl.h"
#include "kernels/avx512/linear_block-inl.h"
#include "kernels/avx512/linear_packed.h"
#include "kernels/avx512/linear_packed_bf16_rows-inl.h"

namespace lacuna::kernels {
namespace {

using Step = ReadyStep<2>;

// Makes 64 k (bf16: 32 or 64) of a panel ready, from k on, as panel q of the steps.
typedef void (*ReadyFn)(const PackedPanels* w, int panel, int k, int tiles, TileCursor* cursor, Step* steps, int q);

void ReadyBitmapBf16(const PackedPanels*, int, int, int tiles, TileCursor* cursor, Step* steps, int q) {
  for (int t = 0; t < tiles; ++t) {
    const uint32_t* mask = (const uint32_t*)cursor->mask;
    for (int p = 0; p < 16; ++p) {
      const __m512i row = ExpandWords(mask[p], _mm512_loadu_si512(cursor->values));
      cursor->values += 2 * _mm_popcnt_u32(mask[p]);
      steps[t].even[p][q] = FmaDot::Even(row);
      steps[t].odd[p][q] = FmaDot::Odd(row);
    }
    cursor->mask += 64;
  }
}

// Four k of a step, from bytes to floats: value(i) is the float of byte i of each channel.
template <class Value>
inline __attribute__((always_inline)) void ReadyRow(Step* step, int r, int q, Value value) {
  step->even[2 * r][q] = value(0);
  step->odd[2 * r][q] = value(1);
  step->even[2 * r + 1][q] = value(2);
  step->odd[2 * r + 1][q] = value(3);
}

inline __m512i Byte(__m512i row, int i) {
  return _mm512_and_si512(_mm512_srli_epi32(row, 8 * i), _mm512_set1_epi32(255));
}

template <class C>
void ReadyIntegers(const PackedPanels* w, int panel, int k, int tiles, TileCursor* cursor, Step* steps, int q) {
  const __m512i table = C::kLookup ? _mm512_load_si512(w->codebook) : _mm512_setzero_si512();
  IntegerFill fill = ConstantFill<C>(w->bias);
  __m512i z[2] = {_mm512_set1_epi32(w->bias), _mm512_set1_epi32(w->bias)};
  if (FillChanges<C>(w)) fill = FillAt<C>(w, panel, k);
  if (w->zeros != nullptr) {
    for (int half = 0; half < 2; ++half) {
      const uint8_t* zeros = w->zeros + ((ptrdiff_t)panel * w->groups + (k + 32 * half) / w->group) * 16;
      z[half] = _mm512_cvtepu8_epi32(_mm_load_si128((const __m128i*)zeros));
    }
  }
  const PanelEnds ends = EndsOf(w, panel, panel, 0, w->tiles);
  const auto ready = [&](int half, int r, __m512i u) __attribute__((always_inline)) {
    ReadyRow(
        steps + half, r, q, [&](int i) __attribute__((always_inline)) {
          return _mm512_cvtepi32_ps(_mm512_sub_epi32(Byte(u, i), z[half]));
        });
  };
  for (int t = 0; t < tiles; ++t) {
    ExpandTile<C>(
        cursor, ends, fill, table, [&](int r, __m512i u) __attribute__((always_inline)) { ready(0, r, u); },
        [&](int r, __m512i u) __attribute__((always_inline)) {
          ready(1, r, C::kHighShift == 0 ? u : _mm512_srli_epi16(u, C::kHighShift));
        });
  }
}

// Scales of a panel's channels at k.
inline __m512 WeightScales(const PackedPanels* w, int panel, int k) {
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + k / w->group) * 16;
  if (w->scales_e4m3) {  // the bits are those of an F16 2^-8 times as large
    const __m256i bytes = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i*)((const uint8_t*)w->scales + at)));
    return _mm512_mul_ps(_mm512_cvtph_ps(_mm256_slli_epi16(bytes, 7)), _mm512_set1_ps(256.0f));
  }
  return w->scales_f16 ? _mm512_cvtph_ps(_mm256_load_si256((const __m256i*)((const uint16_t*)w->scales + at)))
                       : _mm512_load_ps((const float*)w->scales + at);
}

template <bool kBitmap, bool kProduct>
void ReadyEntries(const PackedPanels* w, int panel, int k, int tiles, TileCursor* cursor, Step* steps, int q) {
  const __m512i codes = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  const __m256i bits = _mm256_loadu_si256((const __m256i*)w->code_values);
  const __m512 entries = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  const IntegerFill gap = {_mm512_set1_epi8(16), _mm512_set1_epi8(16)};
  const PanelEnds ends = EndsOf(w, panel, panel, 0, w->tiles);
  __m512 scales[4];  // of 16 k each
  const auto ready = [&](int half, int r, __m512i u) __attribute__((always_inline)) {
    ReadyRow(
        steps + half, r, q, [&](int i) __attribute__((always_inline)) {
          const __m512 entry = _mm512_permutex2var_ps(entries, _mm512_srli_epi32(u, 8 * i), _mm512_setzero_ps());
          return kProduct ? _mm512_mul_ps(entry, scales[half * 2 + r / 4]) : entry;
        });
  };
  for (int t = 0; t < tiles; ++t) {
    for (int g = 0; kProduct && g < 4; ++g) scales[g] = WeightScales(w, panel, k + t * 64 + g * 16);
    ExpandTile<IntegerCodec<kBitmap, PackedValues::kCode4, true>>(
        cursor, ends, gap, codes, [&](int r, __m512i u) __attribute__((always_inline)) { ready(0, r, u); },
        [&](int r, __m512i u) __attribute__((always_inline)) { ready(1, r, u); });
  }
}

struct ChooseReady {
  ReadyFn* fn;
  template <class C>
  inline void Run() const {
    *fn = ReadyIntegers<C>;
  }
};

inline ReadyFn ReadyOf(const PackedPanels* w) {
  if (w->type == PackedValues::kBf16) return ReadyBitmapBf16;
  if (w->product) return w->mask != nullptr ? ReadyEntries<true, true> : ReadyEntries<false, true>;
  if (w->type == PackedValues::kCode4 && w->codebook == nullptr) {
    return w->mask != nullptr ? ReadyEntries<true, false> : ReadyEntries<false, false>;
  }
  ReadyFn fn;
  WithIntegerCodec(w, ChooseReady{&fn});
  return fn;
}

inline int Least(int a, int b) { return a < b ? a : b; }

// Dots of a period to the segment's sums; the dots start again from 0.
inline void EndPeriod(const PackedPanels* w, const int* panels, int k, int rows, float* dots, float* sums) {
  const bool scaled = w->scales != nullptr && !w->product;
  for (int q = 0; q < 2; ++q) {
    const __m512 scale = scaled ? WeightScales(w, panels[q], k) : _mm512_setzero_ps();
    for (int i = 0; i < rows; ++i) {
      float *dot = dots + i * 32 + q * 16, *sum = sums + i * 32 + q * 16;
      const __m512 p = _mm512_load_ps(dot);
      _mm512_store_ps(sum, !scaled ? p : _mm512_fmadd_ps(p, scale, _mm512_load_ps(sum)));
      _mm512_store_ps(dot, _mm512_setzero_ps());
    }
  }
}

// Rows [row0, row0 + rows) of two panels; the second may be the first again, and is then not stored.
void PanelPair(const LinearPackedArgs& a, ReadyFn ready, const int* panels, int row0, int rows) {
  const PackedPanels* w = a.w;
  const int segment = PackedSegment(w), period = PackedPeriod(w, w->k_padded), tile_k = PackedTileK(w->type);
  Step steps[2];
  alignas(64) float dots[kGroupRows * 32], sums[kGroupRows * 32];
  TileCursor cursors[2] = {CursorAt(w, panels[0], a.k_begin / tile_k), CursorAt(w, panels[1], a.k_begin / tile_k)};
  for (int i = 0; i < rows * 32; ++i) dots[i] = 0.0f;
  for (int s0 = a.k_begin; s0 < a.k_end;) {
    const int s1 = Least(a.k_end, (s0 / segment + 1) * segment);
    for (int i = 0; i < rows * 32; ++i) sums[i] = 0.0f;
    for (int c0 = s0; c0 < s1; c0 += 64) {
      const int c1 = Least(s1, c0 + 64);
      for (int q = 0; q < 2; ++q) ready(w, panels[q], c0, (c1 - c0) / tile_k, cursors + q, steps, q);
      for (int k0 = c0; k0 < c1;) {
        const int end = Least(s1, (k0 / period + 1) * period), k1 = Least(c1, end);
        BlockGroup<FmaDot, 2>(steps + (k0 - c0) / 32, (k1 - k0) / 32, (const float*)a.x + (ptrdiff_t)row0 * w->k_padded,
                              w->k_padded, k0, rows, dots);
        if (k1 == end) EndPeriod(w, panels, k0, rows, dots, sums);
        k0 = k1;
      }
    }
    for (int i = 0; i < rows; ++i) {
      for (int q = 0; q < (panels[1] != panels[0] ? 2 : 1); ++q) {
        float* y = a.y + (row0 + i) * a.y_stride + (ptrdiff_t)(panels[q] - a.panel_begin) * 16;
        const __m512 sum = _mm512_load_ps(sums + i * 32 + q * 16);
        _mm512_storeu_ps(y, s0 == a.k_begin ? sum : _mm512_add_ps(_mm512_loadu_ps(y), sum));
      }
    }
    s0 = s1;
  }
}

}  // namespace

void Avx512LinearBitmapBf16Rows(const LinearPackedArgs& args) { BitmapRowsUpTo8<FmaDot>(args); }

void Avx512LinearPackedBf16Block(const LinearPackedArgs& a) {
  const ReadyFn ready = ReadyOf(a.w);
  for (int panel = a.panel_begin; panel < a.panel_end; panel += 2) {
    const int panels[2] = {panel, panel + 1 < a.panel_end ? panel + 1 : panel};
    for (int row0 = 0; row0 < a.m; row0 += kGroupRows) {
      PanelPair(a, ready, panels, row0, Least(kGroupRows, a.m - row0));
    }
  }
}

}  // namespace lacuna::kernels
