#!/usr/bin/env bash
# What parts of a training bring: trains variants of a configuration on the same frames, seed and budget, and prints a
# Markdown table of validation AUC (pairs of held-out videos) and of the AUC on a test set, each with its 95 % interval.
#
#   scripts/ablation.sh [--variants FILE] [--config FILE] [--data-root DIR] [--test SET | --labels CSV]
#                       [--frames N] [--seeds "5 6"] [--keep DIR] [-- TRAIN FLAGS]
#
# A variant is a line `name|flags for sbi train`; without --variants: SBI, SBI with the residual's head, and EG with its
# guide. scripts/ablations/default.txt has those of the detector in the box. Defaults: configs/tiny.json on the quick
# start's sample (run scripts/quickstart.sh first), test set FF, seed 5. With --labels the files that the table names
# are the test set, and kinds of forgery, sources and pairs have columns of their own. --keep: runs and scores stay in
# DIR, and those that are there are not made again. What comes after -- goes to every training.
set -euo pipefail
cd "$(dirname "$0")/.."

config=configs/tiny.json root=data/sample test=FF labels= frames=32 seeds=5 variants= out=
die() { printf 'ablation: error: %s\n' "$*" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --variants | --config | --data-root | --test | --labels | --frames | --seeds | --keep)
      [ $# -gt 1 ] || die "$1 needs a value" ;;&
    --variants) variants=$2; shift 2 ;;
    --config) config=$2; shift 2 ;;
    --data-root) root=$2; shift 2 ;;
    --test) test=$2; shift 2 ;;
    --labels) labels=$2; shift 2 ;;
    --frames) frames=$2; shift 2 ;;
    --seeds) seeds=$2; shift 2 ;;
    --keep) out=$2; shift 2 ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --) shift; break ;;
    *) die "unknown argument $1 (see --help)" ;;
  esac
done
[ -x target/release/sbi ] || cargo build --release --bin sbi
sbi=target/release/sbi
if [ -z "$out" ]; then
  out=$(mktemp -d "${TMPDIR:-/tmp}/sbi-ablation.XXXXXX")
  trap 'rm -rf "$out"' EXIT
fi
of_method='SBI|--set method=sbi
+ residual|--set method=eg --set guide.loss_weights.rc=0 --set guide.loss_weights.distill=0
+ guide (EG)|--set method=eg'
mapfile -t lines < <(if [ -n "$variants" ]; then grep -v -e '^#' -e '^$' "$variants"; else echo "$of_method"; fi)
if [ -n "$labels" ]; then source=(--labels "$labels"); else source=(-d "$test"); fi

for seed in $seeds; do
  for number in "${!lines[@]}"; do
    IFS='|' read -r name flags <<<"${lines[$number]}"
    place=$out/$seed-$(printf '%02d' "$number")
    mkdir -p "$place"
    printf '%s\n' "$name" >"$place/name"
    [ -e "$place/test.json" ] && continue
    printf 'ablation: seed %s, %s\n' "$seed" "$name" >&2
    # Flags are words; a value with blanks has no place in them.
    read -r -a words <<<"$flags"
    run=$(find "$place" -maxdepth 1 -type d -name 'run_*' | head -n 1)
    if [ -n "$run" ]; then
      "$sbi" train --resume "$run" -q --data-root "$root" >&2
    else
      "$sbi" train "$config" -q -n run --output "$place" --data-root "$root" --set seed="$seed" "${words[@]}" "$@" >&2
    fi
    # Unreadable files are named and do not stop the rest.
    "$sbi" infer -q -w "$place"/run_*/weights/last.tar "${source[@]}" -n "$frames" --data-root "$root" \
      --json "$place/test.json" >&2 || [ $? -eq 1 ]
  done
done

python3 - "$out" <<'PY'
import glob, json, os, sys

def shown(value, interval):
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")

rows = []
for place in sorted(glob.glob(sys.argv[1] + "/*-*")):
    (log,) = glob.glob(os.path.join(place, "run_*/logs/metrics.jsonl"))
    epochs = [json.loads(line) for line in open(log)]
    last = [epoch for epoch in epochs if epoch["val_auc"] is not None][-1]
    rows.append({
        "name": open(os.path.join(place, "name")).read().strip(),
        "seed": os.path.basename(place).split("-")[0],
        "val": shown(last["val_auc"], last["val_auc_ci95"]),
        "seconds": sum(epoch["seconds"] for epoch in epochs),
        "test": json.load(open(os.path.join(place, "test.json")))["metrics"],
    })
groups = list(dict.fromkeys(name for row in rows for name in row["test"].get("groups", {})))
pairs = any(row["test"].get("pairs") for row in rows)
head = ["variant", "seed", "validation AUC, held-out pairs", "test AUC, videos", "test AUC, frames"]
head += ["above its original"] * pairs + [f"AUC {group}" for group in groups] + ["seconds"]
print("| " + " | ".join(head) + " |")
print("| " + " | ".join(["---"] * len(head)) + " |")
for row in rows:
    test = row["test"]
    cells = [row["name"], row["seed"], row["val"], shown(test["video_auc"], test["video_auc_ci95"])]
    cells.append(shown(test["frame_auc"], None))
    if pairs:
        pair = test.get("pairs") or {}
        cells.append(shown(pair.get("above"), pair.get("above_ci95")))
    for group in groups:
        found = test.get("groups", {}).get(group, {})
        cells.append(shown(found.get("video_auc"), found.get("video_auc_ci95")))
    print("| " + " | ".join(cells + [f"{row['seconds']:.0f}"]) + " |")
PY
