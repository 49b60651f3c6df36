#!/usr/bin/env bash
# Sets everything up, shows verdicts of the detector in the box, and goes the whole way on a licence-free sample: videos
# -> frames, landmarks and boxes -> a trained detector -> packed faces -> scores and a table. After set-up and build it
# takes a few minutes on two cores.
#
#   scripts/quickstart.sh            the way a new user would take it
#   scripts/quickstart.sh --short    fewer frames, two epochs; what the automatic checks run
#   scripts/quickstart.sh --cpu      like scripts/setup.sh --cpu (likewise --cuda)
set -euo pipefail
cd "$(dirname "$0")/.."

frames=20
short=()
setup_flags=()
for argument in "$@"; do
  case $argument in
    --short) frames=4; short=(--set epoch=2 --set batch_size=8 --set image_size=96) ;;
    --cpu | --cuda) setup_flags+=("$argument") ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart: unknown argument $argument (expected --short, --cpu or --cuda)" >&2; exit 2 ;;
  esac
done
step() { printf '\n== %s\n' "$*"; }

step "Set-up (the first time: some minutes and 2 GB of downloads)"
scripts/setup.sh "${setup_flags[@]+"${setup_flags[@]}"}"

step "Building sbi (the first time: about 6 minutes on 2 cores)"
cargo build --release --bins
sbi=target/release/sbi
sample=data/sample
out=output/quickstart
mkdir -p "$out"
began=$SECONDS

step "Making short videos from one portrait: 4 originals, 16 stand-in fakes by three kinds of blend"
target/release/sample_set "$sample/astronaut.png" "$sample"

videos="$sample/FaceForensics++"
step "Verdicts of the detector in the box: the portrait's video, a self-blended fake of it, a face swap"
"$sbi" infer -n 16 --report "$out/report.html" --json "$out/verdicts.json" \
  -i "$videos/original_sequences/youtube/raw/videos/000.mp4" \
  "$videos/manipulated_sequences/Deepfakes/raw/videos/000_001.mp4" \
  "$videos/manipulated_sequences/FaceSwap/raw/videos/001_000.mp4"

step "Preprocessing: frames, landmarks and boxes of the originals, which training needs"
"$sbi" preprocess -d Original -n "$frames" --data-root "$sample" --detector retinaface-mnet --overwrite

step "Drawing a sheet of self-blended fakes, their masks and what was drawn for them"
"$sbi" preview -d Original -n 6 --data-root "$sample" -o "$out/preview.png"

step "Training a small detector (configs/tiny.json: EG, guided by dlib's face embedding)"
"$sbi" train configs/tiny.json -n quickstart --output "$out/runs" --data-root "$sample" \
  --set data.n_frames="$frames" "${short[@]+"${short[@]}"}"
run=$(ls -td "$out"/runs/*/ | head -n 1)

step "Packing: finding faces and cutting them out"
"$sbi" npy-pack -d FF -n 8 --data-root "$sample" --detector retinaface-mnet --overwrite

step "Scoring the packed set with the last weights"
"$sbi" infer -w "${run}weights/last.tar" -d FF --data-root "$sample" --json "$out/FF.json" --csv "$out/FF.csv"

step "Scoring one video, with a copy that shows faces and scores"
"$sbi" infer -w "${run}weights/last.tar" -n 8 --detector retinaface-mnet --annotate "$out" \
  -i "$videos/manipulated_sequences/Deepfakes/raw/videos/000_001.mp4"

cat <<END

Done in $((SECONDS - began)) seconds. Open this in a browser; it is what a verdict on your own files looks like:
  $out/report.html    verdicts of the detector in the box, with reasons, curves, faces and heat maps
Then look at
  $out/preview.png    what training sees: masks, fakes, residuals
  ${run}curves.png    how it learned
  $out/000_001.mp4    faces and scores drawn in
The detector trained here has seen one face for some minutes: its scores show that the way works, and nothing about
other videos. The detector in the box gives verdicts on your own: $sbi infer VIDEO --report report.html; weights/MODEL_CARD.md says how
good they are. For published accuracy fetch published weights (weights/README.md) and name them with -w.
END
