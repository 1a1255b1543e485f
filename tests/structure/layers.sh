# Includes point down only: a file includes its own folder and folders of a lower level (DESIGN 4), tools and tests
# apart. Folders of one level know nothing of each other.
declare -A level=(
  [base]=0
  [kernels]=1 [threading]=1
  [io]=2
  [tokenizer]=3 [backend]=3
  [weights]=4 [grammar]=4
  [ops]=5
  [model]=6
  [session]=7
  [compress]=8
)
status=0
offence() { echo "$1"; status=1; }

while IFS=: read -r file line text; do
  included=$(sed -E 's/.*"(.*)".*/\1/' <<<"$text")
  case $file in
    src/*) from=${file#src/} from=${from%%/*} ;;
    kernels/*) from=kernels ;;
  esac
  to=${included%%/*}
  [ "$to" = lacuna ] && continue  # public headers: include/lacuna has its own test
  if [ -z "${level[$from]-}" ]; then
    offence "$file: the folder '$from' has no level in tests/structure/layers.sh"
  elif [[ $included != */* ]]; then
    offence "$file:$line: \"$included\" should be named from src/ or the root, as in \"$from/$included\""
  elif [ -z "${level[$to]-}" ]; then
    offence "$file:$line: includes \"$included\", which is in no layer of src/ or kernels/"
  elif [ "$to" != "$from" ] && [ "${level[$to]}" -ge "${level[$from]}" ]; then
    offence "$file:$line: $from (level ${level[$from]}) includes \"$included\" (level ${level[$to]})"
  fi
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' src kernels --include='*.h' --include='*.cc')
exit $status
