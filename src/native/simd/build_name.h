// The name of a function in one build of the kernels: SBI_NAME(conv) is sbi_conv_avx2 where SBI_BUILD is avx2.
#pragma once

#define SBI_JOIN_NAME(NAME, BUILD) sbi_##NAME##_##BUILD
#define SBI_EXPAND_NAME(NAME, BUILD) SBI_JOIN_NAME(NAME, BUILD)
#define SBI_NAME(NAME) SBI_EXPAND_NAME(NAME, SBI_BUILD)
