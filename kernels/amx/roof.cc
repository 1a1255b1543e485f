// The roofs of TDPBF16PS and TDPBSUD: four accumulators, operands in tiles, no loads.
#include "kernels/roof.h"

#include "kernels/amx/tile.h"

namespace lacuna::kernels {
namespace {

// Loads four operand tiles from 1 KiB, runs `step` on them and stores the accumulators.
template <class Step>
inline __attribute__((always_inline)) float Repeat(const void* operand, int64_t iterations, Step step) {
  alignas(64) float result[256];
  TileConfig config{};
  TileConfigSetFull(&config);
  TileLoadConfig(&config);
  LACUNA_TILE_LOAD(4, operand, 64);
  LACUNA_TILE_LOAD(5, operand, 64);
  LACUNA_TILE_LOAD(6, operand, 64);
  LACUNA_TILE_LOAD(7, operand, 64);
  for (int64_t i = 0; i < iterations; ++i) step();
  LACUNA_TILE_STORE(0, result, 64);
  LACUNA_TILE_STORE(1, result, 64);
  LACUNA_TILE_STORE(2, result, 64);
  LACUNA_TILE_STORE(3, result, 64);
  TileRelease();
  return result[0];
}

}  // namespace

double AmxBf16Peak(int64_t iterations, float* sink) {
  // Ordinary numbers: products of zeros draw less power and may run at a higher clock.
  alignas(64) uint16_t operand[512];
  for (int i = 0; i < 512; ++i) operand[i] = (uint16_t)((i % 2 ? 0xbf80 : 0x3f80) | (i % 61));
  *sink = Repeat(operand, iterations, [] {
    LACUNA_TILE_DPBF16PS(0, 4, 6);
    LACUNA_TILE_DPBF16PS(1, 4, 7);
    LACUNA_TILE_DPBF16PS(2, 5, 6);
    LACUNA_TILE_DPBF16PS(3, 5, 7);
  });
  return (double)iterations * 4 * (16 * 16 * 32 * 2);
}

double AmxInt8Peak(int64_t iterations, float* sink) {
  alignas(64) uint8_t operand[1024];
  for (int i = 0; i < 1024; ++i) operand[i] = (uint8_t)(i * 61 + (i >> 4));
  *sink = Repeat(operand, iterations, [] {
    LACUNA_TILE_DPBSUD(0, 4, 6);
    LACUNA_TILE_DPBSUD(1, 4, 7);
    LACUNA_TILE_DPBSUD(2, 5, 6);
    LACUNA_TILE_DPBSUD(3, 5, 7);
  });
  return (double)iterations * 4 * (16 * 16 * 64 * 2);
}

}  // namespace lacuna::kernels
