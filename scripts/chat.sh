#!/bin/bash
# Sets up, builds and starts lacuna on the built-in model. Arguments go to lacuna:
#
#   scripts/chat.sh                              chat with models/demo
#   scripts/chat.sh --temp 0 -s 7                the same with options of `lacuna chat`
#   scripts/chat.sh run -p "Once" -n 50          another command, on models/demo unless -m names a model
#   echo "Once upon a time" | scripts/chat.sh    answers standard input (or, when that is empty, a prompt of its own)
#
# Standard output is lacuna's alone; setting up and building speak on standard error.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
build=$here/build/release
log=$here/build/chat-build.log

"$here/scripts/setup.sh"

fail() {
  cat "$log" >&2
  echo "chat.sh: the build failed; its output is above and in $log" >&2
  exit 1
}

mkdir -p "$build"
# Once configured, ninja itself runs cmake again when a CMake file changed or a source was added.
if [ ! -f "$build/build.ninja" ]; then
  echo "building lacuna in build/release; this takes a few minutes the first time" >&2
  launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  cmake -S "$here" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "${launcher[@]}" >"$log" 2>&1 || fail
fi

progress() {  # one line that is written over, on a terminal only
  [ -t 2 ] || { cat >/dev/null; return; }
  local line shown=0
  while IFS= read -r line; do
    [[ $line =~ ^\[[0-9]+/[0-9]+\] ]] && printf '\r%s building lacuna' "${BASH_REMATCH[0]}" >&2 && shown=1
  done
  [ $shown = 0 ] || printf '\r\033[K' >&2
}
ninja -C "$build" lacuna_command 2>&1 | tee "$log" | progress || fail

case ${1-} in
  -h | --help | --version | synth) exec "$build/lacuna" "$@" ;;  # these take no model
  -* | "") command=chat ;;
  *) command=$1; shift ;;
esac
model=(-m "$here/models/demo")
[ -z "${LACUNA_MODEL-}" ] || model=()
for argument in "$@"; do
  case $argument in -m* | --model | --model=*) model=() ;; esac
done
exec "$build/lacuna" "$command" "${model[@]}" "$@"
