# At -O2 g++ 12 keeps accumulators on the stack, silently 3.6 times slower (DESIGN 7). Every object must have the functions
# that are looked for, or nothing is checked. (Tiles are named by hand: no compiler spills them.)
set -o pipefail
status=0
found=0
check() {  # FOLDER FILE FUNCTIONS AWK: a program that sets `spills` to what it found in the functions
  object=$BUILD_DIR/kernels/CMakeFiles/lacuna_kernels_$1.dir/$1/$2.cc.o
  [ -f "$object" ] || return 0
  found=1
  spills=$(objdump -dC --no-show-raw-insn "$object" | awk -v inner="$3" "$4"'
    function begin(line) { end(); name = line; looked = name ~ inner; if (looked) checked = 1; frame = 0 }
    # Where the instruction touches the stack, or "".
    function slot() {
      if ($0 ~ /mov +%rsp,%rbp/) frame = 1
      if ($0 !~ /%zmm/ || !match($0, frame ? "-?(0x[0-9a-f]+)?\\(%r[sb]p[,)]" : "-?(0x[0-9a-f]+)?\\(%rsp[,)]")) return ""
      return substr($0, RSTART, RLENGTH)
    }
    /^[0-9a-f]+ </ { begin($0); next }
    looked { instruction() }
    END { end(); if (!checked) print "no function matches " inner; printf "%s", spills }') || status=1
  [ -z "$spills" ] || { echo "kernels/$1/$2.cc keeps vectors on the stack:"; head -20 <<<"$spills"; status=1; }
}

# Functions that are inner loops: no vector on the stack at all.
nothing='
  function instruction() { if (slot() != "") spills = spills name ": " $0 "\n" }
  function end() {}'
# Functions around inner loops: none between the target of a jump back and the jump, where products lie between and no
# smaller loop does.
loops='
  function instruction(   at) {
    at = hex(substr($1, 1, length($1) - 1))
    if (slot() != "") touched[at] = $0
    if ($2 == "vpdpbusd") products[at] = 1
    if ($2 ~ /^j/ && $3 ~ /^[0-9a-f]+$/ && hex($3) < at) target[at] = hex($3)
  }
  function hex(text,   i, value) {
    for (i = 1; i <= length(text); ++i) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
    return value
  }
  function end(   jump, other, inmost, at) {
    for (jump in target) {
      inmost = 0
      for (at in products) if (at + 0 >= target[jump] && at + 0 <= jump + 0) inmost = 1
      for (other in target)
        if (other + 0 != jump + 0 && other + 0 <= jump + 0 && target[other] >= target[jump]) inmost = 0
      for (at in touched)
        if (inmost && at + 0 >= target[jump] && at + 0 <= jump + 0) spills = spills name ": " touched[at] "\n"
    }
    delete target; delete touched; delete products
  }'
# Tile kernels with their buffers on the stack: expanded tiles are only written there, stored C only read. A place that
# is written and read as it stands in the instruction is a spill, but for the table of the codes: written once.
buffers='
  function instruction(   at) {
    at = slot()
    if (at == "" || at ~ /,$/) return
    if (index($0, at) + length(at) - 1 == length($0)) { stores[at]++ } else { loads[at]++ }
  }
  function end(   at, tables) {
    for (at in stores)
      if (at in loads && (stores[at] > 1 || ++tables > 1)) spills = spills name ": " at "\n"
    delete stores; delete loads
  }'

for file in linear_bf16 linear_packed_bf16 linear_packed_int8_rows linear_packed_int8_block; do
  check avx512 $file 'PanelRows|LinearBf16Rows|TileDots|BitmapDots|BlockDots' "$nothing"
done
check avx512 gemm 'GemmTile' "$nothing"
check avx512bf16 linear_bf16 'PanelRows|LinearBf16Rows|BitmapDots' "$nothing"
check avx512 linear_packed_int8_stream 'Panel<' "$loops"
check amx linear_packed_block 'ExpandOne|FinishDrain' "$nothing"
check amx linear_packed_block 'AllRows<' "$buffers"
check amx linear_packed_few 'Panels<' "$buffers"
check amx linear_packed_groups 'Unit<|::Drain\\(|ExpandOne' "$nothing"
[ $found = 1 ] || { echo "no linear kernels for AVX-512 in $BUILD_DIR/kernels"; exit 1; }
exit $status
