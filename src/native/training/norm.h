// Batch norms in training, and work on rows shared out to threads: what the autograd functions have in common.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <exception>
#include <vector>

#include <torch/csrc/autograd/custom_function.h>

#include "kernels.h"
#include "native/guarded.h"
#include "native/process_group/group.h"

extern "C" {

// A batch norm's tensors, and torch's epsilon and momentum. The batch is that of all `ranks`, where there are any.
struct SbiNorm {
  const at::Tensor *weight, *bias, *running_mean, *running_var;
  double eps, momentum;
  const SbiRanks* ranks;
};
}

SBI_LAYOUT(SbiNorm, 56, (weight, 0), (bias, 8), (running_mean, 16), (running_var, 24), (eps, 32), (momentum, 40),
           (ranks, 48))

namespace sbi {

// The fastest build of the kernels that this processor runs and that takes so many channels.
const Kernels& kernels(int64_t channels);

// result = left * right, or result += left * right; for one task. `ahead`: what is read next. On processors with AVX-512 by a kernel of our own,
// where the rows of `right` and the result lie in one piece.
void multiply(const at::Tensor& left, const at::Tensor& right, at::Tensor result, bool add, Run ahead);

// A matrix as multiply() likes it for `right`.
at::Tensor right_side(const at::Tensor& matrix);

// Runs body(task) for all tasks on libtorch's number of threads, whoever is free taking the next.
template <class F>
void for_tasks(int64_t tasks, F&& body) {
  std::exception_ptr failure;
#pragma omp parallel num_threads(at::get_num_threads())
  {
    at::AutoDispatchBelowADInplaceOrView below;
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < tasks; task++) {
      try {
        body(task);
      } catch (...) {
#pragma omp critical(sbi_failure)
        failure = std::current_exception();
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// The rows of a batch of images, in pieces that lie in the cache: a part of one image, or several small ones.
class Pieces {
 public:
  Pieces(int64_t images, int64_t rows, int64_t channels);

  int64_t count() const { return parts_ > 1 ? images_ * parts_ : (images_ + together_ - 1) / together_; }
  int64_t first(int64_t piece) const;
  int64_t rows(int64_t piece) const { return first(piece + 1) - first(piece); }
  // How many numbers there are per channel and sum when each image's part of each piece has one.
  int64_t parts() const { return images_ * parts_; }
  int64_t parts_of_image() const { return parts_; }

  // body(image, part, first row, rows) for each image of a piece.
  template <class F>
  void images_of(int64_t piece, F&& body) const {
    if (parts_ > 1) return body(piece / parts_, piece, first(piece), rows(piece));
    for (int64_t i = piece * together_; i < std::min(images_, (piece + 1) * together_); i++)
      body(i, i, i * rows_, rows_);
  }

 private:
  int64_t images_, rows_, parts_, part_rows_, together_;
};

// The scale, shift, mean and 1 / deviation of a batch, each a row of `values` with a number per channel.
struct BatchNormState {
  at::Tensor values;

  NormView view() const;
  const float* deviation_inverse() const;
};

// For the way back: keeps the processes that share a batch, and gives them again; null where there is one alone.
void keep_ranks(torch::autograd::AutogradContext* context, const SbiNorm& norm);
c10::intrusive_ptr<Ranks> kept_ranks(torch::autograd::AutogradContext* context);

// Mean and variance of `count` values a channel from those of parts of them (`[parts, channels]`: means and sums of
// squared distances), over all processes that share the batch; moves the running statistics as torch's batch_norm does.
BatchNormState settle(const SbiNorm& norm, std::vector<double> mean, std::vector<double> squares, double count);

// What a batch norm's gradient needs, and the gradients of its own weights.
struct BatchNormGradient {
  at::Tensor values, weight, bias;

  NormGradient view(const BatchNormState& state) const;
};

// From the sums per channel of dz and of dz * (x - mean) over this process's `count` values. That of x takes those of all
// `ranks`, where there are any; those of the weights are this process's share.
BatchNormGradient gradient_of(const BatchNormState& state, const std::vector<double>& sum,
                              const std::vector<double>& moment, double count, Ranks* ranks);

// Moments of all rows of x `[rows, channels]`, then settle().
class Moments {
 public:
  Moments(const Pieces& pieces, int64_t channels)
      : channels_(channels), rows_(pieces.count()), mean_(pieces.count() * channels), squares_(mean_.size()) {}
  // Those of a piece, as soon as it is computed.
  void add(int64_t piece, const float* x, int64_t rows);
  BatchNormState settle(const SbiNorm& norm) const;

 private:
  int64_t channels_;
  std::vector<int64_t> rows_;
  std::vector<float> mean_, squares_;
};

// The sum of `parts` rows of `channels` floats, in float64 and in order.
std::vector<double> sum_of_parts(const float* parts, int64_t count, int64_t channels);

// `[n, c, h, w]` as `[n * h * w, c]`, without a copy for a tensor in channels-last order.
inline at::Tensor rows_of(const at::Tensor& nchw) { return nchw.permute({0, 2, 3, 1}).reshape({-1, nchw.size(1)}); }

inline at::Tensor channels_last(const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

inline at::Tensor empty_like_rows(int64_t n, int64_t c, int64_t h, int64_t w) {
  return at::empty({n, c, h, w}, at::TensorOptions().dtype(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
}

inline const float* data(const at::Tensor& t) { return t.const_data_ptr<float>(); }
inline float* mutable_data(const at::Tensor& t) { return t.mutable_data_ptr<float>(); }

}  // namespace sbi
