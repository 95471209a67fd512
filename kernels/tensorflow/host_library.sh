#!/usr/bin/env bash
# Lets the addon of tfjs-node or tfjs-node-gpu compute with the TensorFlow of a Python on this machine, a newer one with CUDA 12
# for example, which recent GPUs need:
#
#     export LD_LIBRARY_PATH=$(kernels/tensorflow/host_library.sh FOLDER)
#
# Needs the addon as `npm run setup:tensorflow -- --gpu` builds it, and a Python package tensorflow from 2.15 on (PYTHON names
# the program; default python3). Its C functions are those that the addon was built with. FOLDER gets links under the names
# that the addon looks for; it is printed. The folders of the package's own CUDA libraries, where it has them, follow it.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tfjs-swint
python=${PYTHON:-python3}
fail() { echo "host_library: $1" >&2; exit 1; }
[ $# -eq 1 ] || fail "the argument must be a folder for the links; got $# arguments."
stub=$cache/tensorflow-2.9.1/lib/libstub.so
[ -f "$stub" ] || fail "the addon must be built; $stub is not there (npm run setup:tensorflow -- --gpu)."

# Found without an import, which takes seconds and may fail for reasons that do not matter here.
package=$("$python" -c '
import importlib.util
found = importlib.util.find_spec("tensorflow")
print(found.submodule_search_locations[0] if found and found.submodule_search_locations else "")')
[ -n "$package" ] || fail "$python must have the package tensorflow; it has not ($python -m pip install tensorflow[and-cuda])."
for library in libtensorflow_cc.so.2 libtensorflow_framework.so.2; do
  [ -f "$package/$library" ] || fail "$package must hold $library, as releases from 2.15 on do; it does not."
done

mkdir -p "$1"
folder=$(cd "$1" && pwd)
ln -sf "$stub" "$folder/libstub.so"
ln -sf "$package/libtensorflow_cc.so.2" "$folder/_pywrap_tensorflow_internal.so"
ln -sf "$package/libtensorflow_cc.so.2" "$folder/libtensorflow_cc.so.2"
ln -sf "$package/libtensorflow_framework.so.2" "$folder/libtensorflow_framework.so.2"
for cuda in "$package"/../nvidia/*/lib; do
  [ ! -d "$cuda" ] || folder=$folder:$(cd "$cuda" && pwd)
done
echo "$folder"
