// Eight floats at a time, and activations on them. Everything here has internal linkage: files that include it are
// built for AVX2 and must not lend their code to others.
#pragma once

#include <cstdint>
#include <cstring>

namespace {

constexpr int LANES = 8;
typedef float Floats __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(LANES * sizeof(int32_t))));

inline Floats load(const float* from) {
  Floats v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

inline void store(float* to, Floats v) { std::memcpy(to, &v, sizeof v); }

// e^-x = 2^t with t = -x / ln 2. 2^t is a polynomial in t's fraction (relative error 2e-9) whose exponent field is
// raised by t's nearest integer.
inline Floats exp_negative(Floats x) {
  constexpr float TO_BASE_2 = -1.44269504f;
  constexpr float EXPONENT_LIMIT = 126.0f;  // beyond it x * sigmoid(x) is 0 or x within float32
  constexpr float TO_INTEGER = 12582912.0f; // 1.5 * 2^23: adding it leaves the integer in the low bits
  constexpr int MANTISSA_BITS = 23;
  Floats t = x * TO_BASE_2;
  t = t < -EXPONENT_LIMIT ? Floats{} - EXPONENT_LIMIT : t;
  t = t > EXPONENT_LIMIT ? Floats{} + EXPONENT_LIMIT : t;
  const Floats shifted = t + TO_INTEGER;
  const Floats f = t - (shifted - TO_INTEGER);
  Floats p = f * 1.53375767e-4f + 1.33998604e-3f;
  p = p * f + 9.61851953e-3f;
  p = p * f + 5.55032900e-2f;
  p = p * f + 2.40226466e-1f;
  p = p * f + 6.93147206e-1f;
  p = p * f + 1.0f;
  Ints bits, exponent;
  std::memcpy(&bits, &p, sizeof bits);
  std::memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << MANTISSA_BITS;
  std::memcpy(&p, &bits, sizeof p);
  return p;
}

inline Floats swish(Floats x) { return x / (exp_negative(x) + 1.0f); }

}  // namespace
