#!/bin/sh
# Installs the Debian packages that building lacuna needs, and only those that are missing. This is the one script that
# touches the network; with everything in place it asks dpkg and is done in a moment.
#
#   scripts/setup.sh           what the library and the command need
#   scripts/setup.sh --tests   also what the tests, sanitizers, fuzzers and benchmarks need
#
# Exit status: 0 all there, 1 apt-get failed, 2 it cannot install here (the command to run is printed).
set -eu

# Compiler and build tools, what the library links or includes (cmake/dependencies.cmake), what the command includes.
build="g++ cmake ninja-build ccache pkg-config
  libtbb-dev libpcre2-dev libutf8proc-dev nlohmann-json3-dev libcli11-dev libedit-dev"
# clang with its sanitizer and fuzzer runtimes, GoogleTest; Google Benchmark and oneDNN for bench/; an emulated Haswell;
# Python (its standard library alone) for the script that writes bench/RESULTS.md; Doxygen, which the headers must satisfy.
tests="clang-14 libclang-rt-14-dev libgtest-dev libbenchmark-dev libdnnl-dev qemu-user python3 doxygen"

packages=$build
for option in "$@"; do
  case $option in
    --tests) packages="$build $tests" ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "setup.sh: unknown option '$option'; the only one is --tests" >&2; exit 2 ;;
  esac
done

advise() {  # advise <reason> <packages>: what to run by hand
  echo "setup.sh: $1. As root on Debian 12 this installs what is missing:" >&2
  echo "  apt-get update && apt-get install --no-install-recommends" $2 >&2
  exit 2
}

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  advise "this system has no dpkg and apt-get; install the like of these packages with its own package manager" "$packages"
fi

installed=" $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2>/dev/null | sed -n 's/ installed$//p' | tr '\n' ' ')"
missing=
for package in $packages; do
  case $installed in *" $package "*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0

# The names, and clang's number, are Debian's.
. /etc/os-release
[ "${ID-}" = debian ] || advise "this is ${PRETTY_NAME-another system}, not Debian; packages may have other names" "$missing"

if [ "$(id -u)" -eq 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
  as_root=sudo
else
  advise "installing needs root or sudo" "$missing"
fi

echo "setup.sh: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    echo "setup.sh: apt-get $1 failed; the packages wanted were:$missing" >&2
    exit 1
  }
}
apt update
apt install --no-install-recommends $missing
echo "setup.sh: done" >&2
