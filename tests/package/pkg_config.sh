# The example with nothing but a compiler and pkg-config.
set -eu
. "$SOURCE_DIR/tests/package/answer.sh"
export PKG_CONFIG_PATH="$WORK_DIR/prefix/$LIBDIR/pkgconfig"
rm -rf "$WORK_DIR/pkg_config" && mkdir -p "$WORK_DIR/pkg_config"
cd "$WORK_DIR/pkg_config"
# shellcheck disable=SC2046
"$CXX" -std=c++20 -O1 "$SOURCE_DIR/examples/generate.cc" -o generate $(pkg-config --cflags --libs lacuna)
answer ./generate
