# At -O2 g++ 12 keeps accumulators on the stack, silently 3.6 times slower (DESIGN 7). Kernels that hold everything in
# registers touch no vector on the stack: here the inner functions of the linear kernels, of tiles those that expand and
# drain (the tile buffers themselves lie on the stack). Every object must have such functions, or nothing is checked.
status=0
found=0
check() {  # FOLDER FILE FUNCTIONS
  object=$BUILD_DIR/kernels/CMakeFiles/lacuna_kernels_$1.dir/$1/$2.cc.o
  [ -f "$object" ] || return 0
  found=1
  spills=$(objdump -dC --no-show-raw-insn "$object" |
    awk -v inner="$3" '/^[0-9a-f]+ </ { name = $0; if (name ~ inner) checked = 1 }
         /%zmm/ && /\(%r[sb]p/ && name ~ inner { print name ": " $0 }
         END { if (!checked) print "no function matches " inner }')
  [ -z "$spills" ] || { echo "kernels/$1/$2.cc keeps vectors on the stack:"; echo "$spills"; status=1; }
}
for file in linear_bf16 linear_packed_bf16 linear_packed_int8_rows linear_packed_int8_block; do
  check avx512 $file 'PanelRows|LinearBf16Rows|TileDots|BitmapDots|BlockDots'
done
check avx512bf16 linear_bf16 'PanelRows|LinearBf16Rows|BitmapDots'
check amx linear_packed_block 'ExpandOne|FinishDrain'
[ $found = 1 ] || { echo "no linear kernels for AVX-512 in $BUILD_DIR/kernels"; exit 1; }
exit $status
