// The one place with AMX instructions. Tile numbers are compile-time constants (literals, constexpr or template
// arguments), addresses and strides in bytes.
//
// Written as inline asm rather than with the _tile_* intrinsics, for three reasons: g++ 12 pastes the tile number into
// the asm text, so a constant expression is no tile number there; its tile loads have no memory operand, so at -O2
// stores before them are dropped; and asm needs no -mamx flags, so tests can use this header too. Everything that
// touches memory clobbers "memory"; the volatile asms keep their order among themselves. TDP* touch no memory and
// clobber nothing, so that the compiler may schedule vector work between them.
//
//   TileConfig config{};                       a parallel body, once per thread:
//   TileConfigSet(&config, 0, 16, 64);           TileLoadConfig(&config);  ~200 cycles
//                                                 LACUNA_TILE_LOAD(1, a, 64); ...
//                                                 TileRelease();
//
// C (m x n fp32 or int32)   A (m x k, dwords of 2 bf16 or 4 bytes)   B (k x n, dwords)
//   C.rows = A.rows,  C.colsb = B.colsb,  A.colsb / 4 = B.rows; the three are different tiles.
//
// Measured (Xeon with AMX_FP16, 3.5 GHz while tiles run), in core cycles:
// - TDP*: 16 with 16 rows in A, 14 with 12, 10 with 8, 9 with 4 or fewer; one accumulator in a chain is as fast
//   as four.
// - TILELOAD: 8.5 from L1, 20 from L2. A 2 x 2 block with its four loads: 16 a TDP* from L1, 21 from L2.
// - TILESTORED: 16, hidden behind TDP*. LDTILECFG + TILERELEASE: 190.
// - 1 KiB of vector stores and a TILELOAD of them: 40; with the load one tile later: 21.
// - TILEZERO: free by itself, but the first TDP* on a zeroed accumulator costs 36 more. Short sums (int8 groups) start
//   from a TILELOAD of zeros or of the bias, which costs nothing beside the products.
// - int8 group drain (load C, TDP*, store, convert, fma into fp32, one tile after the other): K = 256 at peak, K = 128
//   at 55 % of it.
#pragma once

#include <stdint.h>

#include "base/tile_checks.h"

namespace lacuna::kernels {

// The 64 bytes that LDTILECFG reads; all-zero means "no tiles".
struct alignas(64) TileConfig {
  uint8_t palette;    // 1: eight tiles of 16 rows x 64 bytes
  uint8_t start_row;  // only for restarting an interrupted load or store: 0
  uint8_t reserved[14];
  uint16_t colsb[16];  // bytes a row; tiles 8 to 15 stay 0
  uint8_t rows[16];
};
static_assert(sizeof(TileConfig) == 64);

static inline void TileConfigSet(TileConfig* config, int tile, int rows, int colsb) {
  config->palette = 1;
  config->rows[tile] = static_cast<uint8_t>(rows);
  config->colsb[tile] = static_cast<uint16_t>(colsb);
}

// All eight tiles 16 x 64 bytes.
static inline void TileConfigSetFull(TileConfig* config) {
  for (int t = 0; t < 8; ++t) TileConfigSet(config, t, 16, 64);
}

// Makes the configuration current and zeroes all tiles.
static inline void TileLoadConfig(const TileConfig* config) {
  __asm__ volatile("ldtilecfg %0" : : "m"(*config) : "memory");
  LACUNA_TILE_MARK(1);
}

// Back to "no tiles": an idle tile unit costs power and context-switch time.
static inline void TileRelease() {
  LACUNA_TILE_CHECK(::lacuna::tile_config_loaded, "TileRelease without a loaded configuration");
  __asm__ volatile("tilerelease" : : : "memory");
  LACUNA_TILE_MARK(0);
}

// The configuration in force; all zero when there is none. Works without tile permission.
static inline void TileStoreConfig(TileConfig* config) { __asm__ volatile("sttilecfg %0" : "=m"(*config)); }

// For the end of a parallel body.
static inline void TileCheckReleased() {
  LACUNA_TILE_CHECK(!::lacuna::tile_config_loaded, "a parallel body ended without TileRelease");
}

}  // namespace lacuna::kernels

#define LACUNA_TILE_CHECK_LOADED(what) \
  LACUNA_TILE_CHECK(::lacuna::tile_config_loaded, what " before TileLoadConfig on this thread")

#define LACUNA_TILE_ZERO(tile)                           \
  do {                                                   \
    LACUNA_TILE_CHECK_LOADED("LACUNA_TILE_ZERO");        \
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(tile)); \
  } while (0)

#define LACUNA_TILE_MEMORY_(mnemonic, tile, base, stride, offset, what)                     \
  do {                                                                                      \
    LACUNA_TILE_CHECK_LOADED(what);                                                         \
    __asm__ volatile(mnemonic " %c3(%0,%1,1), %%tmm%c2"                                     \
                     :                                                                      \
                     : "r"(base), "r"(static_cast<int64_t>(stride)), "i"(tile), "i"(offset) \
                     : "memory");                                                           \
  } while (0)

// Rows from base + offset, `stride` bytes apart; offset is a compile-time constant (one pointer serves many tiles).
#define LACUNA_TILE_LOAD_AT(tile, base, stride, offset) \
  LACUNA_TILE_MEMORY_("tileloadd", tile, base, stride, offset, "LACUNA_TILE_LOAD")
#define LACUNA_TILE_LOAD(tile, base, stride) LACUNA_TILE_LOAD_AT(tile, base, stride, 0)

// The same with a non-temporal hint, for data that is read once.
#define LACUNA_TILE_LOAD_STREAM_AT(tile, base, stride, offset) \
  LACUNA_TILE_MEMORY_("tileloaddt1", tile, base, stride, offset, "LACUNA_TILE_LOAD_STREAM")
#define LACUNA_TILE_LOAD_STREAM(tile, base, stride) LACUNA_TILE_LOAD_STREAM_AT(tile, base, stride, 0)

#define LACUNA_TILE_STORE_AT(tile, base, stride, offset)                                    \
  do {                                                                                      \
    LACUNA_TILE_CHECK_LOADED("LACUNA_TILE_STORE");                                          \
    __asm__ volatile("tilestored %%tmm%c2, %c3(%0,%1,1)"                                    \
                     :                                                                      \
                     : "r"(base), "r"(static_cast<int64_t>(stride)), "i"(tile), "i"(offset) \
                     : "memory");                                                           \
  } while (0)
#define LACUNA_TILE_STORE(tile, base, stride) LACUNA_TILE_STORE_AT(tile, base, stride, 0)

#define LACUNA_TILE_DOT_(mnemonic, c, a, b)                                                               \
  do {                                                                                                    \
    static_assert((c) != (a) && (c) != (b) && (a) != (b), "tiles of a product are three different ones"); \
    LACUNA_TILE_CHECK_LOADED(mnemonic);                                                                   \
    __asm__ volatile(mnemonic " %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));                \
  } while (0)

// c += a b with bf16 pairs into fp32: two chains from zero over the tile's K, then c + (even + odd).
#define LACUNA_TILE_DPBF16PS(c, a, b) LACUNA_TILE_DOT_("tdpbf16ps", c, a, b)
// c += a b with bytes into int32, modulo 2^32; the first letter is a's sign, the second b's.
#define LACUNA_TILE_DPBSSD(c, a, b) LACUNA_TILE_DOT_("tdpbssd", c, a, b)
#define LACUNA_TILE_DPBSUD(c, a, b) LACUNA_TILE_DOT_("tdpbsud", c, a, b)
#define LACUNA_TILE_DPBUSD(c, a, b) LACUNA_TILE_DOT_("tdpbusd", c, a, b)
#define LACUNA_TILE_DPBUUD(c, a, b) LACUNA_TILE_DOT_("tdpbuud", c, a, b)
