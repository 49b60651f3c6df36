#!/usr/bin/env bash
# All checks: formatting, lints, documentation, tests, the quick start in its short form. Sets everything up first. What
# a test needs must be there: with CI set, a test without it fails instead of being skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
export CI=${CI:-true}

scripts/setup.sh --cpu --browser
# One profile for everything, so that the heavy dependencies compile once.
echo "== formatting"
cargo fmt --all --check
echo "== lints"
cargo clippy --release --all-targets -- -D warnings
echo "== portable kernels"
scripts/check_portable.sh
echo "== documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --document-private-items
echo "== tests"
results=$(mktemp)
trap 'rm -f "$results"' EXIT
cargo test --release 2>&1 | tee "$results"
echo "== fuzzing, a short round"
cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
cargo clippy --release --manifest-path tests/fuzz/Cargo.toml --target-dir target -- -D warnings
scripts/fuzz.sh 0.5
echo "== quick start"
scripts/quickstart.sh --short --cpu
echo "== bundle"
# Where no namespaces can be made it is built all the same, and not run by itself.
check=--check
unshare --map-root-user --mount --pid --fork true 2>/dev/null || check=
bundles=$(mktemp -d)
trap 'rm -rf "$results" "$bundles"' EXIT
scripts/bundle.sh $check --output "$bundles/sbi"
echo "== all checks passed"
# The sum over unit, integration and documentation tests, in cargo's words.
awk '/^test result: / { passed += $4; failed += $6 } END { printf "%d passed, %d failed\n", passed, failed }' "$results"
