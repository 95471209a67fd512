#!/usr/bin/env bash
# Installs @tensorflow/tfjs-node into a folder with node_modules, from packages of npm and PyPI alone:
#
#     npm run setup:tensorflow -- [--gpu] [--cache FOLDER] [FOLDER]
#
# tfjs-node's own install script downloads TensorFlow's C library from elsewhere. The same C functions are in the Python
# wheel of TensorFlow, so the addon is compiled here against that. Needs Linux on x64, python3 with pip, g++ and readelf.
#
#   --gpu           installs @tensorflow/tfjs-node-gpu, on the same library; it computes on the CPU
#   --cache FOLDER  keeps the library (500 MB); default ~/.cache/tfjs-swint. The addon loads it from there.
#   FOLDER          where node_modules is; default this repository
set -euo pipefail
name=tfjs-node
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tfjs-swint
folder=$(dirname "$0")/../..
version=2.9.1 # The release that tfjs-node 4.22 is made for.
fail() { echo "setup:tensorflow: $1" >&2; exit 1; }
while [ $# -gt 0 ]; do
  case $1 in
    --gpu) name=tfjs-node-gpu ;;
    --cache) cache=${2:?--cache must be followed by a folder}; shift ;;
    -*) fail "the options must be --gpu and --cache FOLDER; got $1." ;;
    *) folder=$1 ;;
  esac
  shift
done

[ "$(uname -sm)" = 'Linux x86_64' ] || fail "the machine must be Linux x86_64; got $(uname -sm) (npm install @tensorflow/$name)."
for tool in python3 g++ readelf; do
  command -v "$tool" >/dev/null || fail "$tool must be installed; it is not."
done
python3 -m pip --version >/dev/null 2>&1 || fail 'python3 must have pip; it has none.'
[ -d "$folder" ] || fail "the folder must exist; $folder does not."
folder=$(cd "$folder" && pwd)
mkdir -p "$cache"
library=$(cd "$cache" && pwd)/tensorflow-$version

# The C library and its headers, and those of Node's addons. A folder of its own that gets its name once it is whole.
download() (
  into=$(mktemp -d "$library.XXXXXX")
  trap 'rm -rf "$into"' EXIT
  python3 -m pip download -q --no-deps --only-binary=:all: --python-version 310 --implementation cp \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 -d "$into" "tensorflow-cpu==$version"
  (cd "$into" && npm pack --silent --pack-destination . node-api-headers@1 >/dev/null && tar xzf node-api-headers-*.tgz)
  python3 - "$into" <<'PY'
import glob, os, shutil, sys, zipfile
into = sys.argv[1]
os.mkdir(f'{into}/lib')
libraries = 'tensorflow/libtensorflow_framework.so.2', 'tensorflow/python/_pywrap_tensorflow_internal.so'
headers = 'tensorflow/include/tensorflow/c/', 'tensorflow/include/tensorflow/core/platform/'
wheel = glob.glob(f'{into}/*.whl')[0]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name in libraries:
            with archive.open(name) as source, open(f'{into}/lib/{os.path.basename(name)}', 'wb') as target:
                shutil.copyfileobj(source, target, 1 << 20)
        elif name.startswith(headers):
            archive.extract(name, into)
os.remove(wheel)
PY
  # The library names functions and objects of CPython, which its C functions never use: stubs stand for them.
  LC_ALL=C readelf -r --wide "$into/lib/_pywrap_tensorflow_internal.so" | awk '
    $5 ~ /^_?Py/ { if ($3 ~ /JUMP_SLO/) functions[$5]; else objects[$5] }
    END {
      for (s in objects) { print "char " s "[4096];"; delete functions[s] }
      for (s in functions) print "void " s "(void) { __builtin_trap(); }"
    }' > "$into/stub.c"
  gcc -shared -fPIC -w -fno-builtin -Wl,-soname,libstub.so -o "$into/lib/libstub.so" "$into/stub.c"
  chmod 755 "$into"
  mv -T "$into" "$library" 2>/dev/null || [ -d "$library" ] # Another run may have been faster.
)
[ -d "$library" ] || download

cd "$folder"
# As a dev dependency: npm installs nothing for the name of an optional peer. Without the script that downloads.
npm install --ignore-scripts --no-save --save-dev --no-audit --no-fund "@tensorflow/$name@4.22.0"
root=$folder/node_modules/@tensorflow/$name
[ -d "$root" ] || fail "npm must install @tensorflow/$name into $folder/node_modules; it did not."
mkdir -p "$root/lib/napi-v8"
g++ -std=c++14 -O2 -fPIC -shared -w -DNAPI_VERSION=8 -DNODE_GYP_MODULE_NAME=tfjs_binding -DBUILDING_NODE_EXTENSION \
  -I"$library/package/include" -I"$library/tensorflow/include" "$root"/binding/*.cc \
  -o "$root/lib/napi-v8/tfjs_binding.node" -L"$library/lib" -Wl,--no-as-needed -lstub \
  -l:_pywrap_tensorflow_internal.so -l:libtensorflow_framework.so.2 -Wl,-rpath,"$library/lib"

node -e "
  const util = require('util'); // Node 23 removed what tfjs-node calls.
  util.isNullOrUndefined ??= (value) => value === undefined || value === null;
  util.isArray ??= Array.isArray;
  const tf = require('@tensorflow/$name');
  const [two] = tf.matMul([[1, 1]], [[1], [1]]).dataSync();
  if (tf.getBackend() !== 'tensorflow' || two !== 2) throw new Error('it computes ' + two + ' on ' + tf.getBackend());
  console.log('@tensorflow/$name computes, with TensorFlow ' + tf.backend().binding.TF_Version + '.');"
