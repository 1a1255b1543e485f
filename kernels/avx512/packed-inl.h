// Integer weights of packed panels (kernels/packed.h) as rows of 64 biased bytes, for any kernel of this folder.
//
// A tile's rows come in two halves, rows 0-7 and 8-15, that have separate sums: a half is a group of 32. Codes whose
// codebook is 0 .. 15 need no lookup, and the high nibble no shift: `and` leaves 16 u, so that the high half's sums are
// 16-fold (at most 65,536 x 240 x 127 < 2^31) and are shifted once a period.
//
//   uops of a row                                        port 5     ports 0 and 5
//   all, int8                                              0              0
//   all, 4-bit       `and`; looked up: shift / 2, vpermb   0; 1           1; 0.5
//   bitmap, int8     kmovq, vpexpandb (2)                  3              0
//   bitmap, 4-bit    both                                  3; 4           1; 0.5
//   of two codebooks one VPTERNLOGD more, which gives the place in the table bit 4; those of a bitmap belong to
//                    channels, so its codes go to their places first, gaps as code 0
//
// Template-only, in the including file's anonymous namespace: no weak symbols.
#pragma once

#include <immintrin.h>

#include "kernels/packed.h"

namespace lacuna::kernels {
namespace {

// What is asked for from memory: bytes in front of the cursor (0: nothing, the processor sees a plain stream by
// itself), and into which cache.
template <ptrdiff_t kValuesAheadOf, ptrdiff_t kMaskAheadOf, bool kIntoL1Of>
struct Fetching {
  static constexpr ptrdiff_t kValuesAhead = kValuesAheadOf, kMaskAhead = kMaskAheadOf;
  static constexpr bool kIntoL1 = kIntoL1Of;
};
using FetchNear = Fetching<2048, 1024, true>;  // several panels at once
using FetchFar = Fetching<8192, 2048, false>;  // one after the other

// Always inline: g++ 12 takes a function that only prefetches for one without effect, and drops its calls.
template <bool kIntoL1 = true>
inline __attribute__((always_inline)) void Prefetch(const void* at) {
  if (kIntoL1) {
    _mm_prefetch((const char*)at, _MM_HINT_T0);
  } else {
    _mm_prefetch((const char*)at, _MM_HINT_T1);
  }
}

template <bool kBitmapOf, PackedValues kTypeOf, bool kLookupOf, bool kSelectOf = false>
struct IntegerCodec {
  static constexpr bool kBitmap = kBitmapOf, kLookup = kLookupOf;
  static constexpr bool kSelect = kSelectOf;  // one of two codebooks, by bit 0 of the scale
  static constexpr PackedValues kType = kTypeOf;
  static constexpr int kHighShift = kType == PackedValues::kCode4 && !kLookup ? 4 : 0;
};

// Values in their places, zeros elsewhere. On Zen 4 the zeroing form waits for the old value of its register, which
// makes a chain of 5 cycles a row; merging into a fresh zero does not. The compiler must not see that it is one.
inline __attribute__((always_inline)) __m512i ExpandWords(__mmask32 mask, __m512i values) {
  __m512i zero = _mm512_setzero_si512();
  __asm__("" : "+v"(zero));
  return _mm512_mask_expand_epi16(zero, mask, values);
}

// Where a panel's next tile lies.
struct TileCursor {
  const uint8_t* values;
  const char* mask;
};

inline TileCursor CursorAt(const PackedPanels* w, int panel, int tile) {
  const ptrdiff_t index = (ptrdiff_t)panel * w->tiles + tile;
  const uint8_t* values = w->values;
  if (w->panel_bases == nullptr) {
    values += panel * w->panel_bytes + (ptrdiff_t)tile * w->tile_bytes;
  } else {
    values += w->panel_bases[panel];
    if (tile > 0) values += w->tile_offsets[index];  // tile 0: spares a miss of cache
  }
  const ptrdiff_t mask_bytes = w->type == PackedValues::kBf16 ? 64 : 128;
  return {values, w->mask == nullptr ? nullptr : (const char*)w->mask + index * mask_bytes};
}

// Where a panel's streams end, and how far from there the panel starts that is read after it: short panels lost a third
// of their time to their first misses.
struct PanelEnds {
  const char *values, *mask;
  ptrdiff_t values_jump, mask_jump;
};

inline PanelEnds EndsOf(const PackedPanels* w, int panel, int next_panel, int tile_begin, int tile_end) {
  const bool whole = tile_end == w->tiles;
  const TileCursor end = CursorAt(w, whole ? panel + 1 : panel, whole ? 0 : tile_end);
  const TileCursor next = CursorAt(w, next_panel < w->panels ? next_panel : panel, tile_begin);
  if (w->panel_bases != nullptr) Prefetch(w->panel_bases + next_panel + 8);
  return {(const char*)end.values, end.mask, next.values - end.values, next.mask - end.mask};
}

// What to prefetch with a tile of at most `tile` bytes: so far ahead, and beyond the end in the next panel.
inline __attribute__((always_inline)) ptrdiff_t Ahead(const char* at, ptrdiff_t ahead, const char* end, ptrdiff_t jump,
                                                      ptrdiff_t tile) {
  const ptrdiff_t beyond = at + ahead - end;
  if (beyond < 0) return ahead;
  if (beyond < tile) {  // the tile before asked for what is behind the end
    for (ptrdiff_t line = 0; line < beyond; line += 64) Prefetch(end + jump + line);
  }
  return ahead + jump;
}

// What stands for a weight that a bitmap does not store, in each half; with two codebooks 16 where the second is meant.
struct IntegerFill {
  __m512i low, high;
};

template <class C>
inline IntegerFill ConstantFill(int bias) {
  return {_mm512_set1_epi8((char)bias), _mm512_set1_epi8((char)(bias << C::kHighShift))};
}

// z of 16 channels as bytes of a row.
inline __m512i ZeroPointRow(const uint8_t* zeros) {
  return _mm512_mullo_epi32(_mm512_cvtepu8_epi32(_mm_load_si128((const __m128i*)zeros)), _mm512_set1_epi32(0x01010101));
}

// k: the tile's first.
template <class C>
inline IntegerFill ZeroPointFill(const PackedPanels* w, int panel, int k) {
  const uint8_t* zeros = w->zeros + (ptrdiff_t)panel * w->groups * 16;
  const __m512i low = ZeroPointRow(zeros + k / w->group * 16), high = ZeroPointRow(zeros + (k + 32) / w->group * 16);
  return {low, _mm512_slli_epi16(high, C::kHighShift)};
}

// 16 in the bytes of the channels whose scales select the second codebook.
inline __m512i SelectorRow(const PackedPanels* w, int panel, int k) {
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + k / w->group) * 16;
  const __m512i bits = w->scales_f16
                           ? _mm512_cvtepu16_epi32(_mm256_load_si256((const __m256i*)((const uint16_t*)w->scales + at)))
                           : _mm512_load_si512((const float*)w->scales + at);
  return _mm512_maskz_set1_epi32(_mm512_test_epi32_mask(bits, _mm512_set1_epi32(1)), 0x10101010);
}

// A fill that changes with the group, and that of the tile at k.
template <class C>
inline bool FillChanges(const PackedPanels* w) {
  return C::kSelect || (C::kBitmap && w->zeros != nullptr);
}
template <class C>
inline IntegerFill FillAt(const PackedPanels* w, int panel, int k) {
  if constexpr (!C::kSelect) return ZeroPointFill<C>(w, panel, k);
  const __m512i low = SelectorRow(w, panel, k);
  return {low, w->group == 32 ? SelectorRow(w, panel, k + 32) : low};
}

// Calls low(r, u) and high(r, u) for r = 0 .. 7 with the rows r and r + 8 of the next tile.
template <class C, class F = FetchNear, class Low, class High>
inline __attribute__((always_inline)) void ExpandTile(TileCursor* cursor, const PanelEnds& ends,
                                                      const IntegerFill& fill, __m512i table, Low low, High high) {
  const uint8_t* at = cursor->values;
  const uint64_t* mask = (const uint64_t*)cursor->mask;
  constexpr bool kFetch = F::kValuesAhead > 0, kIntoL1 = F::kIntoL1;
  const ptrdiff_t values_ahead = !kFetch ? 0
                                         : Ahead((const char*)at, F::kValuesAhead, ends.values, ends.values_jump,
                                                 C::kType == PackedValues::kCode4 ? 512 : 1024);
  if constexpr (C::kBitmap) {
    const ptrdiff_t mask_ahead = Ahead(cursor->mask, F::kMaskAhead, ends.mask, ends.mask_jump, 128);
    Prefetch<kIntoL1>(cursor->mask + mask_ahead);
    Prefetch<kIntoL1>(cursor->mask + mask_ahead + 64);
    cursor->mask += 128;
  }
  if constexpr (C::kType == PackedValues::kInt8) {
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) {
      if (kFetch) Prefetch<kIntoL1>(at + values_ahead);
      __m512i u = _mm512_loadu_si512(at);
      if constexpr (C::kBitmap) {
        u = _mm512_mask_expand_epi8(fill.low, mask[r], u);
        at += _mm_popcnt_u64(mask[r]);
      } else {
        at += 64;
      }
      if (r < 8) {
        low(r, u);
      } else {
        high(r - 8, u);
      }
    }
    cursor->values = at;
  } else {
    const uint8_t* high_at = at;
    __m512i nothing = _mm512_setzero_si512();
    if (C::kSelect && C::kBitmap) __asm__("" : "+v"(nothing));  // as in ExpandWords
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      if (kFetch) Prefetch<kIntoL1>(at + values_ahead);
      __m512i a = _mm512_loadu_si512(at);
      if (!C::kBitmap) __asm__("" : "+v"(a));  // or g++ loads it twice
      __m512i b = C::kBitmap ? _mm512_loadu_si512(high_at) : a;
      if constexpr (C::kSelect) {
        b = _mm512_srli_epi16(b, 4);
        if constexpr (C::kBitmap) {
          a = _mm512_mask_expand_epi8(nothing, mask[r], a);
          b = _mm512_mask_expand_epi8(nothing, mask[r + 8], b);
        }
        // (x & 15) | selector
        const __m512i code = _mm512_set1_epi8(0x0f);
        a = _mm512_permutexvar_epi8(_mm512_ternarylogic_epi64(a, code, fill.low, 0xea), table);
        b = _mm512_permutexvar_epi8(_mm512_ternarylogic_epi64(b, code, fill.high, 0xea), table);
      } else if constexpr (C::kLookup) {
        a = _mm512_permutexvar_epi8(a, table);
        b = _mm512_permutexvar_epi8(_mm512_srli_epi16(b, 4), table);
      } else {
        a = _mm512_and_si512(a, _mm512_set1_epi8(0x0f));
        b = _mm512_and_si512(b, _mm512_set1_epi8((char)0xf0));
      }
      if constexpr (C::kBitmap) {
        if constexpr (!C::kSelect) {
          a = _mm512_mask_expand_epi8(fill.low, mask[r], a);
          b = _mm512_mask_expand_epi8(fill.high, mask[r + 8], b);
        }
        at += _mm_popcnt_u64(mask[r]);
        high_at += _mm_popcnt_u64(mask[r + 8]);
      } else {
        at += 64;
      }
      low(r, a);
      high(r, b);
    }
    cursor->values = C::kBitmap && high_at > at ? high_at : at;
  }
}

// A codebook that is not 0 .. 15 is looked up.
inline bool NeedsLookup(const PackedPanels* w) {
  if (w->type != PackedValues::kCode4) return false;
  for (int i = 0; i < 16; ++i) {
    if (w->codebook[i] != i) return true;
  }
  return false;
}

// run.Run<Codec>() for the codec of w.
template <class Run>
inline void WithIntegerCodec(const PackedPanels* w, const Run& run) {
  const bool bitmap = w->mask != nullptr, lookup = NeedsLookup(w);
  if (w->type == PackedValues::kInt8) {
    return bitmap ? run.template Run<IntegerCodec<true, PackedValues::kInt8, false>>()
                  : run.template Run<IntegerCodec<false, PackedValues::kInt8, false>>();
  }
  if (w->scale_selects) {
    return bitmap ? run.template Run<IntegerCodec<true, PackedValues::kCode4, true, true>>()
                  : run.template Run<IntegerCodec<false, PackedValues::kCode4, true, true>>();
  }
  if (lookup) {
    return bitmap ? run.template Run<IntegerCodec<true, PackedValues::kCode4, true>>()
                  : run.template Run<IntegerCodec<false, PackedValues::kCode4, true>>();
  }
  return bitmap ? run.template Run<IntegerCodec<true, PackedValues::kCode4, false>>()
                : run.template Run<IntegerCodec<false, PackedValues::kCode4, false>>();
}

}  // namespace
}  // namespace lacuna::kernels
