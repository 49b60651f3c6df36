#!/usr/bin/env bash
# Makes the detector in the box again, or one like it from photographs of your own.
#
#   scripts/train_default.sh FOLDER [OUTPUT]     photographs of real faces -> OUTPUT (default: weights/mine.safetensors)
#
# Prepares the photographs as the set "portraits", trains configs/default.json with both methods and two seeds each,
# takes the run with the best validation AUC (fresh self-blended pairs of held-out photographs), calibrates it on those
# pairs and writes it in half precision. One to two hours on two cores. It may be stopped: finished runs are kept in
# output/default/ and not done again.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  '' | -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; [ -n "${1:-}" ] && exit 0 || exit 2 ;;
esac
photos=$1
output=${2:-weights/mine.safetensors}
data=output/default/data
runs=output/default/runs
[ -d "$photos" ] || { echo "train_default: error: $photos: no such folder" >&2; exit 2; }

mkdir -p "$runs"
[ -x target/release/sbi ] || cargo build --release --bin sbi
sbi=target/release/sbi
# Photographs without a face are named, and do not stop the rest.
"$sbi" preprocess -i "$photos" -o portraits --data-root "$data" --detector retinaface-mnet || [ $? -eq 1 ]

for method in sbi eg; do
  for seed in 1 2; do
    name=$method$seed
    run=$(find "$runs" -maxdepth 1 -type d -name "${name}_default_*" 2>/dev/null | sort | tail -n 1)
    if [ -n "$run" ] && [ -e "$run/weights/last.tar" ]; then
      "$sbi" train --resume "$run" --data-root "$data"
    else
      "$sbi" train configs/default.json -n "$name" --output "$runs" --data-root "$data" \
        --set method=$method --set seed=$seed
    fi
  done
done

# Files are called EPOCH_AUC_val.tar.
best=$(find "$runs" -name '*_val.tar' | sed 's|.*/[0-9]*_\([0-9.]*\)_val\.tar$|\1 &|' | sort -rn | head -n 1 | cut -d' ' -f2)
seed=$(basename "$(dirname "$(dirname "$best")")" | sed 's/^[a-z]*\([0-9]*\)_.*/\1/')
echo "best: $best"
"$sbi" calibrate -w "$best" --pairs configs/default.json --set seed="$seed" --data-root "$data" -o "$output" \
  --precision f16 --overwrite
