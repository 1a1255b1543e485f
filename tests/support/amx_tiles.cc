#include "tests/support/amx_tiles.h"

#include <immintrin.h>

#include <cstring>
#include <initializer_list>

namespace lacuna::testing {
namespace {

constexpr int kRows = TileState::kRows, kBytes = TileState::kBytes;

#define LACUNA_AVX2 __attribute__((target("avx2,fma"), noinline))

struct ScopedMxcsr {
  const unsigned saved = _mm_getcsr();
  ScopedMxcsr() { _mm_setcsr(0x9FC0); }  // FTZ, DAZ, exceptions masked, to nearest even
  ~ScopedMxcsr() { _mm_setcsr(saved); }
};

// One row: c[n] += sum over k of a pair times b pair, in the order of the contract. b: 64 bytes a k.
LACUNA_AVX2 void Bf16Row(const uint8_t* a, const uint8_t (*b)[kBytes], int pairs, uint8_t* c) {
  const __m256i high = _mm256_set1_epi32(static_cast<int>(0xffff0000));
  for (int half = 0; half < kBytes; half += 32) {
    __m256 even = _mm256_setzero_ps(), odd = _mm256_setzero_ps();
    for (int k = 0; k < pairs; ++k) {
      int pair;
      memcpy(&pair, a + 4 * k, 4);
      const __m256i x = _mm256_set1_epi32(pair);
      const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b[k] + half));
      even = _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_slli_epi32(x, 16)),
                             _mm256_castsi256_ps(_mm256_slli_epi32(w, 16)), even);
      odd = _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_and_si256(x, high)),
                            _mm256_castsi256_ps(_mm256_and_si256(w, high)), odd);
    }
    float* out = reinterpret_cast<float*>(c + half);
    _mm256_storeu_ps(out, _mm256_add_ps(_mm256_loadu_ps(out), _mm256_add_ps(even, odd)));
  }
}

// One row of bytes: widened to 16 bits, VPMADDWD is exact (no product pair reaches 2^31), sums wrap modulo 2^32.
LACUNA_AVX2 void ByteRow(const uint8_t* a, const uint8_t (*b)[kBytes], int quads, bool a_signed, bool b_signed,
                         uint8_t* c) {
  for (int part = 0; part < kBytes; part += 32) {
    __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
    for (int k = 0; k < quads; ++k) {
      int quad;
      memcpy(&quad, a + 4 * k, 4);
      const __m128i x8 = _mm_set1_epi32(quad);
      const __m256i x = a_signed ? _mm256_cvtepi8_epi16(x8) : _mm256_cvtepu8_epi16(x8);
      const __m128i w_low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b[k] + part));
      const __m128i w_high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b[k] + part + 16));
      const __m256i low16 = b_signed ? _mm256_cvtepi8_epi16(w_low) : _mm256_cvtepu8_epi16(w_low);
      const __m256i high16 = b_signed ? _mm256_cvtepi8_epi16(w_high) : _mm256_cvtepu8_epi16(w_high);
      low = _mm256_add_epi32(low, _mm256_madd_epi16(x, low16));
      high = _mm256_add_epi32(high, _mm256_madd_epi16(x, high16));
    }
    // Neighbouring lanes are the two halves of one dword; hadd works within 128 bits, so 64-bit quarters are put in
    // order.
    __m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high), 0xD8);
    __m256i* out = reinterpret_cast<__m256i*>(c + part);
    _mm256_storeu_si256(out, _mm256_add_epi32(_mm256_loadu_si256(out), sum));
  }
}

const char* CheckTile(const TileState& state, int tile) {
  if (!state.configured) return "no tile configuration is loaded";
  if (!state.valid(tile)) return "the tile is not configured";
  return nullptr;
}

const char* CheckTransfer(const TileState& state, int tile) {
  if (const char* why = CheckTile(state, tile)) return why;
  if (state.colsb[tile] % 4 != 0) return "the tile's row bytes are no multiple of 4";
  if (state.start_row >= state.rows[tile]) return "start_row is not below the tile's rows";
  return nullptr;
}

void Transfer(uint8_t* to, uint64_t from, int bytes) { memcpy(to, reinterpret_cast<const void*>(from), bytes); }

}  // namespace

const char* LoadTileConfig(TileState& state, const uint8_t* config) {
  uint8_t bytes[64];
  memcpy(bytes, config, 64);
  if (bytes[0] > 1) return "palette above 1";
  if (bytes[0] == 0) {
    ReleaseTiles(state);
    return nullptr;
  }
  uint16_t colsb[16];
  memcpy(colsb, bytes + 16, 32);
  const uint8_t* rows = bytes + 48;
  for (int i = 2; i < 16; ++i) {
    if (bytes[i] != 0) return "a reserved byte of the configuration is not 0";
  }
  for (int t = 0; t < 16; ++t) {
    if (t >= TileState::kTiles && (colsb[t] != 0 || rows[t] != 0)) return "a tile above 7 is configured";
    if (colsb[t] > kBytes) return "a tile row of more than 64 bytes";
    if (rows[t] > kRows) return "a tile of more than 16 rows";
    if ((colsb[t] == 0) != (rows[t] == 0)) return "a tile has rows without bytes or bytes without rows";
  }
  memset(&state, 0, sizeof(state));
  state.configured = true;
  state.start_row = bytes[1];
  memcpy(state.rows, rows, sizeof(state.rows));
  memcpy(state.colsb, colsb, sizeof(state.colsb));
  return nullptr;
}

void StoreTileConfig(const TileState& state, uint8_t* config) {
  uint8_t bytes[64] = {};
  if (state.configured) {
    bytes[0] = 1;
    bytes[1] = state.start_row;
    memcpy(bytes + 16, state.colsb, sizeof(state.colsb));
    memcpy(bytes + 48, state.rows, sizeof(state.rows));
  }
  memcpy(config, bytes, 64);
}

void ReleaseTiles(TileState& state) { memset(&state, 0, sizeof(state)); }

const char* ZeroTile(TileState& state, int tile) {
  if (const char* why = CheckTile(state, tile)) return why;
  memset(state.data[tile], 0, sizeof(state.data[tile]));
  state.start_row = 0;
  return nullptr;
}

const char* LoadTile(TileState& state, int tile, uint64_t address, uint64_t stride, uint64_t address_mask,
                     uint64_t segment) {
  if (const char* why = CheckTransfer(state, tile)) return why;
  for (int r = state.start_row; r < kRows; ++r) {
    if (r >= state.rows[tile]) {
      memset(state.data[tile][r], 0, kBytes);
      continue;
    }
    Transfer(state.data[tile][r], ((address + r * stride) & address_mask) + segment, state.colsb[tile]);
    memset(state.data[tile][r] + state.colsb[tile], 0, kBytes - state.colsb[tile]);
  }
  state.start_row = 0;
  return nullptr;
}

const char* StoreTile(TileState& state, int tile, uint64_t address, uint64_t stride, uint64_t address_mask,
                      uint64_t segment) {
  if (const char* why = CheckTransfer(state, tile)) return why;
  for (int r = state.start_row; r < state.rows[tile]; ++r) {
    memcpy(reinterpret_cast<void*>(((address + r * stride) & address_mask) + segment), state.data[tile][r],
           state.colsb[tile]);
  }
  state.start_row = 0;
  return nullptr;
}

const char* TileDot(TileState& state, AmxOp op, int c, int a, int b) {
  if (c == a || c == b || a == b) return "two operands are the same tile";
  for (int tile : {c, a, b}) {
    if (const char* why = CheckTile(state, tile)) return why;
    if (state.colsb[tile] % 4 != 0) return "the tile's row bytes are no multiple of 4";
  }
  if (state.rows[c] != state.rows[a]) return "destination and first source differ in rows";
  if (state.colsb[c] != state.colsb[b]) return "destination and second source differ in row bytes";
  if (state.colsb[a] / 4 != state.rows[b]) return "row bytes / 4 of the first source are not the second's rows";
  const ScopedMxcsr mxcsr;
  for (int m = 0; m < state.rows[c]; ++m) {
    uint8_t* row = state.data[c][m];
    if (op == AmxOp::kTdpbf16ps) {
      Bf16Row(state.data[a][m], state.data[b], state.rows[b], row);
    } else {
      ByteRow(state.data[a][m], state.data[b], state.rows[b], op == AmxOp::kTdpbssd || op == AmxOp::kTdpbsud,
              op == AmxOp::kTdpbssd || op == AmxOp::kTdpbusd, row);
    }
    memset(row + state.colsb[c], 0, kBytes - state.colsb[c]);
  }
  for (int m = state.rows[c]; m < kRows; ++m) memset(state.data[c][m], 0, kBytes);
  state.start_row = 0;
  return nullptr;
}

}  // namespace lacuna::testing
