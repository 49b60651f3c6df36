// What the files of one build of the kernels ask of one another.
#pragma once

#include "kernels.h"
#include "native/simd/build_name.h"

extern "C" {
SbiOperation SBI_NAME(conv)();
SbiOperation SBI_NAME(winograd)();
SbiOperation SBI_NAME(front)();
SbiOperation SBI_NAME(gate)();
SbiOperation SBI_NAME(project)();
SbiOperation SBI_NAME(chain)();
SbiOperation SBI_NAME(max_pool)();
SbiOperation SBI_NAME(enlarge)();
SbiOperation SBI_NAME(mean_shortcut)();
SbiOperation SBI_NAME(affine)();
int64_t SBI_NAME(winograd_side)();
// All of them: what Rust asks a build for.
void SBI_NAME(kernels)(SbiKernels* table);
}
