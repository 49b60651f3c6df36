#!/usr/bin/env bash
# Puts the program, every library that it needs and its default weights into one folder, which runs on any Linux on x86-64
# with the same or a newer glibc, without set-up and from any place.
#
#   scripts/bundle.sh                   target/sbi-VERSION-linux-x86_64/
#   scripts/bundle.sh --output FOLDER   another folder, which must not exist
#   scripts/bundle.sh --archive         and FOLDER.tar.gz
#   scripts/bundle.sh --check           and a run of it where there is nothing but glibc and the bundle
#   scripts/bundle.sh --landmarks       with the landmark model, which preprocess needs (95 MB)
#
# scripts/setup.sh --cpu comes first: a bundle is for the CPU.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'bundle: %s\n' "$*" >&2; }
die() { printf 'bundle: error: %s\n' "$*" >&2; exit 1; }

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
output=target/sbi-$version-linux-x86_64
archive='' check='' landmarks='' built=''
while [ $# -gt 0 ]; do
  case $1 in
    --output) output=${2:?--output needs a folder}; shift ;;
    --archive) archive=yes ;;
    --check) check=yes ;;
    --landmarks) landmarks=yes ;;
    # A program that is there already; tests give theirs.
    --program) built=${2:?--program needs a file}; shift ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown argument $1" ;;
  esac
  shift
done
[ ! -e "$output" ] || die "$output exists already"
for tool in patchelf strip ldd; do command -v $tool >/dev/null || die "$tool was not found: scripts/setup.sh installs it"; done
libtorch=$(sed -n 's/^LIBTORCH = "\(.*\)"/\1/p' .cargo/config.toml 2>/dev/null) || true
[ -n "$libtorch" ] || die "libtorch was not found: scripts/setup.sh --cpu comes first"
case $libtorch in *-cpu) ;; *) die "$libtorch is not for the CPU: scripts/setup.sh --cpu sets that up" ;; esac

if [ -z "$built" ]; then
  cargo build --release --bin sbi
  built=${CARGO_TARGET_DIR:-target}/release/sbi
fi
mkdir -p "$(dirname "$output")"
# Under another name until it is whole.
work=$(mktemp -d "$(dirname "$output")/.tmp-bundle-XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/bin" "$work/lib" "$work/licences"
cp "$built" "$work/bin/sbi"

# ---- libraries ------------------------------------------------------------------------------------------
# glibc's own stay those of the machine: they go with its kernel and its loader.
of_glibc='^(linux-vdso|ld-linux-x86-64|libc|libm|libdl|librt|libpthread|libutil|libresolv|libmvec|libanl|libnsl|libBrokenLocale|libnss_.*)\.so'
# FFmpeg and libheif are opened when they are needed, so that the program itself does not name them.
opened=()
for name in libavformat libavcodec libavutil libswscale libheif; do
  path=$(ldconfig -p | awk -v name="$name.so." 'index($1, name) == 1 && !found { print $NF; found = 1 }')
  [ -n "$path" ] || die "$name was not found"
  opened+=("$path")
done
ldd "$built" "${opened[@]}" | awk '/=> \// { print $1, $3 }' | sort -u | while read -r name path; do
  if ! [[ $name =~ $of_glibc ]]; then cp -L "$path" "$work/lib/$name"; fi
done
for path in "${opened[@]}"; do cp -L "$path" "$work/lib/$(basename "$path")"; done
if ldd "$built" "${opened[@]}" | grep 'not found'; then die "libraries are missing, see above"; fi
# Everything looks beside itself first; what a library says of the machine that it was built on goes.
chmod u+w "$work"/lib/*
strip --strip-unneeded "$work"/lib/* 2>/dev/null || say "some libraries cannot be stripped"
strip "$work/bin/sbi"
for library in "$work"/lib/*; do patchelf --force-rpath --set-rpath '$ORIGIN' "$library"; done
patchelf --force-rpath --set-rpath '$ORIGIN/../lib' "$work/bin/sbi"

# ---- weights, examples ----------------------------------------------------------------------------------
mkdir "$work/weights"
cp -L weights/default.safetensors weights/MODEL_CARD.md weights/README.md "$work/weights/"
for name in retinaface_mnet025.safetensors dlib_face_recognition_resnet_model_v1.dat ${landmarks:+shape_predictor_68_face_landmarks.dat}; do
  [ -e "weights/$name" ] || die "weights/$name is missing: scripts/setup.sh places it"
  cp -L "weights/$name" "$work/weights/"
done
cp -r configs "$work/configs"
mkdir "$work/examples"
cp -r examples/slurm "$work/examples/slurm"

# ---- licences -------------------------------------------------------------------------------------------
cp LICENSE "$work/licences/sbi"
for path in "${opened[@]}" $(ldd "$built" "${opened[@]}" | awk '/=> \// { print $3 }' | sort -u); do
  # /lib is a link to /usr/lib; packages name one of them.
  real=$(readlink -f "$path")
  package=$(dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null || true)
  package=${package%%:*}
  if [ -n "$package" ] && [ -e "/usr/share/doc/$package/copyright" ]; then
    cp -L "/usr/share/doc/$package/copyright" "$work/licences/debian-$package"
  fi
done
site=$(dirname "$(dirname "$(dirname "$(readlink -f "$libtorch/lib/libtorch_cpu.so")")")")
for info in "$site"/torch-*.dist-info "$site"/nvidia_*.dist-info; do
  name=$(basename "$info" .dist-info)
  if [ -d "$info/licenses" ]; then
    find "$info/licenses" -type f -print0 | sort -z | xargs -0 cat >"$work/licences/wheel-$name"
  fi
done
cargo metadata --format-version 1 --filter-platform x86_64-unknown-linux-gnu --locked 2>/dev/null | python3 -c '
import glob, json, os, sys
packages = json.load(sys.stdin)["packages"]
for package in sorted(packages, key=lambda p: (p["name"], p["version"])):
    if package["source"] is None:
        continue
    print("=" * 100)
    print(package["name"], package["version"], "-", package["license"] or "see below")
    folder = os.path.dirname(package["manifest_path"])
    for path in sorted(glob.glob(folder + "/LICEN[CS]E*") + glob.glob(folder + "/COPYING*")):
        if os.path.isfile(path):
            print("-" * 100)
            print(open(path, errors="replace").read())
' >"$work/licences/rust-crates"

cat >"$work/README" <<TEXT
sbi $version, with everything that it needs, for Linux on x86-64 with glibc $(ldd --version | sed -n '1s/.* //p') or newer. No set-up:

  bin/sbi infer video.mp4
  bin/sbi doctor

It may lie anywhere and be linked to from anywhere; keep bin/, lib/ and weights/ together. Other weights go into weights/.
examples/slurm/ has jobs for clusters, configs/ has configurations for training.

licences/ has the terms of everything here. The program is MIT or Apache-2.0. Debian's FFmpeg is built with GPL parts (x264,
x265), which are in lib/: whoever passes the bundle on passes these on under the GPL, and owes their source, which is that of
Debian's packages of the same names. libcudart and libcupti are NVIDIA's, under the terms of the CUDA toolkit; libtorch for
the CPU is linked to them and calls neither.
TEXT
mv "$work" "$output"
trap - EXIT
say "$output: $(du -sh "$output" | cut -f 1), of which $(du -sh "$output/lib" | cut -f 1) are $(find "$output/lib" -type f | wc -l) libraries"

if [ -n "$archive" ]; then
  tar -C "$(dirname "$output")" --owner=0 --group=0 --sort=name -czf "$output.tar.gz" "$(basename "$output")"
  say "$output.tar.gz: $(du -h "$output.tar.gz" | cut -f 1)"
fi

# ---- a run on a bare machine ----------------------------------------------------------------------------
if [ -n "$check" ]; then
  bare=$(mktemp -d)
  trap 'rm -rf "$bare"' EXIT
  mkdir -p "$bare/proc" "$bare/dev" "$bare/tmp" "$bare/opt" "$bare/lib64" "$bare/lib/x86_64-linux-gnu"
  # glibc and nothing else: the loader where programs name it, its libraries where it looks.
  cp -L /lib64/ld-linux-x86-64.so.2 "$bare/lib64/"
  for name in libc.so.6 libm.so.6 libdl.so.2 librt.so.1 libpthread.so.0 libutil.so.1 libresolv.so.2 libmvec.so.1; do
    cp -L "/lib/x86_64-linux-gnu/$name" "$bare/lib/x86_64-linux-gnu/"
  done
  cp -r "$output" "$bare/opt/bundle"
  # A decoder of FFmpeg's own, one of another library, libheif, libjpeg; and a face, where set-up has placed one.
  cp tests/fixtures/videos/{h264.mp4,av1.mp4} tests/fixtures/images/{turned.heic,444.jpg} "$bare/tmp/"
  cp data/sample/astronaut.png "$bare/tmp/" 2>/dev/null || true
  # What the kernel gives every machine.
  touch "$bare/dev/null" "$bare/dev/urandom"
  in_bare() {
    unshare --map-root-user --mount --pid --fork sh -c '
      mount -t proc proc "$0/proc" && mount --bind /dev/null "$0/dev/null" && mount --bind /dev/urandom "$0/dev/urandom" &&
        exec chroot "$0" "$@"' "$bare" "$@"
  }
  status=0
  in_bare /opt/bundle/bin/sbi infer /tmp -n 4 --json /tmp/result.json || status=$?
  # 1: most of them show no face. Where a library is missing the status is another one, or the file's is "unreadable".
  [ "$status" -le 1 ] || die "the bundle does not run by itself (status $status)"
  if grep -q '"status": "unreadable"' "$bare/tmp/result.json"; then die "the bundle cannot decode by itself"; fi
  in_bare /opt/bundle/bin/sbi --version >&2
  say "it runs with glibc and itself alone"
fi
