#!/usr/bin/env bash
# Stands between cargo and rustc (RUSTC_WRAPPER) and compiles the program's library with the counters that libFuzzer steers
# by, and everything else as usual: flags for all crates would build libtorch's and OpenCV's bindings anew.
if [[ " $* " == *" --crate-name sbi "* && " $* " == *" --crate-type lib "* ]]; then
    exec "$@" -C passes=sancov-module \
        -C llvm-args=-sanitizer-coverage-level=4 \
        -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
        -C llvm-args=-sanitizer-coverage-pc-table \
        -C llvm-args=-sanitizer-coverage-trace-compares
fi
exec "$@"
