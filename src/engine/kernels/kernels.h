// What the kernels of the inference engine are asked, in plain C: Rust fills these in.
//
// A map is one image's activations, float32, row by row, pixel by pixel, the channels of a pixel side by side. `data`
// is its first pixel; around it may lie a halo of zeros, which rows and columns below 0 and past the end reach.
//
// Every operation is cut into tasks that may run on any thread in any order: each writes what no other one does, and
// in the same order of sums, so that results do not depend on the number of threads.
#pragma once

#include <cstdint>

extern "C" {

struct SbiMap {
  float* data;
  int64_t height, width, channels;
  int64_t row_stride, pixel_stride;  // in floats
};

struct SbiActivation {
  int64_t kind;         // as in `Kind`, activation.h
  float constant;       // slope or upper limit
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

// The same for kernels of 3 x 3 with stride 1 and padding 1, by Winograd's way.
struct SbiWinograd {
  SbiMap from, to, onto;
  const float* weight;  // [position][c_out / block][c_in][block]
  const float* bias;
  SbiActivation activation;
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

// The largest of a window of 3 x 3, every second one.
struct SbiMaxPool {
  SbiMap from, to;
  int64_t before;
};

// `to` = `from` enlarged by its nearest pixels to the size of `to`, plus `onto`.
struct SbiEnlarge {
  SbiMap from, to, onto;
};

// `to` = max(0, `onto` + the means of `from` over 2 x 2): what either lacks in rows, columns or channels counts as 0.
struct SbiMeanShortcut {
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
  SbiOperation conv, winograd_conv, front, gate, project, max_pool, enlarge, mean_shortcut, affine;
};
}
