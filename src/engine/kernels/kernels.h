// What the kernels of the inference engine are asked, in plain C: Rust fills these in.
//
// A map is one image's activations, float32, row by row, pixel by pixel, the channels of a pixel side by side. `data`
// is its first pixel; around it may lie a halo of zeros, which rows and columns below 0 and past the end reach.
//
// Every operation is cut into tasks that may run on any thread in any order: each writes what no other one does, and
// in the same order of sums, so that results do not depend on the number of threads.
//
// Rust's `RawMap` is `SbiMap` and so on; the lists below the structs hold for both (see layout.h).
#pragma once

#include <stdint.h>

#include "native/simd/layout.h"

extern "C" {

struct SbiMap {
  float* data;
  int64_t height, width, channels;
  int64_t row_stride, pixel_stride;  // in floats
};

// What follows an operation: each is defined in activation.h.
enum class SbiActivationKind : int64_t { None, Relu, Clamp, Swish, Leaky, Slopes };

struct SbiActivation {
  SbiActivationKind kind;
  float constant;       // Leaky: the slope; Clamp: the upper limit
  const float* slopes;  // one per channel, padded to whole vectors
};

// Convolution with a square kernel, bias, an optional map added, and an activation.
struct SbiConv {
  SbiMap from, to, onto;  // `onto.data` null: nothing is added
  int64_t kernel, stride, before;
  const float* weight;  // [c_out / block][kernel][kernel][c_in][block], zeros past the last channel
  const float* bias;    // padded likewise
  SbiActivation activation;
  int64_t threads;  // that will share the tasks
};

// One of the convolutions that read a map.
struct SbiWinogradPart {
  SbiMap to, onto;      // of the size of the map that is read
  const float* weight;  // [position][c_out / block][c_in][block]
  const float* bias;
  SbiActivation activation;
};

// Convolutions of 3 x 3 with stride 1 and padding 1 of one map, by Winograd's way.
struct SbiWinograd {
  SbiMap from;
  const SbiWinogradPart* parts;
  int64_t count;
  int64_t threads;
};

// 1 x 1 expansion (where `expand` is not null) and depthwise convolution, each with bias and activation.
struct SbiFront {
  SbiMap from;
  int64_t channels;                  // after the expansion
  const float *expand, *expand_bias;  // [channels / block][c_in][block]
  const float *depthwise, *bias;      // [channels / lanes][kernel][kernel][lanes]
  int64_t kernel, stride, before;
  int64_t out_height, out_width;
  float* to;        // [channels / lanes][position][lanes]
  float* row_sums;  // [out_height][channels in whole vectors]; null: not wanted
  SbiActivation activation;
  int64_t threads;
};

// Squeeze and excitation: from the sums of a front's rows to a factor per channel.
struct SbiGate {
  const float* row_sums;
  int64_t rows, positions, channels, squeezed;
  const float *reduce, *reduce_bias;  // [squeezed][channels in whole vectors]
  const float *expand, *expand_bias;  // the same shape
  float* gate;                        // channels in whole vectors
};

// 1 x 1 convolution of a front's result, whose channels are weighed where `gate` is not null.
struct SbiProject {
  const float* from;
  const float* gate;
  int64_t positions, channels;
  SbiMap to, onto;
  const float *weight, *bias;  // [c_out / block][channels in whole vectors][block]
  SbiActivation activation;
};

// A depthwise convolution of 3 x 3 with a zero on every side, and a 1 x 1 convolution of its result. Channels come in whole
// vectors; those that go in may be half a vector where the stride is 1.
struct SbiPair {
  int64_t stride, c_in, c_out;
  const float *depthwise, *depthwise_bias;  // [c_in / lanes][3][3][lanes], half a vector's numbers twice
  const float *weight, *bias;               // [c_out / block][c_in][block]
  SbiActivation activation, project_activation;  // without slopes
};

// Pairs one behind the other, and a convolution of 3 x 3 to eight channels before the first of them, where `stem` is not
// null: `from` has a halo then.
struct SbiChain {
  SbiMap from, to;
  const float *stem, *stem_bias;  // [3][3][c_in][8]
  int64_t stem_stride;
  SbiActivation stem_activation;  // without slopes or exponential
  const SbiPair* pairs;
  int64_t count;
  int64_t threads;
};

// The largest of a window of 3 x 3, every second one.
struct SbiMaxPool {
  SbiMap from, to;
  int64_t before;
};

// For two operations.
// Enlarging: `to` = `from` enlarged by its nearest pixels to the size of `to`, plus `onto`.
// Mean shortcut: `to` = max(0, `onto` + the means of `from` over 2 x 2); what either lacks in rows, columns or channels
// counts as 0.
struct SbiSum {
  SbiMap from, to, onto;
};

// A factor and an offset per channel.
struct SbiAffine {
  SbiMap from, to;
  const float *scale, *shift;
};

// One operation's functions. `scratch`: memory that a task may use, in floats, aligned to 64 bytes.
struct SbiOperation {
  int64_t (*tasks)(const void* operation);
  int64_t (*scratch)(const void* operation);
  void (*run)(const void* operation, int64_t task, float* scratch);
};

struct SbiKernels {
  int64_t lanes, block;  // channels in a vector, and in a block of weights
  int64_t winograd;      // side of the outputs of one of Winograd's tiles
  SbiOperation conv, winograd_conv, front, gate, project, chain, max_pool, enlarge, mean_shortcut, affine;
};
}

SBI_NUMBERS(SbiActivationKind, (None, 0), (Relu, 1), (Clamp, 2), (Swish, 3), (Leaky, 4), (Slopes, 5))
SBI_LAYOUT(SbiMap, 48, (data, 0), (height, 8), (width, 16), (channels, 24), (row_stride, 32), (pixel_stride, 40))
SBI_LAYOUT(SbiActivation, 24, (kind, 0), (constant, 8), (slopes, 16))
SBI_LAYOUT(SbiConv, 216, (from, 0), (to, 48), (onto, 96), (kernel, 144), (stride, 152), (before, 160), (weight, 168),
           (bias, 176), (activation, 184), (threads, 208))
SBI_LAYOUT(SbiWinogradPart, 136, (to, 0), (onto, 48), (weight, 96), (bias, 104), (activation, 112))
SBI_LAYOUT(SbiWinograd, 72, (from, 0), (parts, 48), (count, 56), (threads, 64))
SBI_LAYOUT(SbiFront, 176, (from, 0), (channels, 48), (expand, 56), (expand_bias, 64), (depthwise, 72), (bias, 80),
           (kernel, 88), (stride, 96), (before, 104), (out_height, 112), (out_width, 120), (to, 128), (row_sums, 136),
           (activation, 144), (threads, 168))
SBI_LAYOUT(SbiGate, 80, (row_sums, 0), (rows, 8), (positions, 16), (channels, 24), (squeezed, 32), (reduce, 40),
           (reduce_bias, 48), (expand, 56), (expand_bias, 64), (gate, 72))
SBI_LAYOUT(SbiProject, 168, (from, 0), (gate, 8), (positions, 16), (channels, 24), (to, 32), (onto, 80), (weight, 128),
           (bias, 136), (activation, 144))
SBI_LAYOUT(SbiPair, 104, (stride, 0), (c_in, 8), (c_out, 16), (depthwise, 24), (depthwise_bias, 32), (weight, 40),
           (bias, 48), (activation, 56), (project_activation, 80))
SBI_LAYOUT(SbiChain, 168, (from, 0), (to, 48), (stem, 96), (stem_bias, 104), (stem_stride, 112), (stem_activation, 120),
           (pairs, 144), (count, 152), (threads, 160))
SBI_LAYOUT(SbiMaxPool, 104, (from, 0), (to, 48), (before, 96))
SBI_LAYOUT(SbiSum, 144, (from, 0), (to, 48), (onto, 96))
SBI_LAYOUT(SbiAffine, 112, (from, 0), (to, 48), (scale, 96), (shift, 104))
SBI_LAYOUT(SbiOperation, 24, (tasks, 0), (scratch, 8), (run, 16))
SBI_LAYOUT(SbiKernels, 264, (lanes, 0), (block, 8), (winograd, 16), (conv, 24), (winograd_conv, 48), (front, 72),
           (gate, 96), (project, 120), (chain, 144), (max_pool, 168), (enlarge, 192), (mean_shortcut, 216),
           (affine, 240))
