// What training computes between matrix products, on rows (positions) of channels-last float32 and on depthwise
// convolutions. Built for AVX2 and AVX-512 on x86-64, with the same results: Rust asks the processor for AVX2 first. No
// libtorch here, no threads, no allocation: each function is one task's work.
//
// Channels come in eights, and in sixteens for AVX-512. `rows` are contiguous, `channels` floats each; arrays per
// channel have `channels` floats.
#pragma once

#include <stdint.h>

#include "native/simd/build_name.h"
#include "native/simd/layout.h"

// What follows a batch norm; Rust's `TrainActivation`.
enum class SbiTrainActivation : int64_t { None, Swish, Relu6 };
SBI_NUMBERS(SbiTrainActivation, (None, 0), (Swish, 1), (Relu6, 2))

namespace sbi {

using Activation = SbiTrainActivation;

// A batch norm as its users see it: z = x * scale + shift, and x's mean.
struct NormView {
  const float *scale, *shift, *mean;
};

// How a batch norm's gradient follows from dz: dx = dz * scale - (x - mean) * slope - offset.
struct NormGradient {
  const float *scale, *mean, *slope, *offset;
};

// Rows of the five arrays that row_gated_sums fills.
enum GatedSum { GATE, SLOPED, SLOPES, SLOPED_MOMENT, SLOPES_MOMENT, GATED_SUMS };

// A depthwise convolution, padded with `before` zeros above and to the left and with as many as it takes below and
// to the right.
struct DepthwiseShape {
  int64_t channels, height, width, out_height, out_width, kernel, stride, before;
};

// Channels of a task; the last task has what is left.
constexpr int64_t DEPTHWISE_BLOCK = 16;

// A task of the forward pass: one image, DEPTHWISE_BLOCK channels from `channel`. Pointers are to the image's (x, y,
// mean, squares) or the whole tensor's (others) first channel. `norm.scale` null: x is taken as it is.
// weight: [kernel * kernel][channels]. mean, squares: those of the task's results.
struct DepthwiseForward {
  Activation activation;
  const float* x;
  NormView norm;
  const float* weight;
  float* y;
  double *mean, *squares;
};

// A task of the backward pass. The gradient of the convolution's result b follows from `dgated`, that of
// activation(z) * gate: dz = (dgated * gate + pooled) * activation'(z), then as in NormGradient.
struct DepthwiseBackward {
  Activation activation;
  const float *dgated, *b, *gate, *pooled;  // the image's
  NormView b_norm;
  NormGradient b_gradient;
  const float* x;  // the image's
  NormView x_norm; // scale null: x was taken as it is
  const float* weight;
  float* dx;                // the image's: d(x * scale + shift), or dx where x was taken as it is
  float* dweight;           // the image's share: [kernel * kernel][channels]
  double *dx_sum, *dx_moment; // the image's sums of dx and of dx * (x - mean), where there is x_norm
};

// Floats in one piece; none where `from` is null.
struct Run {
  const float* from;
  int64_t count;
};

// result = left * right, or result += left * right. left: `rows` x `depth`, its values anywhere at regular distances;
// right: `depth` x `columns` and result: `rows` x `columns`, each row in one piece, those of the result without gaps.
struct Product {
  int64_t rows, columns, depth;
  const float* left;
  int64_t left_row, left_step;
  const float* right;
  int64_t right_row;
  float* result;
  bool add;
  // What will be read next, and is better in the cache by then.
  Run ahead;
};

// The functions, in one build of them.
struct Kernels {
  // Mean per channel and the sum of squared distances from it. Meant for rows that lie in the cache.
  void (*row_statistics)(const float* x, int64_t rows, int64_t channels, float* mean, float* squares);

  // y = activation(x * scale + shift), times `gate` per channel where there is one.
  void (*row_activation)(Activation activation, const float* x, int64_t rows, int64_t channels, NormView norm,
                          const float* gate, float* y);

  // y = (x * scale + shift) * factor, plus `shortcut` where there is one.
  void (*row_residual)(const float* x, int64_t rows, int64_t channels, NormView norm, float factor, const float* shortcut,
                        float* y);

  // Sum per channel of activation(x * scale + shift).
  void (*row_pool)(Activation activation, const float* x, int64_t rows, int64_t channels, NormView norm, float* sum);

  // Sums per channel of dz and of dz * (x - mean), with dz = dy * activation'(x * scale + shift).
  void (*row_gradient_sums)(Activation activation, const float* dy, const float* x, int64_t rows, int64_t channels,
                             NormView norm, float* sum, float* moment);

  // dx = that of NormGradient for dz = dy * activation'(x * scale + shift), with dy times `factor`. `dx` may be `dy`.
  void (*row_gradient)(Activation activation, const float* dy, const float* x, int64_t rows, int64_t channels,
                        NormView norm, NormGradient gradient, float factor, float* dx);

  // With y = activation(z), s = activation'(z), z = x * scale + shift: writes y * gate to `gated`, and to
  // `sums[GATED_SUMS][channels]` the sums of dy * y, dy * s, s, dy * s * (x - mean), s * (x - mean).
  void (*row_gated_sums)(Activation activation, const float* dy, const float* x, int64_t rows, int64_t channels,
                          NormView norm, const float* gate, float* gated, float* sums);

  // A matrix product. Null where this build has none that is faster than libtorch's.
  void (*product)(const Product& product);

  // Floats of scratch memory that a task needs.
  int64_t (*depthwise_forward_scratch)(const DepthwiseShape& shape);
  int64_t (*depthwise_backward_scratch)(const DepthwiseShape& shape);

  // A task of the two passes.
  void (*depthwise_forward)(const DepthwiseShape& shape, const DepthwiseForward& of, int64_t channel, float* scratch);
  void (*depthwise_backward)(const DepthwiseShape& shape, const DepthwiseBackward& of, int64_t channel, float* scratch);
};

}  // namespace sbi

#ifdef SBI_BUILD
extern "C" {

// Write down the functions of this build: those on rows, those on depthwise convolutions, the matrix product.
void SBI_NAME(training_rows)(sbi::Kernels* kernels);
void SBI_NAME(training_depthwise)(sbi::Kernels* kernels);
void SBI_NAME(training_product)(sbi::Kernels* kernels);

}
#endif
