#!/usr/bin/env bash
# Fuzzes what reads files: scripts/fuzz.sh MINUTES [TARGET…]
#
# Runs the targets of tests/fuzz/src/bin/ (all, or those named) one after the other for MINUTES in total, and prints how
# many inputs each had. What a target's own seeds grew into is kept in target/fuzz/corpus/ for the next time. Ends with 1
# at the first input that makes a target panic, hang or claim too much memory, with the input's path and how to run it again:
#
#   scripts/fuzz.sh --replay TARGET FILE
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

# Megabytes that a target may hold (libtorch's libraries count), and seconds that one input may take.
memory=2048
patience=10

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

build() {
    # The program's target folder, where its dependencies are built already.
    RUSTC_WRAPPER="$root/tests/fuzz/instrument.sh" CARGO_INCREMENTAL=0 cargo build --release --quiet \
        --manifest-path tests/fuzz/Cargo.toml --target-dir target --bins
}

# Files that targets read by path are in memory where there is a folder for that.
scratch=$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo "${TMPDIR:-/tmp}")" sbi-fuzz.XXXXXX)
trap 'rm -rf "$scratch"' EXIT

run() { # TARGET ARGUMENTS…
    local target=$1
    shift
    TMPDIR=$scratch SBI_FUZZ_SEEDS="$seeds" "target/release/$target" \
        -rss_limit_mb=$memory -timeout=$patience "$@"
}

seeds=
if [[ ${1-} == --replay ]]; then
    [[ $# == 3 ]] || usage
    seeds=$scratch/seeds
    build
    run "$2" "$3"
    echo "$2 takes $3 without harm"
    exit 0
fi

minutes=${1-}
[[ $minutes =~ ^[0-9]+([.][0-9]+)?$ ]] || usage
shift
mapfile -t all < <(basename -s .rs tests/fuzz/src/bin/*.rs)
targets=("${@:-${all[@]}}")
for target in "${targets[@]}"; do
    [[ -f tests/fuzz/src/bin/$target.rs ]] || { echo "no target $target; there are: ${all[*]}" >&2; exit 2; }
done
build
seconds=$(awk -v minutes="$minutes" -v count=${#targets[@]} 'BEGIN { s = int(minutes * 60 / count); print s < 1 ? 1 : s }')

printf '%-16s %10s %10s %8s\n' target inputs per_second corpus
for target in "${targets[@]}"; do
    corpus=target/fuzz/corpus/$target found=target/fuzz/found/$target log=$scratch/log
    mkdir -p "$corpus" "$found"
    seeds=$corpus
    if ! run "$target" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$found/" "$corpus" > "$log" 2>&1; then
        tail -n 40 "$log" >&2
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        echo "$target fails at ${input:-an unknown input}" >&2
        [[ -z $input ]] || echo "again: scripts/fuzz.sh --replay $target $input" >&2
        exit 1
    fi
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    printf '%-16s %10s %10s %8s\n' "$target" "$inputs" "$rate" "$(find "$corpus" -type f | wc -l)"
done
