# At -O2 g++ 12 keeps accumulators on the stack, silently 3.6 times slower (DESIGN 7). Kernels that hold everything in
# registers touch no vector on the stack: here the inner functions of the linear kernels.
status=0
found=0
for folder in avx512 avx512bf16; do
  for object in "$BUILD_DIR"/kernels/CMakeFiles/lacuna_kernels_$folder.dir/$folder/linear_{bf16,packed_bf16,packed_int8_rows,packed_int8_block}.cc.o; do
    [ -f "$object" ] || continue
    found=1
    spills=$(objdump -dC --no-show-raw-insn "$object" |
      awk '/^[0-9a-f]+ </ { name = $0 }
           /%zmm/ && /\(%r[sb]p/ && name ~ /PanelRows|LinearBf16Rows|TileDots|BitmapDots|BlockDots/ { print name ": " $0 }')
    [ -z "$spills" ] || { echo "kernels/$folder/$(basename "$object" .o) keeps vectors on the stack:"; echo "$spills"; status=1; }
  done
done
[ $found = 1 ] || { echo "no linear kernels for AVX-512 in $BUILD_DIR/kernels"; exit 1; }
exit $status
