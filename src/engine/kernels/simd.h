// Vectors of as many floats as the build's instruction set has, and the functions that kernels need on them.
// Everything here has internal linkage: the files are built several times, each for other processors.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int LANES = 16;
constexpr int TILE_ROWS = 12;  // 24 of 32 registers hold sums
#elif defined(__AVX2__)
constexpr int LANES = 8;
constexpr int TILE_ROWS = 6;  // 12 of 16
#else
constexpr int LANES = 4;
constexpr int TILE_ROWS = 6;
#endif
constexpr int VECTORS = 2;
constexpr int BLOCK = VECTORS * LANES;

typedef float Floats __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(LANES * sizeof(int32_t))));

inline Floats load(const float* from) {
  Floats v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

inline void store(float* to, Floats v) { std::memcpy(to, &v, sizeof v); }

// The first `count` floats; the others are 0 or stay as they are.
inline Floats load_some(const float* from, int64_t count) {
  if (count >= LANES) return load(from);
  float all[LANES] = {};
  for (int64_t i = 0; i < count; i++) all[i] = from[i];
  return load(all);
}

inline void store_some(float* to, Floats v, int64_t count) {
  if (count >= LANES) return store(to, v);
  float all[LANES];
  store(all, v);
  for (int64_t i = 0; i < count; i++) to[i] = all[i];
}

constexpr int64_t whole(int64_t count, int64_t unit) { return (count + unit - 1) / unit; }

// e^-x = 2^t with t = -x / ln 2: a polynomial in t's fraction, -0.5..0.5 (relative error 9e-8, which is less than float32
// keeps), times a power of two.
inline Floats power_of_2_fraction(Floats f) {
  Floats p = f * 1.32647273e-3f + 9.67151299e-3f;
  p = p * f + 5.55073358e-2f;
  p = p * f + 2.40222424e-1f;
  p = p * f + 6.93147004e-1f;
  return p * f + 1.0f;
}

constexpr float TO_BASE_2 = -1.44269504f;
constexpr float EXPONENT_LIMIT = 126.0f;  // beyond it x * sigmoid(x) is 0 or x within float32

#if !defined(__AVX512F__)
inline Floats within_limits(Floats t) {
#if defined(__AVX2__)
  // One instruction each, where a comparison and a choice would be three.
  return (Floats)_mm256_min_ps(_mm256_max_ps((__m256)t, _mm256_set1_ps(-EXPONENT_LIMIT)), _mm256_set1_ps(EXPONENT_LIMIT));
#else
  t = t < -EXPONENT_LIMIT ? Floats{} - EXPONENT_LIMIT : t;
  return t > EXPONENT_LIMIT ? Floats{} + EXPONENT_LIMIT : t;
#endif
}
#endif

// 1 / (1 + e^-x)
inline Floats sigmoid(Floats x) {
#if defined(__AVX512F__)
  __m512 t = _mm512_mul_ps((__m512)x, _mm512_set1_ps(TO_BASE_2));
  // Only upwards: further down the power of two is 0 by itself.
  t = _mm512_min_ps(t, _mm512_set1_ps(EXPONENT_LIMIT));
  const __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const Floats p = power_of_2_fraction((Floats)_mm512_sub_ps(t, n));
  const __m512 d = _mm512_add_ps(_mm512_scalef_ps((__m512)p, n), _mm512_set1_ps(1.0f));
  // A step of Newton's doubles the 14 places of the approximation; a division would take twice the time.
  const __m512 r = _mm512_rcp14_ps(d);
  return (Floats)_mm512_fmadd_ps(r, _mm512_fnmadd_ps(d, r, _mm512_set1_ps(1.0f)), r);
#else
  constexpr float TO_INTEGER = 12582912.0f;  // 1.5 * 2^23: adding it leaves the integer in the low bits
  constexpr int MANTISSA_BITS = 23;
  Floats t = x * TO_BASE_2;
  t = within_limits(t);
  const Floats shifted = t + TO_INTEGER;
  Floats p = power_of_2_fraction(t - (shifted - TO_INTEGER));
  Ints bits, exponent;
  std::memcpy(&bits, &p, sizeof bits);
  std::memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << MANTISSA_BITS;
  std::memcpy(&p, &bits, sizeof p);
  return 1.0f / (p + 1.0f);
#endif
}

inline Floats swish(Floats x) { return x * sigmoid(x); }

}  // namespace
