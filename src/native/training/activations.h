// Activations with their derivatives, eight at a time.
#pragma once

#include "kernels.h"
#include "vectors.h"

namespace {

struct NoActivation {
  static Floats value(Floats z) { return z; }
  static void both(Floats z, Floats& value, Floats& slope) {
    value = z;
    slope = Floats{} + 1.0f;
  }
};

struct Swish {
  static Floats value(Floats z) { return swish(z); }
  static void both(Floats z, Floats& value, Floats& slope) {
    const Floats sigmoid = 1.0f / (exp_negative(z) + 1.0f);
    value = z * sigmoid;
    slope = sigmoid + value * (1.0f - sigmoid);
  }
};

struct Relu6 {
  static constexpr float MOST = 6.0f;
  // What is not a number stays so.
  static Floats value(Floats z) {
    z = z < 0.0f ? Floats{} : z;
    return z > MOST ? Floats{} + MOST : z;
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
