#!/usr/bin/env bash
# Compiles the kernels' portable build for ARM: they stay free of instructions, types and headers of one processor. Clang
# is there anyway (OpenCV's bindings need it) and compiles for all; without the standard library it needs no other files.
set -euo pipefail
cd "$(dirname "$0")/.."

object=$(mktemp)
trap 'rm -f "$object"' EXIT
compile() {
  clang++ --target=aarch64-linux-gnu -std=c++17 -O1 -ffreestanding -nostdinc++ -fno-exceptions -fno-rtti -ffp-contract=fast \
    -Wall -Wextra -Wshadow -Wno-psabi -Werror -Isrc -DSBI_BUILD=any "$@" -c -o "$object"
  local others
  others=$(nm --extern-only --defined-only --format=posix "$object" | awk '$2 != "T" || $1 !~ /^sbi_/ { print $1 }')
  [ -z "$others" ] || { echo "check_portable: $* offers code to all: $others" >&2; exit 1; }
}
for file in src/engine/kernels/*.cpp; do compile "$file"; done
for file in src/native/training/rows.cpp src/native/training/depthwise.cpp; do compile -DSBI_LANES=8 "$file"; done
echo "check_portable: the kernels compile for aarch64"
