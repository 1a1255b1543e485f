# The example as a project of its own, against the installed package only.
set -eu
. "$SOURCE_DIR/tests/package/answer.sh"
rm -rf "$WORK_DIR/find_package" && mkdir -p "$WORK_DIR/find_package"
cp -r "$SOURCE_DIR/examples" "$WORK_DIR/find_package/source"
cmake -S "$WORK_DIR/find_package/source" -B "$WORK_DIR/find_package/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$WORK_DIR/prefix" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
cmake --build "$WORK_DIR/find_package/build"
if grep -E -e '-march|-mavx|-ffp-contract|-Wall' "$WORK_DIR/find_package/build/compile_commands.json"; then
  echo "lacuna::lacuna brings compiler flags of its own"
  exit 1
fi
answer "$WORK_DIR/find_package/build/generate"
answer "$WORK_DIR/find_package/build/generate_c"
