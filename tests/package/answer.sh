# answer <program>: the program continues a text with the built-in model; its answer must not be empty.
answer() {
  local text
  text=$("$1" "$SOURCE_DIR/models/demo" "Once upon a time") || { echo "$1 failed"; return 1; }
  [ -n "${text//[[:space:]]/}" ] || { echo "$1 answered nothing"; return 1; }
  echo "$text"
}
