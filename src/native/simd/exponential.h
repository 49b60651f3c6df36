// e^-x, and the sigmoid function by way of it.
#pragma once

#include "vectors.h"

namespace {

// How closely 2^f follows the power for a fraction f of -0.5..0.5. What networks compute depends on the last bits, so
// each user keeps to its own.
enum class Series {
  SHORT,  // degree 5, relative error 9e-8, which is less than float32 keeps: inference
  LONG,   // degree 6, relative error 2e-9: training
};

template <Series SERIES>
inline Floats power_of_2_fraction(Floats f) {
  Floats p;
  if constexpr (SERIES == Series::SHORT) {
    p = f * 1.32647273e-3f + 9.67151299e-3f;
    p = p * f + 5.55073358e-2f;
    p = p * f + 2.40222424e-1f;
    p = p * f + 6.93147004e-1f;
  } else {
    p = f * 1.53375767e-4f + 1.33998604e-3f;
    p = p * f + 9.61851953e-3f;
    p = p * f + 5.55032900e-2f;
    p = p * f + 2.40226466e-1f;
    p = p * f + 6.93147206e-1f;
  }
  return p * f + 1.0f;
}

constexpr float TO_BASE_2 = -1.44269504f;
constexpr float EXPONENT_LIMIT = 126.0f;  // beyond it x * sigmoid(x) is 0 or x within float32

// What is not a number stays so, in all three forms.
inline Floats within_limits(Floats t) {
#if defined(__AVX512F__) && SBI_LANES == 16
  // Only upwards: further down the power of two is 0 by itself.
  return reinterpret_cast<Floats>(_mm512_min_ps(_mm512_set1_ps(EXPONENT_LIMIT), reinterpret_cast<__m512>(t)));
#elif defined(__AVX2__) && SBI_LANES == 8
  // One instruction each, where a comparison and a choice would be three.
  const __m256 low = _mm256_max_ps(_mm256_set1_ps(-EXPONENT_LIMIT), reinterpret_cast<__m256>(t));
  return reinterpret_cast<Floats>(_mm256_min_ps(_mm256_set1_ps(EXPONENT_LIMIT), low));
#else
  t = t < -EXPONENT_LIMIT ? Floats{} - EXPONENT_LIMIT : t;
  return t > EXPONENT_LIMIT ? Floats{} + EXPONENT_LIMIT : t;
#endif
}

// e^-x = 2^t with t = -x / ln 2: a polynomial in t's distance from the nearest integer, times a power of two.
template <Series SERIES>
inline Floats exp_negative(Floats x) {
  const Floats t = within_limits(x * TO_BASE_2);
#if defined(__AVX512F__) && SBI_LANES == 16
  const __m512 vector = reinterpret_cast<__m512>(t);
  const __m512 n = _mm512_roundscale_ps(vector, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const Floats p = power_of_2_fraction<SERIES>(reinterpret_cast<Floats>(_mm512_sub_ps(vector, n)));
  return reinterpret_cast<Floats>(_mm512_scalef_ps(reinterpret_cast<__m512>(p), n));
#else
  constexpr float TO_INTEGER = 12582912.0f;  // 1.5 * 2^23: adding it leaves the integer in the low bits
  constexpr int MANTISSA_BITS = 23;
  const Floats shifted = t + TO_INTEGER;
  Floats p = power_of_2_fraction<SERIES>(t - (shifted - TO_INTEGER));
  Ints bits, exponent;
  __builtin_memcpy(&bits, &p, sizeof bits);
  __builtin_memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << MANTISSA_BITS;
  __builtin_memcpy(&p, &bits, sizeof p);
  return p;
#endif
}

// 1 / (1 + e^-x)
template <Series SERIES>
inline Floats sigmoid(Floats x) {
  const Floats d = exp_negative<SERIES>(x) + 1.0f;
#if defined(__AVX512F__) && SBI_LANES == 16
  // A step of Newton's doubles the 14 places of the approximation; a division would take twice the time.
  const __m512 divisor = reinterpret_cast<__m512>(d), r = _mm512_rcp14_ps(divisor);
  return reinterpret_cast<Floats>(_mm512_fmadd_ps(r, _mm512_fnmadd_ps(divisor, r, _mm512_set1_ps(1.0f)), r));
#else
  return 1.0f / d;
#endif
}

}  // namespace
