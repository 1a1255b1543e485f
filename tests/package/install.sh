# Installs into a prefix with a space in its name, then moves it: nothing may remember where it was built or installed.
set -eu
prefix="$WORK_DIR/installed first"
rm -rf "$prefix" "$WORK_DIR/prefix"
cmake --install "$BUILD_DIR" --prefix "$prefix" >/dev/null
mv "$prefix" "$WORK_DIR/prefix"
cd "$WORK_DIR/prefix"

status=0
for file in "$LIBDIR/liblacuna.a" include/lacuna/lacuna.h include/lacuna/lacuna_c.h "$LIBDIR/cmake/lacuna/lacunaConfig.cmake" \
    "$LIBDIR/cmake/lacuna/lacunaConfigVersion.cmake" "$LIBDIR/pkgconfig/lacuna.pc" bin/lacuna; do
  [ -f "$file" ] || { echo "not installed: $file"; status=1; }
done
if grep -rlIF -e "$SOURCE_DIR/" -e "$BUILD_DIR/" -e "$prefix" include "$LIBDIR/cmake" "$LIBDIR/pkgconfig"; then
  echo "these installed files name the source, the build tree or the first prefix"
  status=1
fi
if grep -rnE -e '-march|-mavx|-Wall|-fsanitize|-O[0-9]' "$LIBDIR/cmake" "$LIBDIR/pkgconfig"; then
  echo "a flag of the library's own files leaks to its users"
  status=1
fi
exit $status
