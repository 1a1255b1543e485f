#!/bin/sh
# Builds the engines that lacuna is compared with, into an ignored folder; nothing of them is committed.
#
#   scripts/peers/setup.sh [FOLDER] [ENGINE..]      default build/peers and all engines: llama.cpp ik_llama.cpp openvino
#
# PEERS_JOBS compiles at once (default: all processors). All comes from the Python package index:
# llama.cpp: its newest source is in the source distribution of llama-cpp-python; ik_llama.cpp: of ik-llama-cpp-python.
#   Both are built with GGML_NATIVE, so with AMX, AVX512_BF16 or whatever else this processor has. Only llama-bench is made.
# openvino: FOLDER/openvino, an environment with openvino-genai, and optimum-intel and nncf, which make its models.
# Python: FOLDER/venv with gguf (writes the model file), numpy and PyTorch; PEERS_PYTHON names an interpreter that has
#   numpy and PyTorch already, and then only what it lacks is added beside it.
# Exit status: 0 all there, 1 something failed, 2 an engine that is unknown.
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$here/build/peers}
[ $# -gt 0 ] && shift
engines=${*:-llama.cpp ik_llama.cpp openvino}
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

# unpack PACKAGE NAME: the newest source distribution's vendor/NAME, whose path is printed.
unpack() {
  stem=$(echo "$1" | tr - _)
  [ -n "$(ls -d "$folder/$stem"-*/vendor/"$2" 2>/dev/null)" ] || {
    "$python" -m pip download -q --no-deps --no-binary "$1" -d "$folder/download" "$1" >&2
    tar -xzf "$(ls "$folder/download/$stem"-*.tar.gz | tail -n 1)" -C "$folder"
  }
  ls -d "$folder/$stem"-*/vendor/"$2" | tail -n 1
}

# build SOURCE NAME FLAG..: NAME/bin/llama-bench. Version marks are in git, which a source distribution has not: the
# package's version stands for them.
build() {
  source=$1 name=$2
  shift 2
  cmake -S "$source" -B "$folder/$name" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF \
    -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF "$@" >"$folder/$name-cmake.log" 2>&1 ||
    { tail -n 30 "$folder/$name-cmake.log" >&2; exit 1; }
  cmake --build "$folder/$name" --target llama-bench -j "$jobs" >"$folder/$name-build.log" 2>&1 ||
    { tail -n 30 "$folder/$name-build.log" >&2; exit 1; }
  basename "$(dirname "$(dirname "$source")")" | sed 's/-\([^-]*\)$/ \1/; s/_/-/g' >"$folder/$name/version.txt"
  echo "$folder/$name/bin/llama-bench"
}

for engine in $engines; do
  case $engine in
    llama.cpp)
      source=$(unpack llama-cpp-python llama.cpp)
      # The AMX source with intrinsics that GCC 12 compiles rightly.
      amx=$source/ggml/src/ggml-cpu/amx/mmq.cpp
      if [ -f "$amx" ] && ! grep -q gcc_tiles "$amx"; then
        cp "$here/scripts/peers/gcc_tiles.h" "$(dirname "$amx")/gcc_tiles.h"
        sed -i '0,/#include "amx.h"/s//#include "amx.h"\n#include "gcc_tiles.h"/' "$amx"
      fi
      build "$source" llama.cpp -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF \
        -DLLAMA_BUILD_WEBUI=OFF -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_NUMBER=0 -DLLAMA_BUILD_COMMIT=package
      ;;
    ik_llama.cpp)
      source=$(unpack ik-llama-cpp-python ik_llama.cpp)
      # The package (0.1.5) lacks the file that fills in the version marks, which have no git here anyway.
      marks=$source/common/cmake/build-info-gen-cpp.cmake
      if [ ! -f "$marks" ]; then
        mkdir -p "$(dirname "$marks")"
        printf 'set(BUILD_NUMBER 0)\nset(BUILD_COMMIT package)\nset(BUILD_COMPILER unknown)\nset(BUILD_TARGET unknown)\n%s\n' \
          'configure_file(common/build-info.cpp.in "${CMAKE_CURRENT_LIST_DIR}/../build-info.cpp")' >"$marks"
      fi
      # Attention over every pair of cache types takes long to compile, and f16, the default, is not among them.
      build "$source" ik_llama.cpp -DGGML_IQK_FA_ALL_QUANTS=OFF
      ;;
    openvino)
      environment=$folder/openvino
      if [ ! -x "$environment/bin/python" ]; then
        "$python" -m venv "$environment"
        # PyTorch is large: what the interpreter has is seen from here too.
        "$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
          >"$("$environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/base.pth"
      fi
      "$environment/bin/python" -c 'import openvino_genai, optimum.intel' 2>/dev/null ||
        "$environment/bin/python" -m pip install -q 'optimum-intel[openvino]' openvino-genai
      echo "$environment/bin/python"
      ;;
    *)
      echo "no engine '$engine': llama.cpp, ik_llama.cpp or openvino" >&2
      exit 2
      ;;
  esac
done
