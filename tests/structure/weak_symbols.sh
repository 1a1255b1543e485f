# Objects compiled for a newer instruction set define no weak symbol: of a COMDAT function that several objects carry
# the linker keeps one copy for everybody, and if it is the AVX-512 one, older machines die far from here.
status=0
found=0
for folder in ref simd avx512 avx512bf16 amx; do
  objects=$BUILD_DIR/kernels/CMakeFiles/lacuna_kernels_$folder.dir
  [ -d "$objects" ] || continue
  while IFS= read -r object; do
    found=1
    weak=$("$NM" --defined-only "$object" | grep -E ' [WVu] ')
    [ -z "$weak" ] || { echo "kernels/$folder/$(basename "$object" .o) defines weak symbols:"; c++filt <<<"$weak"; status=1; }
  done < <(find "$objects" -name '*.o')
done
[ $found = 1 ] || { echo "no kernel objects in $BUILD_DIR/kernels"; exit 1; }
exit $status
