// What a machine can do at most: loops that only read memory, and loops that only multiply and add. They give the roofs
// that every benchmark is divided by (DESIGN 1), and compute nothing anybody wants.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lacuna::kernels {

// Three ways to stream `bytes` (a multiple of kReadBlock) at `data`, aligned to 64; which is fastest depends on the
// machine's prefetchers.
enum ReadMethod {
  kReadPlain,     // one ascending stream
  kReadPrefetch,  // the same with software prefetches kReadAhead bytes in front
  kReadStreams,   // four streams a quarter of the bytes apart
  kReadMethods
};
enum { kReadBlock = 4096, kReadAhead = 4096 };

// The result depends on every byte, so that no load can be dropped.
typedef uint64_t (*ReadFn)(ReadMethod method, const void* data, size_t bytes);
uint64_t Avx2Read(ReadMethod method, const void* data, size_t bytes);
uint64_t Avx512Read(ReadMethod method, const void* data, size_t bytes);

// `iterations` of independent chains of the one instruction, from registers. Returns the useful operations done (a
// multiply and an add are two); *sink keeps the result alive.
typedef double (*PeakFn)(int64_t iterations, float* sink);
double Avx2FmaPeak(int64_t iterations, float* sink);
double Avx512FmaPeak(int64_t iterations, float* sink);
double Avx512Int8Peak(int64_t iterations, float* sink);  // VPDPBUSD
// TDPBF16PS and TDPBSUD on 16-row tiles; they configure and release the tiles.
double AmxBf16Peak(int64_t iterations, float* sink);
double AmxInt8Peak(int64_t iterations, float* sink);

}  // namespace lacuna::kernels
