// The kernels' names in one build: SBI_NAME(conv) is sbi_conv_avx2 where SBI_BUILD is avx2.
#pragma once

#include "kernels.h"

#define SBI_JOIN(name, build) sbi_##name##_##build
#define SBI_EXPAND(name, build) SBI_JOIN(name, build)
#define SBI_NAME(name) SBI_EXPAND(name, SBI_BUILD)

SbiOperation SBI_NAME(conv)();
SbiOperation SBI_NAME(winograd)();
SbiOperation SBI_NAME(front)();
SbiOperation SBI_NAME(gate)();
SbiOperation SBI_NAME(project)();
SbiOperation SBI_NAME(max_pool)();
SbiOperation SBI_NAME(enlarge)();
SbiOperation SBI_NAME(mean_shortcut)();
SbiOperation SBI_NAME(affine)();
int64_t SBI_NAME(winograd_side)();
