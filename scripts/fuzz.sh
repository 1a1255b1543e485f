#!/bin/bash
# Builds the fuzzers (clang, ASan, UBSan) and runs each for MINUTES, two at a time, from its corpus in tests/fuzz/corpus.
#
#   scripts/fuzz.sh MINUTES [TARGET...]     TARGET: gguf, config_json, ..; all of them unless told
#   scripts/fuzz.sh 20s                     seconds, as scripts/test.sh runs them
#
# A target also ends after LACUNA_FUZZ_RUNS executions (10,000,000), and fails at an input that takes LACUNA_FUZZ_TIMEOUT
# seconds (10). LACUNA_FUZZ_JOBS changes how many run at a time. What is found lies in build/asan/fuzz/TARGET.found-*, the
# log in TARGET.log. Exit status: 0 nothing found, 1 something was (or the build failed), 2 a wrong argument.
# tests/fuzz/README.md says what each target covers.
set -u
cd "$(dirname "$0")/.." || exit 1

usage() { sed -n '2,11s/^# \{0,1\}//p' "$0"; }
case ${1-} in
  --help | -h) usage; exit 0 ;;
  *[!0-9s]* | *s?* | "" | s) usage >&2; exit 2 ;;
  *s) seconds=${1%s} ;;
  *) seconds=$(($1 * 60)) ;;
esac
shift
[ "$seconds" -gt 0 ] || { echo "fuzz.sh: the time must be above 0" >&2; exit 2; }

targets=("$@")
if [ $# = 0 ]; then
  for source in tests/fuzz/*_fuzz.cc; do source=${source##*/}; targets+=("${source%_fuzz.cc}"); done
fi
for target in "${targets[@]}"; do
  [ -f "tests/fuzz/${target}_fuzz.cc" ] && [ -d "tests/fuzz/corpus/$target" ] ||
    { echo "fuzz.sh: no target '$target': tests/fuzz has no ${target}_fuzz.cc, or no corpus/$target" >&2; exit 2; }
done

scripts/setup.sh --tests || exit
mkdir -p build
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
if ! { [ -f build/asan/build.ninja ] || cmake --preset asan "${launcher[@]}"; } >build/fuzz.log 2>&1 ||
  ! ninja -C build/asan "${targets[@]/%/_fuzz}" >>build/fuzz.log 2>&1; then
  tail -n 60 build/fuzz.log
  exit 1
fi

export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}

fuzz_one() {  # fuzz_one <target>
  local work=build/asan/fuzz/$1 status=0 found
  local log=$work.log
  rm -rf "$work" "$work".found-* && mkdir -p "$work"
  "build/asan/tests/fuzz/$1_fuzz" -max_total_time="$seconds" -runs="${LACUNA_FUZZ_RUNS:-10000000}" -timeout="${LACUNA_FUZZ_TIMEOUT:-10}" \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work.found-" "$work" "tests/fuzz/corpus/$1" \
    >"$log" 2>&1 || status=1
  found=$(find build/asan/fuzz -maxdepth 1 -name "$1.found-*" | tr '\n' ' ')
  [ $status = 0 ] || tail -n 60 "$log"
  echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions in $(sed -n \
    's/^Done [0-9]* runs in \([0-9]*\) second.*/\1/p' "$log") s, slowest $(sed -n \
    's/^stat::slowest_unit_time_sec: *//p' "$log") s, $([ $status = 0 ] && echo "nothing failed" || echo "FAILED, see $log")${found:+; found: $found}"
  return $status
}

status=0
running=0
for target in "${targets[@]}"; do
  if [ $running -ge "${LACUNA_FUZZ_JOBS:-2}" ]; then
    wait -n || status=1
    running=$((running - 1))
  fi
  fuzz_one "$target" &
  running=$((running + 1))
done
while [ $running -gt 0 ]; do
  wait -n || status=1
  running=$((running - 1))
done
exit $status
