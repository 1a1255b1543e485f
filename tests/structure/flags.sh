# One binary runs everywhere and gives the same bits: no flag that depends on the machine that builds, or that lets the
# compiler change arithmetic, and no flags set for the whole project.
status=0
files=$(find . -path ./build -prune -o -path ./.git -prune -o \( -name CMakeLists.txt -o -name '*.cmake' -o -name '*.sh' \
  -o -name CMakePresets.json \) -print | grep -v '/tests/structure/')
for flag in '-march=native' '-mtune=native' '-ffast-math' '-Ofast' '-funsafe-math' '-ffp-contract=fast'; do
  # shellcheck disable=SC2086
  grep -nFe "$flag" $files && { echo "the flag $flag is banned"; status=1; }
done
# shellcheck disable=SC2086
if grep -nE '(set|append|APPEND).*CMAKE_(C|CXX)_FLAGS[^_]|add_compile_options|add_definitions|link_libraries\(|include_directories\(' \
    $files | grep -vE 'target_(link_libraries|include_directories)|CMAKE_CXX_FLAGS_DEBUG'; then
  echo "settings belong to targets, so that nothing leaks into a project that has lacuna as a subdirectory"
  status=1
fi
exit $status
