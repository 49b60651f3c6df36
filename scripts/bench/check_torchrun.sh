#!/usr/bin/env bash
# Whether `sbi train` works under the real torchrun: two processes, one of them killed, a run that goes on by itself; and
# how fast two processes with one thread are against one with two.
#
#   scripts/bench/check_torchrun.sh [FOLDER]
#
# Needs a built sbi and the Python environment of scripts/bench/compare.sh; SBI_BENCH_VENV names another one. FOLDER (a new
# one in /tmp without it) gets the sample, the runs and their logs.
set -euo pipefail
cd "$(dirname "$0")/../.."
die() { printf 'check_torchrun: error: %s\n' "$*" >&2; exit 1; }

CACHE=${SBI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sbi}
python=${SBI_BENCH_VENV:-$CACHE/bench-venv}/bin/python
[ -x "$python" ] || die "$python is not there: scripts/bench/compare.sh makes it"
sbi=$PWD/target/release/sbi
[ -x "$sbi" ] || die "$sbi is not there: cargo build --release"
folder=${1:-$(mktemp -d)}
mkdir -p "$folder/sample"
cp data/sample/astronaut.png "$folder/sample/"
target/release/sample_set "$folder/sample/astronaut.png" "$folder/sample" >/dev/null
"$sbi" preprocess -q -d Original -n 24 --data-root "$folder/sample" --detector retinaface-mnet --overwrite >/dev/null

run() { # CONFIG NAME EPOCHS [more options]
  local config=$1 name=$2 epochs=$3
  shift 3
  train=(train "configs/$config.json" -n "$name" --output "$folder/runs" --data-root "$folder/sample" -q
    --set data.n_frames=24 --set epoch="$epochs" --set val_every="$epochs" "$@")
}
torchrun() { "$python" -m torch.distributed.run --no-python --standalone --nproc-per-node 2 "$@"; }
metrics() { cat "$folder/runs/$1"_*/logs/metrics.jsonl; }
epochs() { metrics "$1" 2>/dev/null | wc -l; }

# ---- a process that is killed ------------------------------------------------------------------------------
run tiny killed 6
torchrun --max-restarts 2 "$sbi" "${train[@]}" >"$folder/killed.log" 2>&1 &
launcher=$!
until [ "$(epochs killed)" -ge 2 ]; do
  kill -0 "$launcher" 2>/dev/null || die "it ended before two epochs: $folder/killed.log"
  sleep 0.1
done
# The youngest of the program's processes, which torchrun started last.
victim=$(pgrep -n -f "$sbi train configs/tiny.json -n killed")
kill -KILL "$victim"
began=$SECONDS
wait "$launcher" || die "torchrun gave up: $folder/killed.log"
printf 'one of two processes killed in epoch 3 of 6: %s epochs complete %s s later, in %s run\n' "$(epochs killed)" \
  "$((SECONDS - began))" "$(find "$folder/runs" -maxdepth 1 -name 'killed_*' | wc -l)"
[ "$(epochs killed)" -eq 6 ] || die "not all epochs are there: $folder/killed.log"

# ---- speed ---------------------------------------------------------------------------------------------------
for backbone in efficientnet-lite0 efficientnet-b0; do
  init=null
  [ $backbone = efficientnet-lite0 ] && init=efficientnet-lite0-imagenet.pth
  options=(--set "backbone=$backbone" --set "init=$init" --set image_size=224)
  for way in one two; do
    run sbi "$way-$backbone" 3 "${options[@]}"
    if [ $way = one ]; then "$sbi" "${train[@]}" --threads 2 >"$folder/$way-$backbone.log" 2>&1
    else torchrun "$sbi" "${train[@]}" >"$folder/$way-$backbone.log" 2>&1; fi
    printf '%s, %s process(es): ' "$backbone" "$way"
    metrics "$way-$backbone" | "$python" -c 'import json, sys
lines = [json.loads(line) for line in sys.stdin]
told = lambda key, form: ", ".join(form % line[key] for line in lines)
print(told("pairs_per_second", "%.2f"), "pairs a second; losses", told("train_loss", "%.7f"))'
  done
done
