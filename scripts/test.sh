#!/bin/bash
# Sets up, builds and runs all tests, in three trees: g++ release with every test; clang with ASan and UBSan for the
# unit tests and the fuzzers (20 s each, by scripts/fuzz.sh); g++ with TSan for the tests of threads.
#
#   scripts/test.sh            everything: what .ci/run runs
#   scripts/test.sh --quick    the release tree only
#
# LACUNA_TEST_DATA names a folder of real models and tokenizers for the tests that need them (they are skipped by name
# without it); shared/data beside the checkout is taken when it is there. LACUNA_FUZZ_SECONDS changes the 20 s.
# Every phase runs even after another failed; the exit status is 0 only if all passed.
set -u
cd "$(dirname "$0")/.." || exit 1

quick=0
case ${1-} in
  "") ;;
  --quick) quick=1 ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] && exit 0; exit 2 ;;
esac

scripts/setup.sh --tests || exit

jobs=$(nproc)
if [ -z "${LACUNA_TEST_DATA-}" ] && [ -d ../shared/data ]; then LACUNA_TEST_DATA=$(cd ../shared/data && pwd); fi
[ -n "${LACUNA_TEST_DATA-}" ] && export LACUNA_TEST_DATA
echo "test data: ${LACUNA_TEST_DATA:-none (LACUNA_TEST_DATA is not set), so tests that need real models skip}"
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
mkdir -p build

summary=()
failed=0

# phase <name> <command...>: runs it, and notes how it went and how long it took.
phase() {
  local name=$1 start=$SECONDS result=passed
  shift
  echo "== $name"
  "$@" || { result=FAILED; failed=1; }
  summary+=("$(printf '%-34s %-7s %4d s' "$name" "$result" $((SECONDS - start)))")
  [ $result = passed ]
}

# Configures and builds one preset's tree; its output is shown only when it fails.
build() {  # build <preset> [target...]
  local preset=$1 log=build/$1.log
  shift
  if ! { cmake --preset "$preset" "${launcher[@]}" && ninja -C "build/$preset" -j "$jobs" "$@"; } >"$log" 2>&1; then
    grep -v '^\[[0-9]*/[0-9]*\] Building' "$log" | tail -n 100
    return 1
  fi
}

# Runs ctest: what failed is shown whole, then its closing lines with counts, labels and what was skipped.
run_tests() {  # run_tests <preset> <ctest argument...>
  local preset=$1 log=build/$1-tests.log status=0
  shift
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" "$@" >"$log" 2>&1 || status=1
  [ $status = 0 ] || sed '/tests passed,/,$d' "$log" | grep -v ' Passed \| Start '
  sed -n '/tests passed,/,$p; /^No tests/p' "$log"
  return $status
}

export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
export TSAN_OPTIONS=suppressions=$PWD/cmake/tsan.supp${TSAN_OPTIONS:+:$TSAN_OPTIONS}

phase "release: build" build release && phase "release: all tests" run_tests release
if [ $quick = 0 ]; then
  phase "ASan + UBSan: build" build asan unit_tests fuzzers && {
    phase "ASan + UBSan: unit tests" run_tests asan -L unit
    phase "fuzzers" scripts/fuzz.sh "${LACUNA_FUZZ_SECONDS:-20}s"
  }
  phase "TSan: build" build tsan thread_tests && phase "TSan: thread tests" run_tests tsan -L threads
fi

echo "== summary"
printf '%s\n' "${summary[@]}"
echo "in all $SECONDS s: $([ $failed = 0 ] && echo passed || echo FAILED)"
exit $failed
