// Vectors of floats, and the little that kernels need of the standard library: the one header under all kernels (the
// inference engine's, training's, the scan for faces).
//
// Kernels are built for several instruction sets, and all builds are linked into one program. The linker keeps one copy
// of a function that may be defined many times (an inline function, a template), whoever made it; a copy made for AVX
// would end programs on processors without it. So everything here and in the kernels has internal linkage, and they
// use no templates of the standard library. The build script looks at the symbols of what was built.
#pragma once

#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

// Floats of a vector: as many as a register has, unless the build says otherwise.
#ifndef SBI_LANES
#if defined(__AVX512F__)
#define SBI_LANES 16
#elif defined(__AVX2__)
#define SBI_LANES 8
#else
#define SBI_LANES 4
#endif
#endif

namespace {

constexpr int LANES = SBI_LANES;

typedef float Floats __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(LANES * sizeof(int32_t))));

inline Floats load(const float* from) {
  Floats v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

inline void store(float* to, Floats v) { __builtin_memcpy(to, &v, sizeof v); }

// The first `count` floats; the others are 0.
inline Floats load_some(const float* from, int64_t count) {
  if (count >= LANES) return load(from);
  float lanes[LANES] = {};
  for (int64_t i = 0; i < count; i++) lanes[i] = from[i];
  return load(lanes);
}

// Writes the first `count` floats; what lies behind them stays as it is.
inline void store_some(float* to, Floats v, int64_t count) {
  if (count >= LANES) return store(to, v);
  float lanes[LANES];
  store(lanes, v);
  for (int64_t i = 0; i < count; i++) to[i] = lanes[i];
}

// How many units it takes to hold `count` things.
constexpr int64_t whole(int64_t count, int64_t unit) { return (count + unit - 1) / unit; }

constexpr int64_t smaller(int64_t a, int64_t b) { return b < a ? b : a; }
constexpr int64_t larger(int64_t a, int64_t b) { return a < b ? b : a; }

template <class T>
inline void fill(T* from, const T* end, T value) {
  for (; from != end; from++) *from = value;
}

// A number as a type: a parameter that the compiler knows in a generic lambda.
template <int N>
struct Number {
  static constexpr int value = N;
};

}  // namespace
