// Activations with their derivatives, a vector at a time.
#pragma once

// Channels come in eights: without AVX-512 vectors have no more floats than that, and no fewer.
#ifndef __AVX512F__
#define SBI_LANES 8
#endif

#include "kernels.h"
#include "native/simd/exponential.h"

namespace {

struct NoActivation {
  static Floats value(Floats z) { return z; }
  static void both(Floats z, Floats& value, Floats& slope) {
    value = z;
    slope = Floats{} + 1.0f;
  }
};

struct Swish {
  // Divisions where inference multiplies with a reciprocal: one rounding less, and the same in every build.
  static Floats value(Floats z) { return z / (exp_negative<Series::LONG>(z) + 1.0f); }
  static void both(Floats z, Floats& value, Floats& slope) {
    const Floats share = 1.0f / (exp_negative<Series::LONG>(z) + 1.0f);
    value = z * share;
    slope = share + value * (1.0f - share);
  }
};

struct Relu6 {
  static constexpr float MOST = 6.0f;
  // What is not a number stays so.
  static Floats value(Floats z) {
#if defined(__AVX512F__)
    // The same, with fewer instructions: of two values of which neither is the smaller, these take the second.
    return _mm512_min_ps(_mm512_set1_ps(MOST), _mm512_max_ps(_mm512_setzero_ps(), z));
#else
    z = z < 0.0f ? Floats{} : z;
    return z > MOST ? Floats{} + MOST : z;
#endif
  }
  static void both(Floats z, Floats& value_out, Floats& slope) {
    value_out = value(z);
    slope = z > 0.0f && z < MOST ? Floats{} + 1.0f : Floats{};
  }
};

// Calls `body` with a value of the activation's type.
template <class F>
void with_activation(sbi::Activation activation, F&& body) {
  switch (activation) {
    case sbi::Activation::None: return body(NoActivation());
    case sbi::Activation::Swish: return body(Swish());
    case sbi::Activation::Relu6: return body(Relu6());
  }
}

}  // namespace
