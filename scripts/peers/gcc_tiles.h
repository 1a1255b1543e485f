// GCC 12 gives its tile loads and ldtilecfg no memory operand, so it drops the stores before them: llama.cpp's AMX code
// then loads a configuration that was never written and dies (or computes with stale tiles, faster than it should).
// These versions of the three intrinsics that touch memory clobber it. setup.sh includes this in ggml's AMX source.
#pragma once

#include <immintrin.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__AMX_TILE__)
#undef _tile_loadd
#undef _tile_loadd_internal
#undef _tile_stream_loadd
#undef _tile_stream_loadd_internal
#undef _tile_stored
#undef _tile_stored_internal

#define _tile_loadd_internal(dst, base, stride) \
  __asm__ volatile("tileloadd\t(%0,%1,1), %%tmm" #dst ::"r"((const void*)(base)), "r"((long)(stride)) : "memory")
#define _tile_loadd(dst, base, stride) _tile_loadd_internal(dst, base, stride)
#define _tile_stream_loadd_internal(dst, base, stride) \
  __asm__ volatile("tileloaddt1\t(%0,%1,1), %%tmm" #dst ::"r"((const void*)(base)), "r"((long)(stride)) : "memory")
#define _tile_stream_loadd(dst, base, stride) _tile_stream_loadd_internal(dst, base, stride)
#define _tile_stored_internal(src, base, stride) \
  __asm__ volatile("tilestored\t%%tmm" #src ", (%0,%1,1)" ::"r"((void*)(base)), "r"((long)(stride)) : "memory")
#define _tile_stored(src, base, stride) _tile_stored_internal(src, base, stride)
#define _tile_loadconfig(config) __asm__ volatile("ldtilecfg\t(%0)" ::"r"((const void*)(config)) : "memory")
#endif
