#!/bin/sh
# Turns // comments of a header into Doxygen's: a line of its own into ///, one behind a declaration into ///<. The head of
# a file, before #pragma once, is the file's.
case $1 in *_c.h) exec cat "$1" ;; esac
awk '
  !once && /^\/\// { if (!head++) print "/// @file"; sub(/^\/\//, "///"); print; next }
  /^#pragma once/ { once = 1 }
  /^ *\/\/ / { sub(/\/\/ /, "/// "); behind = 0; print; next }
  /[;,{] +\/\/ / && !/^ *\/\// && !/NOLINT/ { sub(/\/\/ /, "///< ") }
  { print }
' "$1"
