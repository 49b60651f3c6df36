// Activations of the engine on vectors, known to the compiler where a kernel's inner loop needs it.
#pragma once

#include "kernels.h"
#include "native/simd/exponential.h"

namespace {

using Kind = SbiActivationKind;

inline Floats sigmoid(Floats x) { return sigmoid<Series::SHORT>(x); }
inline Floats swish(Floats x) { return x * sigmoid(x); }

template <Kind KIND>
inline Floats activate(Floats x, const SbiActivation& a, int64_t channel) {
  if constexpr (KIND == Kind::Relu) return x > 0.0f ? x : Floats{};
  if constexpr (KIND == Kind::Clamp) {
    x = x > 0.0f ? x : Floats{};
    return x < a.constant ? x : Floats{} + a.constant;
  }
  if constexpr (KIND == Kind::Swish) return swish(x);
  if constexpr (KIND == Kind::Leaky) return x > 0.0f ? x : x * a.constant;
  if constexpr (KIND == Kind::Slopes) return x > 0.0f ? x : x * load(a.slopes + channel);
  return x;
}

// The activations that need neither slopes nor the exponential, on any vector.
template <Kind KIND, class Vector>
inline Vector activate_any(Vector x, const SbiActivation& a) {
  if constexpr (KIND == Kind::Relu) return x > 0.0f ? x : Vector{};
  if constexpr (KIND == Kind::Clamp) {
    x = x > 0.0f ? x : Vector{};
    return x < a.constant ? x : Vector{} + a.constant;
  }
  if constexpr (KIND == Kind::Leaky) return x > 0.0f ? x : x * a.constant;
  return x;
}

template <Kind KIND>
struct Is {
  static constexpr Kind value = KIND;
};

// Calls `body` with the activation's kind as a type.
template <class F>
inline void with_kind(const SbiActivation& a, F&& body) {
  switch (a.kind) {
    case Kind::None: return body(Is<Kind::None>());
    case Kind::Relu: return body(Is<Kind::Relu>());
    case Kind::Clamp: return body(Is<Kind::Clamp>());
    case Kind::Swish: return body(Is<Kind::Swish>());
    case Kind::Leaky: return body(Is<Kind::Leaky>());
    case Kind::Slopes: return body(Is<Kind::Slopes>());
  }
}

}  // namespace
