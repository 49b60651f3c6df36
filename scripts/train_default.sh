#!/usr/bin/env bash
# Makes the detector in the box again, or one like it from photographs of your own.
#
#   scripts/train_default.sh [-o OUTPUT] FOLDER [FOLDER]
#
# FOLDER: photographs of real faces, one person each. The detector in the box was made of two folders: some 1100 faces of
# 200 to 400 px, and some 640 portraits of 225 x 275 px. OUTPUT: default weights/mine.safetensors.
#
# 1. Prepares the photographs as they are, and as short moving videos.
# 2. Trains two autoencoders on their faces, which give every face back as counterparts.
# 3. Trains configs/default.json, and for three epochs with three seeds and other shares of what is done to pairs. All hold
#    out the same people.
# 4. Averages the weights after 6, 3, 3 and 3 epochs: further on, all tell pairs better and files of other origins worse.
# 5. Calibrates the average on pairs that training held out and writes it in half precision.
#
# Some three hours on two cores. It may be stopped: what is finished in output/default/ is not done again, and a
# training goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,18s/^# \{0,1\}//p' "$0"; }
output=weights/mine.safetensors
folders=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    -o) [ $# -ge 2 ] || { usage >&2; exit 2; }; output=$2; shift 2 ;;
    -*) echo "train_default: error: unknown option $1" >&2; usage >&2; exit 2 ;;
    *) folders+=("$1"); shift ;;
  esac
done
if [ ${#folders[@]} -lt 1 ] || [ ${#folders[@]} -gt 2 ]; then usage >&2; exit 2; fi
for folder in "${folders[@]}"; do
  [ -d "$folder" ] || { echo "train_default: error: $folder: no such folder" >&2; exit 2; }
done

data=output/default/data
runs=output/default/runs
mkdir -p "$data" "$runs"
[ -x target/release/sbi ] || cargo build --release --bin sbi
sbi=target/release/sbi

# Photographs without a face are named, and do not stop the rest. Finished photographs are not prepared again.
prepare() { "$sbi" preprocess --data-root "$data" --detector retinaface-mnet "$@" || [ $? -eq 1 ]; }

names=(faces portraits)
frames=(3 2)
sets=()
for i in "${!folders[@]}"; do
  prepare -i "${folders[$i]}" -o "${names[$i]}"
  prepare -i "${folders[$i]}" -o "${names[$i]}-video" --as-video -n "${frames[$i]}"
  sets+=(-d "${names[$i]}" -d "${names[$i]}-video")
done

reconstruct() { "$sbi" reconstruct "${sets[@]}" --data-root "$data" --threads 1 "$@"; }
reconstruct -n e --side 128 --up transposed --width 20 --kernel 3 --halvings 2 --bottleneck conv:12 \
  --loss l1-gradient --steps 2500
reconstruct -n f --side 160 --up shuffle --width 16 --kernel 3 --halvings 2 --bottleneck conv:16 --loss l1 --steps 2000

of_one=()
if [ ${#folders[@]} -eq 1 ]; then
  of_one=(--set 'data.sets=[{"name":"faces","weight":0.55},{"name":"faces-video","weight":0.45}]')
fi
# train NAME FLAGS...: a run to its end, or the rest of one.
train() {
  local name=$1 run
  shift
  run=$(find "$runs" -mindepth 1 -maxdepth 1 -type d -name "${name}_default_*" | sort | tail -n 1)
  if [ -n "$run" ] && [ -e "$run/weights/last.tar" ]; then
    "$sbi" train --resume "$run" --data-root "$data"
  else
    "$sbi" train configs/default.json -n "$name" --output "$runs" --data-root "$data" --set keep=14 "${of_one[@]}" "$@"
  fi
}
train long
short=(--set epoch=3 --set data.past=0.3 --set data.light=0.4 --set data.fakes.whole=0.3)
train short "${short[@]}"
train seed12 "${short[@]}" --set seed=12
train seed13 "${short[@]}" --set seed=13

# Files are called EPOCH_AUC_val.tar.
after() { find "$runs" -path "*/$1_default_*/weights/$2_*_val.tar" | sort | tail -n 1; }
average=output/default/average.safetensors
"$sbi" average "$(after long 6)" "$(after short 3)" "$(after seed12 3)" "$(after seed13 3)" -o "$average" --overwrite
"$sbi" calibrate -w "$average" --pairs configs/default.json "${of_one[@]}" --data-root "$data" -o "$output" \
  --inner-control 0.4 --outer-control 0.3 --log-odds --precision f16 --overwrite
