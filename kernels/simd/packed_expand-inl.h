// A tile of packed weights of any codec (kernels/packed.h) as 16-bit values in L1, for AVX2.
//
//   mask      8 bits at a time: a table has the places from which PSHUFB takes the 8 elements, and kGap where none is
//   stored
//             (the high bit: PSHUFB then gives 0, PBLENDVB takes z); the next ones follow by popcount
//   lookup    codes are PSHUFB's indices into the 16 entries
//   integers  u - z in 16 bits, gaps 0: sums of q * (u - z) need no correction by sum(q)
//   to bf16   u - z is exact in bf16; a row of 4 k a channel becomes two rows of 2 k
//
// Reads up to 16 bytes from the next stored value on. Template-only, in the including file's anonymous namespace: no
// weak symbols.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/small_float.h"
#include "kernels/packed.h"

namespace lacuna::kernels {
namespace {

constexpr uint8_t kGap = 0xc0;  // doubled, for 16-bit elements, its high bit is still set

struct Places {
  uint8_t from[256][8];
};
constexpr Places MakePlaces() {
  Places p{};
  for (int mask = 0; mask < 256; ++mask) {
    int next = 0;
    for (int j = 0; j < 8; ++j) p.from[mask][j] = mask >> j & 1 ? (uint8_t)next++ : kGap;
  }
  return p;
}
alignas(64) constexpr Places kPlaces = MakePlaces();

inline __m128i PlacesOf(uint64_t mask8) { return _mm_loadl_epi64((const __m128i*)kPlaces.from[mask8 & 255]); }

// 16 elements, and a high bit where one is not stored.
struct Elements16 {
  __m128i value, gap;
};

// `at` is the row's first stored byte; elements 16 i .. 16 i + 15.
template <bool kBitmap>
inline Elements16 Bytes16(const uint8_t* at, uint64_t mask, int i) {
  if constexpr (!kBitmap) return {_mm_loadu_si128((const __m128i*)(at + 16 * i)), _mm_setzero_si128()};
  const uint64_t below = ((uint64_t)1 << (16 * i)) - 1;
  const uint8_t* low = at + __builtin_popcountll(mask & below);
  const uint8_t* high = at + __builtin_popcountll(mask & (below << 8 | 0xff));
  const __m128i a = PlacesOf(mask >> (16 * i)), b = PlacesOf(mask >> (16 * i + 8));
  const __m128i x = _mm_shuffle_epi8(_mm_loadl_epi64((const __m128i*)low), a);
  const __m128i y = _mm_shuffle_epi8(_mm_loadl_epi64((const __m128i*)high), b);
  return {_mm_unpacklo_epi64(x, y), _mm_unpacklo_epi64(a, b)};
}

// What a stored byte or code stands for, and what is not stored.
struct Meaning {
  __m128i codebook, second;     // 16 entries u; of scale_selects the other 16
  __m128i bf16_low, bf16_high;  // halves of the entries' bf16
  __m128i z[2][4];              // of tile rows 0-7 and 8-15, channels 4 i .. 4 i + 3, each four times
  __m128i selected[2][4];       // likewise: 255 where the second codebook is meant
};

inline void SetZ(__m128i z16, __m128i* z) {
  const __m128i fours = _mm_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  for (int i = 0; i < 4; ++i) z[i] = _mm_shuffle_epi8(z16, _mm_add_epi8(fours, _mm_set1_epi8((char)(4 * i))));
}

inline Meaning MeaningOf(const PackedPanels* w) {
  Meaning m{};
  for (auto& z : m.z) SetZ(_mm_set1_epi8((char)w->bias), z);
  if (w->type == PackedValues::kCode4) {
    if (w->codebook != nullptr) m.codebook = _mm_loadu_si128((const __m128i*)w->codebook);
    if (w->scale_selects) m.second = _mm_loadu_si128((const __m128i*)(w->codebook + 16));
    if (w->code_values != nullptr) {
      const __m128i low = _mm_set1_epi16(0xff);
      const __m128i a = _mm_loadu_si128((const __m128i*)w->code_values);
      const __m128i b = _mm_loadu_si128((const __m128i*)(w->code_values + 8));
      m.bf16_low = _mm_packus_epi16(_mm_and_si128(a, low), _mm_and_si128(b, low));
      m.bf16_high = _mm_packus_epi16(_mm_srli_epi16(a, 8), _mm_srli_epi16(b, 8));
    }
  }
  return m;
}

inline const uint8_t* TileAt(const PackedPanels* w, int panel, int tile) {
  if (w->panel_bases == nullptr) return w->values + panel * w->panel_bytes + (ptrdiff_t)tile * w->tile_bytes;
  return w->values + w->panel_bases[panel] + w->tile_offsets[(ptrdiff_t)panel * w->tiles + tile];
}

// [16 rows][64 elements]: u - z, or where kToBf16 the codes' bf16.
template <PackedValues kType, bool kBitmap, bool kToBf16, bool kSelect = false>
inline void ExpandRows(const PackedPanels* w, int panel, int tile, const Meaning& m, uint16_t* to) {
  constexpr bool kCodes = kType == PackedValues::kCode4;
  const uint64_t* mask = kBitmap ? (const uint64_t*)w->mask + ((ptrdiff_t)panel * w->tiles + tile) * 16 : nullptr;
  const uint8_t *at = TileAt(w, panel, tile), *half = at;
  for (int row = 0; row < 16; ++row) {
    if (kCodes && row == 8) at = half;
    const uint64_t bits = kBitmap ? mask[row] : ~(uint64_t)0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      Elements16 e = Bytes16<kBitmap>(at, bits, i);
      if (kCodes) {
        const __m128i code = row < 8 ? e.value : _mm_srli_epi16(e.value, 4);
        e.value = _mm_and_si128(code, _mm_set1_epi8(15));
      }
      __m128i* out = (__m128i*)(to + row * 64 + i * 16);
      if constexpr (kToBf16) {
        const __m128i index = _mm_or_si128(e.value, _mm_and_si128(e.gap, _mm_set1_epi8((char)0x80)));
        const __m128i low = _mm_shuffle_epi8(m.bf16_low, index), high = _mm_shuffle_epi8(m.bf16_high, index);
        _mm_store_si128(out, _mm_unpacklo_epi8(low, high));
        _mm_store_si128(out + 1, _mm_unpackhi_epi8(low, high));
      } else {
        const __m128i z = m.z[row / 8][i];
        __m128i u = kCodes ? _mm_shuffle_epi8(m.codebook, e.value) : e.value;
        if (kSelect) u = _mm_blendv_epi8(u, _mm_shuffle_epi8(m.second, e.value), m.selected[row / 8][i]);
        if (kBitmap) u = _mm_blendv_epi8(u, z, e.gap);
        _mm256_store_si256((__m256i*)out, _mm256_sub_epi16(_mm256_cvtepu8_epi16(u), _mm256_cvtepu8_epi16(z)));
      }
    }
    at += kBitmap ? __builtin_popcountll(bits) : 64;
  }
}

// Which codebook the 16 channels' scales select.
inline void SetSelected(const PackedPanels* w, int panel, int k, __m128i* selected) {
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + k / w->group) * 16;
  uint8_t second[16];
  for (int c = 0; c < 16; ++c) {  // the lowest byte
    second[c] = ((const uint8_t*)w->scales)[(at + c) * (w->scales_f16 ? 2 : 4)] & 1 ? 255 : 0;
  }
  SetZ(_mm_loadu_si128((const __m128i*)second), selected);
}

// u - z, [16 rows][16 channels][4 k].
template <PackedValues kType, bool kBitmap>
inline void ExpandIntegers(const PackedPanels* w, int panel, int tile, Meaning* m, uint16_t* to) {
  if (w->zeros != nullptr) {
    for (int h = 0; h < 2; ++h) {
      const ptrdiff_t group = (ptrdiff_t)panel * w->groups + (tile * 64 + h * 32) / w->group;
      SetZ(_mm_loadu_si128((const __m128i*)(w->zeros + group * 16)), m->z[h]);
    }
  }
  if constexpr (kType == PackedValues::kCode4) {
    if (w->scale_selects) {
      for (int h = 0; h < 2; ++h) SetSelected(w, panel, tile * 64 + h * 32, m->selected[h]);
      return ExpandRows<kType, kBitmap, false, true>(w, panel, tile, *m, to);
    }
  }
  ExpandRows<kType, kBitmap, false>(w, panel, tile, *m, to);
}

// 16 integers of up to 8 bits and their sign, exactly.
inline __m256i IntegersToBf16(__m256i x) {
  const __m256i low = _mm256_srai_epi32(_mm256_slli_epi32(x, 16), 16), high = _mm256_srai_epi32(x, 16);
  const __m256i a = _mm256_castps_si256(_mm256_cvtepi32_ps(low)), b = _mm256_castps_si256(_mm256_cvtepi32_ps(high));
  return _mm256_or_si256(_mm256_srli_epi32(a, 16), _mm256_and_si256(b, _mm256_set1_epi32((int)0xffff0000u)));
}

// [2 steps][16 rows][16 channels][2 k] from [16 rows][16 channels][4 k].
template <bool kIntegers>
inline void PairRows(const uint16_t* from, uint16_t* to) {
  for (int row = 0; row < 16; ++row) {
    for (int i = 0; i < 2; ++i) {
      const __m256i* at = (const __m256i*)(from + row * 64 + i * 32);
      __m256i a = _mm256_load_si256(at), b = _mm256_load_si256(at + 1);  // 4 channels each: k01 k23
      if (kIntegers) {
        a = IntegersToBf16(a);
        b = IntegersToBf16(b);
      }
      const __m256 x = _mm256_castsi256_ps(a), y = _mm256_castsi256_ps(b);
      const __m256i first = _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0x88));
      const __m256i second = _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0xdd));
      _mm256_store_si256((__m256i*)(to + 2 * row * 32 + i * 16), _mm256_permute4x64_epi64(first, 0xd8));
      _mm256_store_si256((__m256i*)(to + (2 * row + 1) * 32 + i * 16), _mm256_permute4x64_epi64(second, 0xd8));
    }
  }
}

// A bitmap's bf16, [16 rows][16 channels][2 k].
inline void ExpandBitmapBf16(const PackedPanels* w, int panel, int tile, uint16_t* to) {
  const uint32_t* mask = (const uint32_t*)w->mask + ((ptrdiff_t)panel * w->tiles + tile) * 16;
  const uint8_t* at = TileAt(w, panel, tile);
  for (int row = 0; row < 16; ++row) {
    const uint32_t bits = mask[row];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m128i p = PlacesOf(bits >> (8 * i)), pairs = _mm_unpacklo_epi8(p, p);
      const __m128i places = _mm_add_epi8(_mm_add_epi8(pairs, pairs), _mm_set1_epi16(0x0100));
      const uint8_t* from = at + 2 * __builtin_popcount(bits & (((uint32_t)1 << (8 * i)) - 1));
      const __m128i values = _mm_loadu_si128((const __m128i*)from);
      _mm_store_si128((__m128i*)(to + row * 32 + i * 8), _mm_shuffle_epi8(values, places));
    }
    at += 2 * __builtin_popcount(bits);
  }
}

// Unscaled weights as steps of 32 k of the bf16 dot (1 KiB each): one a tile of bf16, otherwise two.
template <PackedValues kType, bool kBitmap>
inline void ExpandBf16(const PackedPanels* w, int panel, int tile, Meaning* m, uint16_t* to) {
  if constexpr (kType == PackedValues::kBf16) {
    if (kBitmap) return ExpandBitmapBf16(w, panel, tile, to);
    memcpy(to, TileAt(w, panel, tile), 1024);
  } else {
    alignas(64) uint16_t rows[16 * 64];
    if (kType == PackedValues::kCode4 && w->zeros == nullptr && !w->scale_selects) {
      ExpandRows<kType, kBitmap, true>(w, panel, tile, *m, rows);
      PairRows<false>(rows, to);
    } else {
      ExpandIntegers<kType, kBitmap>(w, panel, tile, m, rows);
      PairRows<true>(rows, to);
    }
  }
}

// `product`: two steps of codes times their scales, in place; exact in bf16.
inline void MultiplyScales(const PackedPanels* w, int panel, int tile, uint16_t* steps) {
  for (int k = 0; k < 64; k += 16) {  // 8 rows of 16 channels x 2 k
    const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + (tile * 64 + k) / w->group) * 16;
    alignas(32) float scales[16];
    for (int c = 0; c < 16; ++c) {
      scales[c] = w->scales_e4m3  ? E4M3ToFloat(((const uint8_t*)w->scales)[at + c])
                  : w->scales_f16 ? F16ToFloat(((const uint16_t*)w->scales)[at + c])
                                  : ((const float*)w->scales)[at + c];
    }
    for (int i = 0; i < 16; ++i) {  // 8 channels at a time
      __m256i* to = (__m256i*)(steps + k * 16 + i * 16);
      const __m256i pairs = _mm256_load_si256(to), high = _mm256_set1_epi32((int)0xffff0000u);
      const __m256 s = _mm256_load_ps(scales + i % 2 * 8);
      const __m256 even = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)), s);
      const __m256 odd = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_and_si256(pairs, high)), s);
      _mm256_store_si256(to,
                         _mm256_or_si256(_mm256_srli_epi32(_mm256_castps_si256(even), 16), _mm256_castps_si256(odd)));
    }
  }
}

// run.Run<kType, kBitmap>() for the codec of w.
template <class R>
inline void WithCodec(const PackedPanels* w, const R& run) {
  const bool bitmap = w->mask != nullptr;
  switch (w->type) {
    case PackedValues::kBf16:
      return bitmap ? run.template Run<PackedValues::kBf16, true>() : run.template Run<PackedValues::kBf16, false>();
    case PackedValues::kInt8:
      return bitmap ? run.template Run<PackedValues::kInt8, true>() : run.template Run<PackedValues::kInt8, false>();
    default:
      return bitmap ? run.template Run<PackedValues::kCode4, true>() : run.template Run<PackedValues::kCode4, false>();
  }
}

}  // namespace
}  // namespace lacuna::kernels
