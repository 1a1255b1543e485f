// bf16 activations times integers or nf4 (kernels/packed.h) on tiles, any m: for accuracy studies, no speed goal. A
// chunk of two panels is expanded to bytes, made bf16 in a buffer, and multiplied for a group of rows.
//
//   tmm0-3 C [row block][panel]     tmm4,5 A     tmm6,7 B
//
//   a tile of bytes, 64 k      row r = 16 channels x k 4 r .. 4 r + 3
//   two tiles of bf16, 32 k    rows 2 r and 2 r + 1 = 16 channels x 2 k of these
//
//   int8, zero points, two codebooks     bytes are u - z, of at most 8 bits: the upper half of their fp32 is exact
//   mxfp4, nvfp4            as other codes, then times their scales: exact in bf16, and without periods
//   other codes           bytes are code + 1, and 0 for gaps: the place in a table of 17 bf16
//
// A period's dots p go into the segment's sums, fma(p, scale, sum); segments are added in y.
#include "kernels/amx/linear.h"
#include "kernels/amx/packed-inl.h"

namespace lacuna::kernels {
namespace {

constexpr int kChunkK = 512, kGroupRows = 256;
constexpr ptrdiff_t kAhead = 1024, kMaskAhead = 512;

template <Kind kKind, bool kZeros>
struct Mixed {
  static constexpr bool kLookup = IsCode4(kKind) && !kZeros && !Selects(kKind);

  const LinearPackedArgs& a;
  const PackedPanels* w;
  __m512i codes, entries;
  alignas(64) char bytes[1024];
  alignas(64) char tiles[2][kChunkK / 32 * 1024];  // of each panel
  alignas(64) float dots[kGroupRows * 32];         // [row][panel][channel]
  alignas(64) float sums[kGroupRows * 32];

  LACUNA_INLINE explicit Mixed(const LinearPackedArgs& args) : a(args), w(args.w) {
    if constexpr (kLookup) {  // by code_values: nf4 has no integers
      codes = _mm512_broadcast_i32x4(_mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16));
      const __m256i values = _mm256_loadu_si256((const __m256i*)w->code_values);
      entries = _mm512_maskz_expand_epi16(0x1fffe, _mm512_zextsi256_si512(values));
    } else {
      codes = CodeTable<kKind, kZeros>(w);
      entries = _mm512_setzero_si512();
    }
  }

  // Byte i of each channel as fp32.
  static LACUNA_INLINE __m512i Float(__m512i row, int i) {
    const __m512i byte = _mm512_srai_epi32(_mm512_slli_epi32(row, 24 - 8 * i), 24);
    return _mm512_castps_si512(_mm512_cvtepi32_ps(byte));
  }

  // Bytes 2 i and 2 i + 1 of each channel as bf16.
  LACUNA_INLINE __m512i Pair(__m512i row, int i) const {
    if constexpr (kLookup) {
      const __m512i pair = i == 0 ? row : _mm512_srli_epi32(row, 16);
      const __m512i even = _mm512_and_si512(pair, _mm512_set1_epi32(0xff));
      const __m512i odd = _mm512_and_si512(_mm512_slli_epi32(pair, 8), _mm512_set1_epi32(0xff0000));
      return _mm512_permutexvar_epi16(_mm512_or_si512(even, odd), entries);
    } else {
      return _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(Float(row, 2 * i), 16), Float(row, 2 * i + 1));
    }
  }

  LACUNA_INLINE __m512 ProductScales(int panel, int k) const {
    if (!w->scales_e4m3) return WeightScales(w, panel, k);
    // The bits are those of an F16 2^-8 times as large.
    const auto* at = (const uint8_t*)w->scales + ((ptrdiff_t)panel * w->groups + k / w->group) * 16;
    const __m256i halves = _mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i*)at)), 7);
    return _mm512_mul_ps(_mm512_cvtph_ps(halves), _mm512_set1_ps(256.0f));
  }

  // Two k of each channel times their scale.
  static LACUNA_INLINE __m512i Product(__m512i pair, __m512 scale) {
    const __m512 even = _mm512_mul_ps(_mm512_castsi512_ps(_mm512_slli_epi32(pair, 16)), scale);
    const __m512i upper = _mm512_and_si512(pair, _mm512_set1_epi32((int)0xffff0000u));
    const __m512 odd = _mm512_mul_ps(_mm512_castsi512_ps(upper), scale);
    return _mm512_or_si512(_mm512_srli_epi32(_mm512_castps_si512(even), 16), _mm512_castps_si512(odd));
  }

  // Columns [k0, k1) of a panel, multiples of 64.
  void Expand(int panel, int k0, int k1, char* to) {
    PanelStream stream = StreamAt<kKind>(w, panel, k0 / 64);
    for (int k = k0; k < k1; k += 64, to += 2048) {
      __m512i zero_low{}, zero_high{};
      if constexpr (kZeros || Selects(kKind)) {
        zero_low = ZerosOrSelectors<kKind, kZeros>(w, panel, k);
        zero_high = ZerosOrSelectors<kKind, kZeros>(w, panel, k + 32);
      }
      ExpandTile<kKind, kZeros, false>(&stream, codes, zero_low, zero_high, kAhead, kMaskAhead, bytes);
      for (int r = 0; r < 16; ++r) {
        const __m512i row = _mm512_load_si512(bytes + r * 64);
        _mm512_store_si512(to + r * 128, Pair(row, 0));
        _mm512_store_si512(to + r * 128 + 64, Pair(row, 1));
      }
      if (!kLookup || !w->product) continue;
      for (int r = 0; r < 32; ++r) {
        const __m512 scale = ProductScales(panel, k + r * 2);
        _mm512_store_si512(to + r * 64, Product(_mm512_load_si512(to + r * 64), scale));
      }
    }
  }

  // Columns [k0, k1) of the chunk that begins at `chunk`, R row blocks from `block` on x P panels.
  template <int R, int P>
  void Products(int block, int chunk, int k0, int k1, float* c) {
    constexpr int kStride = 32 * 4;
    LACUNA_TILE_LOAD(0, c, kStride);
    if constexpr (P > 1) LACUNA_TILE_LOAD(1, c + 16, kStride);
    if constexpr (R > 1) LACUNA_TILE_LOAD(2, c + 16 * 32, kStride);
    if constexpr (R > 1 && P > 1) LACUNA_TILE_LOAD(3, c + 16 * 32 + 16, kStride);
    for (int k = k0; k < k1; k += 32) {
      const ptrdiff_t at = (ptrdiff_t)(k - chunk) * 32;
      LACUNA_TILE_LOAD(6, tiles[0] + at, 64);
      LACUNA_TILE_LOAD(4, XTile<Kind::kBf16Bitmap>(a, k, block), 64);
      LACUNA_TILE_DPBF16PS(0, 4, 6);
      if constexpr (P > 1) {
        LACUNA_TILE_LOAD(7, tiles[1] + at, 64);
        LACUNA_TILE_DPBF16PS(1, 4, 7);
      }
      if constexpr (R > 1) {
        LACUNA_TILE_LOAD(5, XTile<Kind::kBf16Bitmap>(a, k, block + 1), 64);
        LACUNA_TILE_DPBF16PS(2, 5, 6);
      }
      if constexpr (R > 1 && P > 1) LACUNA_TILE_DPBF16PS(3, 5, 7);
    }
    LACUNA_TILE_STORE(0, c, kStride);
    if constexpr (P > 1) LACUNA_TILE_STORE(1, c + 16, kStride);
    if constexpr (R > 1) LACUNA_TILE_STORE(2, c + 16 * 32, kStride);
    if constexpr (R > 1 && P > 1) LACUNA_TILE_STORE(3, c + 16 * 32 + 16, kStride);
  }

  // The period that begins at or before k ended: its dots go into the sums and start again from 0.
  void EndPeriod(int panel, int panels, int k, int rows) {
    for (int q = 0; q < panels; ++q) {
      const __m512 scale = w->product ? _mm512_set1_ps(1.0f) : WeightScales(w, panel + q, k);  // fma(p, 1, 0) is p
      for (int i = 0; i < rows; ++i) {
        float *dot = dots + i * 32 + q * 16, *sum = sums + i * 32 + q * 16;
        _mm512_store_ps(sum, _mm512_fmadd_ps(_mm512_load_ps(dot), scale, _mm512_load_ps(sum)));
        _mm512_store_ps(dot, _mm512_setzero_ps());
      }
    }
  }

  static void Clear(float* rows_of_32, int rows) {
    for (int i = 0; i < rows * 2; ++i) _mm512_store_ps(rows_of_32 + i * 16, _mm512_setzero_ps());
  }

  // Rows [row0, row0 + rows) of P panels.
  template <int P>
  void Rows(int panel, int row0, int rows) {
    const int segment = PackedSegment(w), period = PackedPeriod(w, w->k_padded);
    // A row block that is not full has rows of zeros, unless it is the only one.
    const int there = a.m < 16 ? rows : (rows + 15) / 16 * 16;
    Clear(dots, there);
    for (int s0 = a.k_begin; s0 < a.k_end;) {
      const int s1 = Least(a.k_end, (s0 / segment + 1) * segment);
      Clear(sums, there);
      for (int chunk = s0; chunk < s1; chunk += kChunkK) {
        const int chunk_end = Least(s1, chunk + kChunkK);
        for (int q = 0; q < P; ++q) Expand(panel + q, chunk, chunk_end, tiles[q]);
        for (int k0 = chunk; k0 < chunk_end;) {
          const int end = Least(s1, (k0 / period + 1) * period), k1 = Least(chunk_end, end);
          int row = 0;
          for (; row + 16 < there; row += 32) Products<2, P>((row0 + row) / 16, chunk, k0, k1, dots + row * 32);
          if (row < there) Products<1, P>((row0 + row) / 16, chunk, k0, k1, dots + row * 32);
          if (k1 == end) EndPeriod(panel, P, k0, there);
          k0 = k1;
        }
      }
      for (int i = 0; i < rows; ++i) {
        for (int q = 0; q < P; ++q) {
          float* y = a.y + (row0 + i) * a.y_stride + (ptrdiff_t)(panel + q - a.panel_begin) * 16;
          const __m512 sum = _mm512_load_ps(sums + i * 32 + q * 16);
          _mm512_storeu_ps(y, s0 == a.k_begin ? sum : _mm512_add_ps(_mm512_loadu_ps(y), sum));
        }
      }
      s0 = s1;
    }
  }
};

template <Kind kKind, bool kZeros>
__attribute__((noinline)) void AllPanels(const LinearPackedArgs& a) {
  Mixed<kKind, kZeros> mixed(a);
  for (int panel = a.panel_begin; panel < a.panel_end; panel += 2) {
    for (int row0 = 0; row0 < a.m; row0 += kGroupRows) {
      const int rows = Least(kGroupRows, a.m - row0);
      if (panel + 2 <= a.panel_end) {
        mixed.template Rows<2>(panel, row0, rows);
      } else {
        mixed.template Rows<1>(panel, row0, rows);
      }
    }
  }
}

}  // namespace

void AmxLinearPackedMixed(const LinearPackedArgs& a) {
  const bool bitmap = a.w->mask != nullptr;
  if (a.w->type == PackedValues::kInt8) {
    bitmap ? AllPanels<Kind::kInt8Bitmap, false>(a) : AllPanels<Kind::kInt8All, false>(a);
  } else if (a.w->scale_selects) {
    bitmap ? AllPanels<Kind::kSelectBitmap, false>(a) : AllPanels<Kind::kSelectAll, false>(a);
  } else if (a.w->zeros != nullptr) {
    bitmap ? AllPanels<Kind::kCode4Bitmap, true>(a) : AllPanels<Kind::kCode4All, true>(a);
  } else {
    bitmap ? AllPanels<Kind::kCode4Bitmap, false>(a) : AllPanels<Kind::kCode4All, false>(a);
  }
}

}  // namespace lacuna::kernels
