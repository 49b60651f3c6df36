// Batch norms in training: see norm.h. The statistics of a piece of rows are float32, those of all float64.

#include "norm.h"

#include <cmath>

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

void keep_ranks(torch::autograd::AutogradContext* context, const SbiNorm& norm) {
  if (norm.ranks) context->saved_data["ranks"] = c10::IValue::make_capsule(norm.ranks->ranks);
}

c10::intrusive_ptr<Ranks> kept_ranks(torch::autograd::AutogradContext* context) {
  const auto kept = context->saved_data.find("ranks");
  if (kept == context->saved_data.end()) return {};
  return c10::static_intrusive_pointer_cast<Ranks>(kept->second.toCapsule());
}

namespace {

// Means and sums of squared distances of parts become those of the whole batch. Sums of squares are float64, in which
// there is no loss to speak of where values are float32.
void join(Ranks& ranks, std::vector<double>& mean, std::vector<double>& squares, double& count) {
  const int64_t channels = static_cast<int64_t>(mean.size());
  std::vector<double> sums(2 * channels + 1);
  for (int64_t c = 0; c < channels; c++) {
    sums[c] = count * mean[c];
    sums[channels + c] = squares[c] + count * mean[c] * mean[c];
  }
  sums[2 * channels] = count;
  ranks.sum(sums.data(), 2 * channels + 1);
  count = sums[2 * channels];
  for (int64_t c = 0; c < channels; c++) {
    mean[c] = sums[c] / count;
    squares[c] = std::max(0.0, sums[channels + c] - count * mean[c] * mean[c]);
  }
}

}  // namespace

BatchNormState settle(const SbiNorm& norm, std::vector<double> mean, std::vector<double> squares, double count) {
  const int64_t channels = static_cast<int64_t>(mean.size());
  if (norm.ranks) join(*norm.ranks->ranks, mean, squares, count);
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
                              const std::vector<double>& moment, double count, Ranks* ranks) {
  const int64_t channels = static_cast<int64_t>(sum.size());
  // Of the whole batch: sums, moments, and how many values there are.
  std::vector<double> whole(sum);
  whole.insert(whole.end(), moment.begin(), moment.end());
  whole.push_back(count);
  if (ranks) ranks->sum(whole.data(), 2 * channels + 1);
  const double* all_moments = whole.data() + channels;
  const double all = whole[2 * channels];
  const auto vector = [&] { return at::empty({channels}, at::TensorOptions().dtype(at::kFloat)); };
  BatchNormGradient gradient{rows_of_numbers(GRADIENT_ROWS, channels), vector(), vector()};
  const float *scale = state.view().scale, *inverse = state.deviation_inverse();
  float *to = mutable_data(gradient.values), *weight = mutable_data(gradient.weight);
  float* bias = mutable_data(gradient.bias);
  for (int64_t c = 0; c < channels; c++) {
    const double outer = scale[c], spread = inverse[c];
    to[SLOPE * channels + c] = static_cast<float>(outer * spread * spread * all_moments[c] / all);
    to[OFFSET * channels + c] = static_cast<float>(outer * whole[c] / all);
    weight[c] = static_cast<float>(moment[c] * spread);
    bias[c] = static_cast<float>(sum[c]);
  }
  return gradient;
}

void Moments::add(int64_t piece, const float* x, int64_t rows) {
  rows_[piece] = rows;
  kernels(channels_).row_statistics(x, rows, channels_, mean_.data() + piece * channels_, squares_.data() + piece * channels_);
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
      kernels(c).row_activation(Activation(activation), from + at, pieces.rows(i), c, state.view(), nullptr, to + at);
    });
    context->save_for_backward({x, state.values});
    context->saved_data["activation"] = activation;
    keep_ranks(context, *norm);
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
      kernels(c).row_gradient_sums(activation, above + at, from + at, pieces.rows(i), c, state.view(), sums.data() + i * c,
                            sum_moments.data() + i * c);
    });
    const BatchNormGradient gradient =
        gradient_of(state, sum_of_parts(sums.data(), parts, c), sum_of_parts(sum_moments.data(), parts, c),
                    static_cast<double>(n * h * w), kept_ranks(context).get());
    const at::Tensor dx = empty_like_rows(n, c, h, w);
    float* to = mutable_data(dx);
    for_tasks(parts, [&](int64_t i) {
      const int64_t at = pieces.first(i) * c;
      kernels(c).row_gradient(activation, above + at, from + at, pieces.rows(i), c, state.view(), gradient.view(state), 1.0f,
                       to + at);
    });
    return {dx, gradient.weight, gradient.bias, {}, {}};
  }
};

// A batch norm with the statistics of all processes' batches, of libtorch's operators: for any device, number type and
// shape [n, c, ...]. Statistics are float64.
struct SharedNorm : torch::autograd::Function<SharedNorm> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const SbiNorm* norm) {
    const std::vector<int64_t> over = all_but_channels(x), shape = of_channels(x);
    const at::Tensor values = x.to(at::kFloat);
    const double count = static_cast<double>(x.numel() / x.size(1));
    const at::Tensor sum = values.sum(over, false, at::kDouble);
    const at::Tensor near = (sum / count).to(at::kFloat);
    // About a point near the mean there is nothing to cancel.
    const at::Tensor about = (values - near.view(shape)).square_().sum(over, false, at::kDouble);
    const at::Tensor point = near.to(at::kDouble);
    const at::Tensor squares = about + 2 * point * sum - count * point.square();
    const at::Tensor all = at::cat({sum, squares, at::full({1}, count, sum.options())});
    norm->ranks->ranks->sum(all);
    const int64_t c = x.size(1);
    const at::Tensor total = all.narrow(0, 2 * c, 1), mean = all.narrow(0, 0, c) / total;
    const at::Tensor variance = (all.narrow(0, c, c) / total - mean.square()).clamp_min(0);
    const auto move = [&](const at::Tensor& running, const at::Tensor& towards) {
      running.copy_(running.to(at::kDouble) * (1.0 - norm->momentum) + towards * norm->momentum);
    };
    move(*norm->running_mean, mean);
    move(*norm->running_var, variance * (total / (total - 1.0)));
    const at::Tensor centre = mean.to(at::kFloat), inverse = (variance + norm->eps).rsqrt().to(at::kFloat);
    context->save_for_backward({x, weight, centre, inverse});
    keep_ranks(context, *norm);
    const at::Tensor y = (values - centre.view(shape)) * (inverse * weight).view(shape) + bias.view(shape);
    return y.to(x.scalar_type());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &centre = saved[2], &inverse = saved[3];
    const std::vector<int64_t> over = all_but_channels(x), shape = of_channels(x);
    const at::Tensor dy = gradients[0].to(at::kFloat), away = x.to(at::kFloat) - centre.view(shape);
    const at::Tensor sum = dy.sum(over, false, at::kDouble), moment = (dy * away).sum(over, false, at::kDouble);
    const double count = static_cast<double>(x.numel() / x.size(1));
    const at::Tensor all = at::cat({sum, moment, at::full({1}, count, sum.options())});
    kept_ranks(context)->sum(all);
    const int64_t c = x.size(1);
    const at::Tensor total = all.narrow(0, 2 * c, 1);
    const at::Tensor offset = (all.narrow(0, 0, c) / total).to(at::kFloat);
    const at::Tensor slope = (all.narrow(0, c, c) / total).to(at::kFloat) * inverse.square();
    const at::Tensor dx = (dy - offset.view(shape) - away * slope.view(shape)) * (inverse * weight).view(shape);
    return {dx.to(x.scalar_type()), (moment.to(at::kFloat) * inverse), sum.to(at::kFloat), {}};
  }

 private:
  static std::vector<int64_t> all_but_channels(const at::Tensor& x) {
    std::vector<int64_t> over{0};
    for (int64_t axis = 2; axis < x.dim(); axis++) over.push_back(axis);
    return over;
  }

  static std::vector<int64_t> of_channels(const at::Tensor& x) {
    std::vector<int64_t> shape(x.dim(), 1);
    shape[1] = x.size(1);
    return shape;
  }
};

}  // namespace
}  // namespace sbi

extern "C" {

at::Tensor* sbi_shared_norm(const at::Tensor* x, const SbiNorm* norm, char** error) {
  return sbi::guarded(error,
                      [&] { return new at::Tensor(sbi::SharedNorm::apply(*x, *norm->weight, *norm->bias, norm)); });
}

// `x`: [n, c, h, w], float32, with the channels in eights.
at::Tensor* sbi_norm_activation(const at::Tensor* x, const SbiNorm* norm, SbiTrainActivation activation, char** error) {
  return sbi::guarded(error, [&] {
    return new at::Tensor(sbi::NormActivation::apply(*x, *norm->weight, *norm->bias, norm, int64_t(activation)));
  });
}
}
