# g++ 12 drops stores before tile loads unless they are fenced, so AMX intrinsics stand in one header that does it.
if grep -rnE '\b_tile_[a-z0-9_]+' src kernels include tools $(ls -d bench 2>/dev/null) --include='*.h' --include='*.cc' |
    grep -v '^kernels/amx/tile\.h:'; then
  echo "AMX intrinsics belong in kernels/amx/tile.h"
  exit 1
fi
