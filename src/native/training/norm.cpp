// Batch norms in training: see norm.h. The statistics of a piece of rows are float32, those of all float64.

#include "norm.h"

#include <cmath>

#include <torch/csrc/autograd/custom_function.h>

namespace sbi {
namespace {

// Bytes of rows that a piece may have: half of a usual second-level cache.
constexpr int64_t PIECE_BYTES = 256 << 10;
// Matrix products of fewer rows are slow.
constexpr int64_t FEWEST_ROWS = 144;
// Parts begin where vectors are aligned.
constexpr int64_t ALIGNMENT = 16;

enum StateRow { SCALE, SHIFT, MEAN, INVERSE, STATE_ROWS };
enum GradientRow { SLOPE, OFFSET, GRADIENT_ROWS };

at::Tensor rows_of_numbers(int64_t rows, int64_t channels) {
  return at::empty({rows, channels}, at::TensorOptions().dtype(at::kFloat));
}

}  // namespace

Pieces::Pieces(int64_t images, int64_t rows, int64_t channels) : images_(images), rows_(rows) {
  const int64_t wanted = std::max(FEWEST_ROWS, PIECE_BYTES / (channels * int64_t{sizeof(float)}));
  parts_ = std::max<int64_t>(1, (rows + wanted - 1) / wanted);
  part_rows_ = ((rows + parts_ - 1) / parts_ + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  parts_ = (rows + part_rows_ - 1) / part_rows_;
  together_ = std::max<int64_t>(1, wanted / rows);
}

int64_t Pieces::first(int64_t piece) const {
  if (parts_ > 1) return piece / parts_ * rows_ + std::min(rows_, piece % parts_ * part_rows_);
  return std::min(images_, piece * together_) * rows_;
}

NormView BatchNormState::view() const {
  const int64_t c = values.size(1);
  const float* from = data(values);
  return {from + SCALE * c, from + SHIFT * c, from + MEAN * c};
}

const float* BatchNormState::deviation_inverse() const { return data(values) + INVERSE * values.size(1); }

BatchNormState settle(const SbiNorm& norm, const std::vector<double>& mean, const std::vector<double>& squares,
                      double count) {
  const int64_t channels = static_cast<int64_t>(mean.size());
  BatchNormState state{rows_of_numbers(STATE_ROWS, channels)};
  float* to = mutable_data(state.values);
  const float *weight = data(*norm.weight), *bias = data(*norm.bias);
  float *running_mean = mutable_data(*norm.running_mean), *running_var = mutable_data(*norm.running_var);
  for (int64_t c = 0; c < channels; c++) {
    const double inverse = 1.0 / std::sqrt(squares[c] / count + norm.eps);
    const double scale = weight[c] * inverse;
    to[SCALE * channels + c] = static_cast<float>(scale);
    to[SHIFT * channels + c] = static_cast<float>(bias[c] - mean[c] * scale);
    to[MEAN * channels + c] = static_cast<float>(mean[c]);
    to[INVERSE * channels + c] = static_cast<float>(inverse);
    const double kept = 1.0 - norm.momentum, unbiased = squares[c] / (count - 1.0);
    running_mean[c] = static_cast<float>(kept * running_mean[c] + norm.momentum * mean[c]);
    running_var[c] = static_cast<float>(kept * running_var[c] + norm.momentum * unbiased);
  }
  return state;
}

NormGradient BatchNormGradient::view(const BatchNormState& state) const {
  const NormView norm = state.view();
  const float* from = data(values);
  return {norm.scale, norm.mean, from + SLOPE * values.size(1), from + OFFSET * values.size(1)};
}

BatchNormGradient gradient_of(const BatchNormState& state, const std::vector<double>& sum,
                              const std::vector<double>& moment, double count) {
  const int64_t channels = static_cast<int64_t>(sum.size());
  const auto vector = [&] { return at::empty({channels}, at::TensorOptions().dtype(at::kFloat)); };
  BatchNormGradient gradient{rows_of_numbers(GRADIENT_ROWS, channels), vector(), vector()};
  const float *scale = state.view().scale, *inverse = state.deviation_inverse();
  float *to = mutable_data(gradient.values), *weight = mutable_data(gradient.weight);
  float* bias = mutable_data(gradient.bias);
  for (int64_t c = 0; c < channels; c++) {
    const double outer = scale[c], spread = inverse[c];
    to[SLOPE * channels + c] = static_cast<float>(outer * spread * spread * moment[c] / count);
    to[OFFSET * channels + c] = static_cast<float>(outer * sum[c] / count);
    weight[c] = static_cast<float>(moment[c] * spread);
    bias[c] = static_cast<float>(sum[c]);
  }
  return gradient;
}

void Moments::add(int64_t piece, const float* x, int64_t rows) {
  rows_[piece] = rows;
  sbi_row_statistics(x, rows, channels_, mean_.data() + piece * channels_, squares_.data() + piece * channels_);
}

BatchNormState Moments::settle(const SbiNorm& norm) const {
  std::vector<double> mean(channels_), squares(channels_);
  double count = 0.0;
  for (size_t piece = 0; piece < rows_.size(); piece++) {
    const double rows = static_cast<double>(rows_[piece]), all = count + rows;
    for (int64_t c = 0; c < channels_; c++) {
      const double delta = mean_[piece * channels_ + c] - mean[c];
      mean[c] += delta * (rows / all);
      squares[c] += squares_[piece * channels_ + c] + delta * delta * (count * rows / all);
    }
    count = all;
  }
  return sbi::settle(norm, mean, squares, count);
}

std::vector<double> sum_of_parts(const float* parts, int64_t count, int64_t channels) {
  std::vector<double> sum(channels);
  for (int64_t part = 0; part < count; part++)
    for (int64_t c = 0; c < channels; c++) sum[c] += parts[part * channels + c];
  return sum;
}

namespace {

// activation(batch norm(x)), which keeps x alone for the way back.
struct NormActivation : torch::autograd::Function<NormActivation> {
  // Parameters without a name are in `norm` too; libtorch must see all that a gradient belongs to.
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x_any,
                            const at::Tensor& /*weight*/, const at::Tensor& /*bias*/, const SbiNorm* norm,
                            int64_t activation) {
    const at::Tensor x = channels_last(x_any);
    const int64_t n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
    const Pieces pieces(n, h * w, c);
    const float* from = data(x);
    Moments moments(pieces, c);
    for_tasks(pieces.count(), [&](int64_t i) { moments.add(i, from + pieces.first(i) * c, pieces.rows(i)); });
    const BatchNormState state = moments.settle(*norm);
    const at::Tensor y = empty_like_rows(n, c, h, w);
    float* to = mutable_data(y);
    for_tasks(pieces.count(), [&](int64_t i) {
      const int64_t at = pieces.first(i) * c;
      sbi_row_activation(Activation(activation), from + at, pieces.rows(i), c, state.view(), nullptr, to + at);
    });
    context->save_for_backward({x, state.values});
    context->saved_data["activation"] = activation;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], dy = channels_last(gradients[0]);
    const BatchNormState state{saved[1]};
    const auto activation = Activation(context->saved_data["activation"].toInt());
    const int64_t n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
    const Pieces pieces(n, h * w, c);
    const int64_t parts = pieces.count();
    std::vector<float> sums(parts * c), sum_moments(parts * c);
    const float *from = data(x), *above = data(dy);
    for_tasks(parts, [&](int64_t i) {
      const int64_t at = pieces.first(i) * c;
      sbi_row_gradient_sums(activation, above + at, from + at, pieces.rows(i), c, state.view(), sums.data() + i * c,
                            sum_moments.data() + i * c);
    });
    const BatchNormGradient gradient =
        gradient_of(state, sum_of_parts(sums.data(), parts, c), sum_of_parts(sum_moments.data(), parts, c),
                    static_cast<double>(n * h * w));
    const at::Tensor dx = empty_like_rows(n, c, h, w);
    float* to = mutable_data(dx);
    for_tasks(parts, [&](int64_t i) {
      const int64_t at = pieces.first(i) * c;
      sbi_row_gradient(activation, above + at, from + at, pieces.rows(i), c, state.view(), gradient.view(state), 1.0f,
                       to + at);
    });
    return {dx, gradient.weight, gradient.bias, {}, {}};
  }
};

}  // namespace
}  // namespace sbi

extern "C" {

// `x`: [n, c, h, w], float32, with the channels in eights.
at::Tensor* sbi_norm_activation(const at::Tensor* x, const SbiNorm* norm, SbiTrainActivation activation, char** error) {
  return sbi::guarded(error, [&] {
    return new at::Tensor(sbi::NormActivation::apply(*x, *norm->weight, *norm->bias, norm, int64_t(activation)));
  });
}
}
