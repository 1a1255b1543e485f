// Tile registers in software: the state, what each instruction does to it, and when it faults. Baseline code except the
// arithmetic (AVX2 + FMA with MXCSR set to round to nearest, DAZ and FTZ: the tile unit's fixed mode).
#pragma once

#include <cstdint>

#include "tests/support/amx_decode.h"

namespace lacuna::testing {

struct alignas(64) TileState {
  static constexpr int kTiles = 8, kRows = 16, kBytes = 64;
  uint8_t data[kTiles][kRows][kBytes];
  bool configured;  // palette 1; nothing else exists
  uint8_t start_row;
  uint8_t rows[kTiles];
  uint16_t colsb[kTiles];

  bool valid(int tile) const { return rows[tile] != 0; }
};

// Null, or why the 64 bytes at `config` are refused (#GP); then the state stays as it was.
const char* LoadTileConfig(TileState& state, const uint8_t* config);
void StoreTileConfig(const TileState& state, uint8_t* config);
void ReleaseTiles(TileState& state);

// The rest: null, or why the instruction is #UD. Addresses wrap modulo `address_mask` + 1.
const char* ZeroTile(TileState& state, int tile);
const char* LoadTile(TileState& state, int tile, uint64_t address, uint64_t stride, uint64_t address_mask,
                     uint64_t segment);
const char* StoreTile(TileState& state, int tile, uint64_t address, uint64_t stride, uint64_t address_mask,
                      uint64_t segment);
const char* TileDot(TileState& state, AmxOp op, int c, int a, int b);

}  // namespace lacuna::testing
