# The public headers' documentation builds without a warning, and says what the headers say.
command -v doxygen >/dev/null || { echo "no doxygen here"; exit 77; }
out=$BUILD_DIR/doxygen-test
rm -rf "$out" && mkdir -p "$out"
{ cat docs/Doxyfile; echo "OUTPUT_DIRECTORY = $out"; } | doxygen - || { echo "doxygen warns"; exit 1; }
grep -q "A token there c times" "$out/html/structlacuna_1_1SamplingParams.html" || { echo "the filter lost the comments"; exit 1; }
grep -q "LACUNA_FINISH_LENGTH" "$out/html/lacuna__c_8h.html" || { echo "lacuna_c.h has no page"; exit 1; }
