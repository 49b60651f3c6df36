// What C++ and Rust agree on, written once: where the fields of a struct lie, which number a name has.
//
// SBI_LAYOUT and SBI_NUMBERS assert their lists for C++. The build script reads the same lines of a header and writes
// the same assertions for the Rust type of that name (native/build/layout.rs), so that neither side can move alone.
#pragma once

#include <stddef.h>

#define SBI_FIELD(TYPE, FIELD, AT) static_assert(offsetof(TYPE, FIELD) == AT, #TYPE "." #FIELD " lies elsewhere");
#define SBI_NUMBER(TYPE, NAME, VALUE) static_assert(static_cast<int64_t>(TYPE::NAME) == VALUE, #TYPE "::" #NAME);

// (name, number) for each.
#define SBI_LAYOUT(TYPE, SIZE, ...) \
  static_assert(sizeof(TYPE) == SIZE, #TYPE " has another size"); \
  SBI_FOR_EACH(SBI_FIELD, TYPE, __VA_ARGS__)
#define SBI_NUMBERS(TYPE, ...) SBI_FOR_EACH(SBI_NUMBER, TYPE, __VA_ARGS__)

// Applies a macro to a type and each of up to sixteen pairs.
#define SBI_UNPACKED(...) __VA_ARGS__
#define SBI_CALL(MACRO, ...) MACRO(__VA_ARGS__)
#define SBI_PAIR(MACRO, TYPE, PAIR) SBI_CALL(MACRO, TYPE, SBI_UNPACKED PAIR)
#define SBI_COUNTED(A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, COUNT, ...) COUNT
#define SBI_COUNT(...) SBI_COUNTED(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define SBI_JOINED(A, B) A##B
#define SBI_PASTE(A, B) SBI_JOINED(A, B)
#define SBI_FOR_EACH(MACRO, TYPE, ...) SBI_PASTE(SBI_EACH_, SBI_COUNT(__VA_ARGS__))(MACRO, TYPE, __VA_ARGS__)
#define SBI_EACH_1(M, T, P) SBI_PAIR(M, T, P)
#define SBI_EACH_2(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_1(M, T, __VA_ARGS__)
#define SBI_EACH_3(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_2(M, T, __VA_ARGS__)
#define SBI_EACH_4(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_3(M, T, __VA_ARGS__)
#define SBI_EACH_5(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_4(M, T, __VA_ARGS__)
#define SBI_EACH_6(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_5(M, T, __VA_ARGS__)
#define SBI_EACH_7(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_6(M, T, __VA_ARGS__)
#define SBI_EACH_8(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_7(M, T, __VA_ARGS__)
#define SBI_EACH_9(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_8(M, T, __VA_ARGS__)
#define SBI_EACH_10(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_9(M, T, __VA_ARGS__)
#define SBI_EACH_11(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_10(M, T, __VA_ARGS__)
#define SBI_EACH_12(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_11(M, T, __VA_ARGS__)
#define SBI_EACH_13(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_12(M, T, __VA_ARGS__)
#define SBI_EACH_14(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_13(M, T, __VA_ARGS__)
#define SBI_EACH_15(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_14(M, T, __VA_ARGS__)
#define SBI_EACH_16(M, T, P, ...) SBI_PAIR(M, T, P) SBI_EACH_15(M, T, __VA_ARGS__)
