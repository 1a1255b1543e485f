# Another project that has lacuna as a subdirectory: it gets the library alone (no command, no tests, no install rules),
# and its own files are compiled without lacuna's flags.
set -eu
. "$SOURCE_DIR/tests/package/answer.sh"
work="$WORK_DIR/subdirectory"
mkdir -p "$work/source"
cat >"$work/source/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(outer LANGUAGES CXX)
add_subdirectory("$SOURCE_DIR" lacuna)
add_executable(generate "$SOURCE_DIR/examples/generate.cc")
target_link_libraries(generate PRIVATE lacuna::lacuna)
foreach(target lacuna_command lacuna_test_support)
  if(TARGET \${target})
    message(FATAL_ERROR "the target \${target} has no place in another project's build")
  endif()
endforeach()
END
launcher=()
[ -z "$LAUNCHER" ] || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER="$LAUNCHER")
cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
  -DCMAKE_CXX_COMPILER="$CXX" "${launcher[@]}"
ninja -C "$work/build" generate
if grep 'examples/generate.cc' "$work/build/compile_commands.json" | grep -E -e '-march|-mavx|-ffp-contract|-Wall|include/hwy'; then
  echo "lacuna's own flags reach the project around it"
  exit 1
fi
answer "$work/build/generate"
