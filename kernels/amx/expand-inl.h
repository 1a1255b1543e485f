// A tile of a packed weight (kernels/packed.h) expanded to the 16 rows of 64 bytes that a TDP* takes as B.
//
// Integers leave as u - z, which fits a signed byte: TDPBSSD then needs no correction by sums of x, and gaps are zeros.
// It costs nothing: 4-bit codes take it from their table, int8 flips a bit before the bytes go apart. Zero points are
// subtracted.
//
// Port 5 binds (Intel): VPEXPANDB 2, KMOVQ from memory 1, VPERMB 1 a row. For kernel files only.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/packed.h"

namespace lacuna::kernels {
namespace {

// Select: two codebooks, bit 0 of a scale says which.
enum class Kind { kInt8All, kInt8Bitmap, kCode4All, kCode4Bitmap, kSelectAll, kSelectBitmap, kBf16Bitmap };

constexpr bool IsBitmap(Kind kind) {
  return kind == Kind::kInt8Bitmap || kind == Kind::kCode4Bitmap || kind == Kind::kSelectBitmap ||
         kind == Kind::kBf16Bitmap;
}
constexpr bool Selects(Kind kind) { return kind == Kind::kSelectAll || kind == Kind::kSelectBitmap; }
constexpr bool IsCode4(Kind kind) { return kind == Kind::kCode4All || kind == Kind::kCode4Bitmap || Selects(kind); }

#define LACUNA_INLINE inline __attribute__((always_inline))

// Where the next tile of a panel is read: nothing but the masks says how long a tile is, and tiles follow each other.
struct PanelStream {
  const uint8_t* values;
  const uint8_t* mask;
};

template <Kind kKind>
LACUNA_INLINE PanelStream StreamAt(const PackedPanels* w, int panel, int tile) {
  const ptrdiff_t at = (ptrdiff_t)panel * w->tiles + tile;
  PanelStream s;
  s.values = w->panel_bases != nullptr ? w->values + w->panel_bases[panel] + w->tile_offsets[at]
                                       : w->values + panel * w->panel_bytes + (ptrdiff_t)tile * w->tile_bytes;
  s.mask = IsBitmap(kKind) ? (const uint8_t*)w->mask + at * (kKind == Kind::kBf16Bitmap ? 64 : 128) : nullptr;
  return s;
}

// The weights of the 16 codes, four times over; of two codebooks twice.
template <Kind kKind, bool kZeros>
LACUNA_INLINE __m512i CodeTable(const PackedPanels* w) {
  if (!IsCode4(kKind)) return _mm512_setzero_si512();
  const __m512i u = _mm512_loadu_si512(w->codebook);
  return kZeros ? u : _mm512_sub_epi8(u, _mm512_set1_epi8((char)w->bias));
}

// The zero points of a panel's group, those of channel j / 4 in byte j.
LACUNA_INLINE __m512i ZeroPoints(const PackedPanels* w, int panel, int k) {
  const uint8_t* z = w->zeros + ((ptrdiff_t)panel * w->groups + k / w->group) * 16;
  const __m512i channel =
      _mm512_set_epi32(0x0f0f0f0f, 0x0e0e0e0e, 0x0d0d0d0d, 0x0c0c0c0c, 0x0b0b0b0b, 0x0a0a0a0a, 0x09090909, 0x08080808,
                       0x07070707, 0x06060606, 0x05050505, 0x04040404, 0x03030303, 0x02020202, 0x01010101, 0);
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i*)z)), channel);
}

// What ExpandTile takes as zero points where scales select: 16 in the bytes of the channels with the second codebook.
LACUNA_INLINE __m512i Selectors(const PackedPanels* w, int panel, int k) {
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + k / w->group) * 16;
  const __m512i bits =
      w->scales_f16 ? _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)((const uint16_t*)w->scales + at)))
                    : _mm512_loadu_si512((const float*)w->scales + at);
  return _mm512_maskz_set1_epi32(_mm512_test_epi32_mask(bits, _mm512_set1_epi32(1)), 0x10101010);
}

template <Kind kKind, bool kZeros>
LACUNA_INLINE __m512i ZerosOrSelectors(const PackedPanels* w, int panel, int k) {
  if constexpr (Selects(kKind)) return Selectors(w, panel, k);
  return kZeros ? ZeroPoints(w, panel, k) : _mm512_setzero_si512();
}

// Codes, whose upper four bits are anything, looked up in two codebooks.
LACUNA_INLINE __m512i LookUpSelected(__m512i codes, __m512i selectors, __m512i table) {
  const __m512i places = _mm512_ternarylogic_epi64(codes, _mm512_set1_epi8(0x0f), selectors, 0xea);  // (x & 15) | s
  return _mm512_permutexvar_epi8(places, table);
}

// Row r of an expanded tile. Halves: rows 0-7 and 8-15 become tiles of their own, 2 KiB in all, each with the other's
// place empty: a group of 32 then is a whole tile, which multiplies no slower than a half.
template <bool kHalves>
LACUNA_INLINE void* Row(char* to, int r) {
  return to + (kHalves && r >= 8 ? r + 16 : r) * 64;
}

// The empty places of halves; nothing else writes there.
LACUNA_INLINE void ClearHalves(char* to) {
  for (int r = 8; r < 24; ++r) _mm512_store_si512(to + r * 64, _mm512_setzero_si512());
}

// The tile at *s to `to`; *s goes on to the next. What lies `ahead` bytes on in values (masks: kMaskAhead tiles) is
// fetched. zero_low and zero_high are the zero points of rows 0-7 and of rows 8-15, or their selectors.
template <Kind kKind, bool kZeros, bool kHalves>
LACUNA_INLINE void ExpandTile(PanelStream* s, __m512i table, __m512i zero_low, __m512i zero_high, ptrdiff_t ahead,
                              ptrdiff_t mask_ahead, char* to) {
  const uint8_t* v = s->values;
  if constexpr (kKind == Kind::kInt8All) {
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) {
      _mm_prefetch((const char*)v + ahead + r * 64, _MM_HINT_T0);
      _mm512_store_si512(Row<kHalves>(to, r),
                         _mm512_xor_si512(_mm512_loadu_si512(v + r * 64), _mm512_set1_epi8((char)0x80)));
    }
    s->values = v + 1024;
  } else if constexpr (IsCode4(kKind) && !IsBitmap(kKind)) {
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      _mm_prefetch((const char*)v + ahead + r * 64, _MM_HINT_T0);
      const __m512i codes = _mm512_loadu_si512(v + r * 64);
      __m512i low, high;
      if constexpr (Selects(kKind)) {
        low = LookUpSelected(codes, zero_low, table);
        high = LookUpSelected(_mm512_srli_epi16(codes, 4), zero_high, table);
      } else {
        low = _mm512_permutexvar_epi8(codes, table);
        high = _mm512_permutexvar_epi8(_mm512_srli_epi16(codes, 4), table);
      }
      if constexpr (kZeros) {
        low = _mm512_sub_epi8(low, zero_low);
        high = _mm512_sub_epi8(high, zero_high);
      }
      _mm512_store_si512(Row<kHalves>(to, r), low);
      _mm512_store_si512(Row<kHalves>(to, r + 8), high);
    }
    s->values = v + 512;
  } else if constexpr (kKind == Kind::kInt8Bitmap) {
    const uint64_t* mask = (const uint64_t*)s->mask;
    _mm_prefetch((const char*)mask + mask_ahead, _MM_HINT_T0);
    _mm_prefetch((const char*)mask + mask_ahead + 64, _MM_HINT_T0);
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) {
      _mm_prefetch((const char*)v + ahead, _MM_HINT_T0);
      const __m512i bytes = _mm512_xor_si512(_mm512_loadu_si512(v), _mm512_set1_epi8((char)0x80));
      _mm512_store_si512(Row<kHalves>(to, r), _mm512_maskz_expand_epi8(mask[r], bytes));
      v += _mm_popcnt_u64(mask[r]);
    }
    s->values = v;
    s->mask += 128;
  } else if constexpr (IsCode4(kKind)) {
    const uint64_t* mask = (const uint64_t*)s->mask;
    _mm_prefetch((const char*)mask + mask_ahead, _MM_HINT_T0);
    _mm_prefetch((const char*)mask + mask_ahead + 64, _MM_HINT_T0);
    const uint8_t* v_high = v;
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      _mm_prefetch((const char*)v + ahead, _MM_HINT_T0);
      __m512i low = _mm512_loadu_si512(v), high = _mm512_srli_epi16(_mm512_loadu_si512(v_high), 4);
      if constexpr (!Selects(kKind)) {
        low = _mm512_permutexvar_epi8(low, table);
        high = _mm512_permutexvar_epi8(high, table);
      }
      low = _mm512_maskz_expand_epi8(mask[r], low);
      high = _mm512_maskz_expand_epi8(mask[r + 8], high);
      if constexpr (Selects(kKind)) {  // selectors belong to channels; gaps are code 0, which is 0
        low = LookUpSelected(low, zero_low, table);
        high = LookUpSelected(high, zero_high, table);
      }
      if constexpr (kZeros) {
        low = _mm512_mask_sub_epi8(low, mask[r], low, zero_low);
        high = _mm512_mask_sub_epi8(high, mask[r + 8], high, zero_high);
      }
      _mm512_store_si512(Row<kHalves>(to, r), low);
      _mm512_store_si512(Row<kHalves>(to, r + 8), high);
      v += _mm_popcnt_u64(mask[r]);
      v_high += _mm_popcnt_u64(mask[r + 8]);
    }
    s->values = v > v_high ? v : v_high;
    s->mask += 128;
  } else {
    const uint32_t* mask = (const uint32_t*)s->mask;
    _mm_prefetch((const char*)mask + mask_ahead, _MM_HINT_T0);
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) {
      _mm_prefetch((const char*)v + ahead, _MM_HINT_T0);
      _mm512_store_si512(Row<false>(to, r), _mm512_maskz_expand_epi16(mask[r], _mm512_loadu_si512(v)));
      v += 2 * _mm_popcnt_u32(mask[r]);
    }
    s->values = v;
    s->mask += 64;
  }
}

}  // namespace
}  // namespace lacuna::kernels
