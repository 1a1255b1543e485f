#ifndef LACUNA_TILE_CHECKS
#define LACUNA_TILE_CHECKS  // the definitions are always there; who includes the header decides whether they are used
#endif
#include "base/tile_checks.h"

#include <stdio.h>
#include <stdlib.h>

namespace lacuna {

__thread int tile_config_loaded = 0;

void TileCheckFailed(const char* what) {
  fprintf(stderr, "lacuna: tile check failed: %s\n", what);
  abort();
}

}  // namespace lacuna
