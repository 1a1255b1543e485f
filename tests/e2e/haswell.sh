#!/bin/bash
# haswell.sh QEMU LACUNA MODEL: a processor with AVX2 and FMA and no more gives the text that this one gives.
set -eu
run() { "$@" run -m "$model" -p "One day" -n 24 --temp 0 -t 2; }
qemu=$1 lacuna=$2 model=$3
here=$(run "$lacuna")
there=$(run "$qemu" -cpu Haswell "$lacuna" 2>/dev/null)
echo "here:    $here"
echo "Haswell: $there"
[ -n "$here" ] && [ "$here" = "$there" ]
