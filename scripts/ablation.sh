#!/usr/bin/env bash
# What EG's parts bring: trains SBI, SBI with the residual's head, and EG with its guide, on the same frames, seed and
# budget, and prints a Markdown table of validation AUC (self-blended pairs of held-out videos) and of the AUC on a test
# set, each with its 95 % interval.
#
#   scripts/ablation.sh [--config FILE] [--data-root DIR] [--test SET] [--seeds "5 6"] [-- TRAIN FLAGS]
#
# Defaults: configs/tiny.json on the quick start's sample (run scripts/quickstart.sh first), test set FF, seed 5.
# What comes after -- goes to `sbi train`, such as --set data.compression=c23.
set -euo pipefail
cd "$(dirname "$0")/.."

config=configs/tiny.json root=data/sample test=FF seeds=5
die() { printf 'ablation: error: %s\n' "$*" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --config | --data-root | --test | --seeds) [ $# -gt 1 ] || die "$1 needs a value" ;;&
    --config) config=$2; shift 2 ;;
    --data-root) root=$2; shift 2 ;;
    --test) test=$2; shift 2 ;;
    --seeds) seeds=$2; shift 2 ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --) shift; break ;;
    *) die "unknown argument $1 (see --help)" ;;
  esac
done
[ -x target/release/sbi ] || cargo build --release --bin sbi
sbi=target/release/sbi
out=$(mktemp -d "${TMPDIR:-/tmp}/sbi-ablation.XXXXXX")
trap 'rm -rf "$out"' EXIT

# name, then what it changes.
variants=(
  "SBI|--set method=sbi"
  "+ residual|--set method=eg --set guide.loss_weights.rc=0 --set guide.loss_weights.distill=0"
  "+ guide (EG)|--set method=eg"
)
for seed in $seeds; do
  for number in "${!variants[@]}"; do
    IFS='|' read -r name flags <<<"${variants[$number]}"
    place=$out/$seed-$number
    printf 'ablation: seed %s, %s\n' "$seed" "$name" >&2
    # shellcheck disable=SC2086
    "$sbi" train "$config" -q -n run --output "$place" --data-root "$root" --set seed="$seed" $flags "$@" >&2
    "$sbi" infer -q -w "$place"/*/weights/last.tar -d "$test" --data-root "$root" --json "$place/test.json" >&2
    printf '%s\n' "$name" >"$place/name"
  done
done

python3 - "$out" <<'PY'
import glob, json, os, sys

def shown(auc, interval):
    if auc is None:
        return "-"
    low, high = interval or (None, None)
    return f"{auc:.3f}" + (f" ({low:.3f} to {high:.3f})" if low is not None else "")

print("| method | seed | validation AUC, pairs of held-out videos | test AUC, videos | test AUC, frames | seconds |")
print("| --- | --- | --- | --- | --- | --- |")
for place in sorted(glob.glob(sys.argv[1] + "/*")):
    name = open(os.path.join(place, "name")).read().strip()
    (log,) = glob.glob(os.path.join(place, "*/logs/metrics.jsonl"))
    epochs = [json.loads(line) for line in open(log)]
    last = [epoch for epoch in epochs if epoch["val_auc"] is not None][-1]
    test = json.load(open(os.path.join(place, "test.json")))["metrics"]
    seed = os.path.basename(place).split("-")[0]
    print("|", " | ".join([
        name, seed, shown(last["val_auc"], last["val_auc_ci95"]),
        shown(test["video_auc"], test["video_auc_ci95"]), f"{test['frame_auc']:.3f}",
        f"{sum(epoch['seconds'] for epoch in epochs):.0f}",
    ]), "|")
PY
