#!/usr/bin/env bash
# Sets everything up and shows the whole way on a licence-free sample: videos -> frames, landmarks and boxes ->
# a sheet of self-blended fakes; videos -> packed faces -> scores.
#
#   scripts/quickstart.sh            the way a new user would take it
#   scripts/quickstart.sh --short    fewer frames; what the automatic checks run
#   scripts/quickstart.sh --cpu      like scripts/setup.sh --cpu (likewise --cuda)
set -euo pipefail
cd "$(dirname "$0")/.."

frames=8
setup_flags=()
for argument in "$@"; do
  case $argument in
    --short) frames=3 ;;
    --cpu | --cuda) setup_flags+=("$argument") ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart: unknown argument $argument (expected --short, --cpu or --cuda)" >&2; exit 2 ;;
  esac
done
step() { printf '\n== %s\n' "$*"; }

step "Set-up (the first time: some minutes and 2 GB of downloads)"
scripts/setup.sh "${setup_flags[@]+"${setup_flags[@]}"}"

step "Building sbi (the first time: about 8 minutes on 2 cores)"
cargo build --release --bin sbi --example sample_set --example make_checkpoint
sbi=target/release/sbi
sample=data/sample
out=output/quickstart
mkdir -p "$out"

step "Making short videos from one portrait: 4 originals, 16 stand-in fakes"
target/release/examples/sample_set "$sample/astronaut.png" "$sample"

step "Preprocessing: frames, landmarks and boxes of the originals, which training needs"
"$sbi" preprocess -d Original -n "$frames" --data-root "$sample" --detector retinaface-mnet --overwrite

step "Drawing a sheet of self-blended fakes, their masks and what was drawn for them"
"$sbi" preview -d Original -n 6 --data-root "$sample" -o "$out/preview.png"

step "Making a detector with untrained weights"
target/release/examples/make_checkpoint sbi "$out/untrained.tar"

step "Packing: finding faces and cutting them out"
"$sbi" npy-pack -d FF -n "$frames" --data-root "$sample" --detector retinaface-mnet --overwrite

step "Scoring the packed set"
"$sbi" infer -w "$out/untrained.tar" -d FF --data-root "$sample" --json "$out/FF.json" --csv "$out/FF.csv"

step "Scoring one video, with a copy that shows faces and scores"
"$sbi" infer -w "$out/untrained.tar" -n "$frames" --detector retinaface-mnet --annotate "$out" \
  -i "$sample/FaceForensics++/manipulated_sequences/Deepfakes/raw/videos/000_001.mp4"

cat <<END

Done. Look at $out/preview.png (what training sees: masks, fakes, residuals), $out/000_001.mp4 (faces and scores drawn in) and $out/FF.json.
These weights are untrained: the scores and the AUC above show that the way works, and mean nothing.
For real verdicts fetch published weights (weights/README.md), then: $sbi infer -w weights/EG-weights.tar -i VIDEO
END
