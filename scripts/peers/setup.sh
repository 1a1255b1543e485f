#!/bin/sh
# Builds the engines that lacuna is compared with, into an ignored folder; nothing of them is committed.
#
#   scripts/peers/setup.sh [FOLDER]      default build/peers; PEERS_JOBS compiles at once (default: all processors)
#
# llama.cpp: its newest source is in the source distribution of llama-cpp-python on the Python package index. Built with
# GGML_NATIVE, so with AMX, AVX512_BF16 or whatever else this processor has. Only llama-bench is made.
# Python: FOLDER/venv with gguf (writes the model file), numpy and PyTorch; PEERS_PYTHON names an interpreter that has
# numpy and PyTorch already, and then only gguf is added beside it.
# Exit status: 0 all there, 1 something failed.
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$here/build/peers}
jobs=${PEERS_JOBS:-$(nproc)}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
python=${PEERS_PYTHON:-}

if [ -z "$python" ]; then
  [ -x "$folder/venv/bin/python" ] || python3 -m venv "$folder/venv"
  python=$folder/venv/bin/python
  "$python" -c 'import torch, numpy' 2>/dev/null || "$python" -m pip install -q numpy torch
fi
PYTHONPATH=$folder/site "$python" -c 'import gguf' 2>/dev/null ||
  "$python" -m pip install -q --upgrade --no-deps --target "$folder/site" gguf pyyaml tqdm

source=$(ls -d "$folder"/llama_cpp_python-*/vendor/llama.cpp 2>/dev/null | tail -n 1 || true)
if [ -z "$source" ]; then
  "$python" -m pip download -q --no-deps --no-binary llama-cpp-python -d "$folder/download" llama-cpp-python
  tar -xzf "$(ls "$folder"/download/llama_cpp_python-*.tar.gz | tail -n 1)" -C "$folder"
  source=$(ls -d "$folder"/llama_cpp_python-*/vendor/llama.cpp | tail -n 1)
fi

# The AMX source with intrinsics that GCC 12 compiles rightly.
amx=$source/ggml/src/ggml-cpu/amx/mmq.cpp
if [ -f "$amx" ] && ! grep -q gcc_tiles "$amx"; then
  cp "$here/scripts/peers/gcc_tiles.h" "$(dirname "$amx")/gcc_tiles.h"
  sed -i '0,/#include "amx.h"/s//#include "amx.h"\n#include "gcc_tiles.h"/' "$amx"
fi

# Its own version marks are in git, which a source distribution has not: the package's version stands for them.
version=$(basename "$(dirname "$(dirname "$source")")" | sed 's/.*-//')
cmake -S "$source" -B "$folder/llama.cpp" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF \
  -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF \
  -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_WEBUI=OFF \
  -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_NUMBER=0 -DLLAMA_BUILD_COMMIT="llama-cpp-python-$version" >"$folder/cmake.log" 2>&1 ||
  { tail -n 30 "$folder/cmake.log" >&2; exit 1; }
cmake --build "$folder/llama.cpp" --target llama-bench -j "$jobs" >"$folder/build.log" 2>&1 ||
  { tail -n 30 "$folder/build.log" >&2; exit 1; }
echo "$version" >"$folder/llama.cpp/version.txt"
echo "$folder/llama.cpp/bin/llama-bench"
