#!/usr/bin/env bash
# All checks: formatting, lints, tests, the quick start in its short form. Sets everything up first.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh --cpu
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
cargo test --release
echo "== quick start"
scripts/quickstart.sh --short --cpu
echo "== all checks passed"
