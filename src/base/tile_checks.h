// What kernels/amx/tile.h asserts when LACUNA_TILE_CHECKS is defined (debug and sanitizer builds): a thread loads its
// tile configuration before it uses a tile, and releases it before its parallel body ends. No templates and no std
// headers: ISA objects include this.
#pragma once

namespace lacuna {

#if defined(LACUNA_TILE_CHECKS)
// 1 between the load of a configuration and its release on this thread. `__thread`, not `thread_local`: no wrapper
// function, hence no weak symbol in the objects that use it.
extern __thread int tile_config_loaded;

// Says on stderr which wrapper was misused and aborts.
[[noreturn]] void TileCheckFailed(const char* what);

#define LACUNA_TILE_CHECK(condition, what)             \
  do {                                                 \
    if (!(condition)) ::lacuna::TileCheckFailed(what); \
  } while (0)
#define LACUNA_TILE_MARK(loaded) (::lacuna::tile_config_loaded = (loaded))
#else
#define LACUNA_TILE_CHECK(condition, what) ((void)0)
#define LACUNA_TILE_MARK(loaded) ((void)0)
#endif

}  // namespace lacuna
