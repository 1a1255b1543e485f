# Public headers need nothing but the standard library and each other, and each compiles alone, without warnings.
status=0
headers=$(cd include && ls lacuna/*.h)
[ -n "$headers" ] || { echo "no headers in include/lacuna"; exit 1; }

# Standard headers have neither a path nor, except C's own, an ending.
grep -nE '#[[:space:]]*include' include/lacuna/*.h |
  grep -vE 'include[[:space:]]+"lacuna/[a-z_]+\.h"|include[[:space:]]+<[a-z_0-9]+>|include[[:space:]]+<(stdint|stddef|stdbool)\.h>' && {
  echo "public headers include standard headers and \"lacuna/...\" only"
  status=1
}
for header in $headers; do
  if [[ $header == *_c.h ]]; then
    compile=("$CC" -x c -std=c11)
  else
    compile=("$CXX" -x c++ -std=c++20)
  fi
  "${compile[@]}" -Wall -Wextra -Werror -fsyntax-only -Iinclude - <<<"#include \"$header\"" ||
    { echo "$header does not compile alone"; status=1; }
done
exit $status
