// A block of EfficientNet in training as one autograd function.
//
//   a = expand(x)   b = depthwise(act(norm0(a)))   y = act(norm1(b))   gate = sigmoid(excite(swish(squeeze(mean(y)))))
//   c = project(y * gate)   result = norm2(c) * keep + x
//
// Only x, a, b and c stay for the way back; what lies between is computed again, a piece at a time, in the cache,
// where the matrix products take it up. libtorch's own operators would keep nine tensors and pass each several times
// through memory, which costs more than the arithmetic.

#include "norm.h"

extern "C" {

// Pointers to absent parts are null: `expand_weight` and norm 0 together, the four of the squeeze-excitation together.
struct SbiBlock {
  const at::Tensor* expand_weight;
  const at::Tensor* depthwise_weight;
  const at::Tensor *squeeze_weight, *squeeze_bias, *excite_weight, *excite_bias;
  const at::Tensor* project_weight;
  SbiNorm norms[3];
  int64_t kernel, stride, before, after;
  SbiTrainActivation activation;
  // Whether x is added to the result.
  int64_t skip;
};
}

SBI_LAYOUT(SbiBlock, 272, (expand_weight, 0), (depthwise_weight, 8), (squeeze_weight, 16), (squeeze_bias, 24),
           (excite_weight, 32), (excite_bias, 40), (project_weight, 48), (norms, 56), (kernel, 224), (stride, 232),
           (before, 240), (after, 248), (activation, 256), (skip, 264))

namespace sbi {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Weights' gradients are summed up per group of pieces, then over groups: the same order every time. More groups share
// the work out better, fewer need less memory.
constexpr int64_t MOST_GROUPS = 8;
constexpr int64_t GROUP_BYTES = 4 << 20;

class WeightGradient {
 public:
  WeightGradient(int64_t pieces, at::IntArrayRef shape) : pieces_(pieces) {
    const int64_t bytes = shape[0] * shape[1] * int64_t{sizeof(float)};
    const int64_t most = std::clamp(GROUP_BYTES / bytes, int64_t{at::get_num_threads()}, MOST_GROUPS);
    groups_ = std::min(pieces, most);
    parts_ = at::zeros({groups_, shape[0], shape[1]});
  }

  // body(piece, where to add) for all pieces, group by group.
  template <class F>
  void for_pieces(F&& body) {
    for_tasks(groups_, [&](int64_t group) {
      at::Tensor part = parts_[group];
      for (int64_t i = pieces_ * group / groups_; i < pieces_ * (group + 1) / groups_; i++) body(i, part);
    });
  }

  at::Tensor sum() const { return parts_.sum(0); }

 private:
  int64_t pieces_, groups_;
  at::Tensor parts_;
};

at::Tensor matrix(const at::Tensor& weight) { return weight.detach().reshape({weight.size(0), -1}); }

// A piece of `rows`; of none where there are so many pieces.
Run piece_of(const at::Tensor& rows, const Pieces& pieces, int64_t piece) {
  if (piece >= pieces.count()) return {};
  const int64_t channels = rows.size(1);
  return {data(rows) + pieces.first(piece) * channels, pieces.rows(piece) * channels};
}

at::Tensor buffer(int64_t rows, int64_t columns) { return at::empty({rows, columns}); }

// The inputs in their order, for the gradients.
enum Input {
  DX, DEXPAND, NORM0_WEIGHT, NORM0_BIAS, DDEPTHWISE, NORM1_WEIGHT, NORM1_BIAS, DSQUEEZE, SQUEEZE_BIAS, DEXCITE,
  EXCITE_BIAS, DPROJECT, NORM2_WEIGHT, NORM2_BIAS, DKEEP, SETTINGS, INPUTS
};
// What is saved, in its order.
enum Saved {
  X, EXPAND, DEPTHWISE, SQUEEZE, EXCITE, PROJECT, A, B, C, STATE0, STATE1, STATE2, POOLED, HIDDEN, GATES, KEEP
};

struct Geometry {
  int64_t n, c_in, wide, c_out;
  DepthwiseShape depthwise;
  bool expands, excites;

  Geometry(const at::Tensor& x, const SbiBlock& block, const at::Tensor& depthwise_weight,
           const at::Tensor& project_weight, bool has_expansion, bool has_excitation)
      : n(x.size(0)), c_in(x.size(1)), wide(depthwise_weight.size(0)), c_out(project_weight.size(0)),
        expands(has_expansion), excites(has_excitation) {
    const auto out = [&](int64_t side) {
      return (side + block.before + block.after - block.kernel) / block.stride + 1;
    };
    const int64_t h = x.size(2), w = x.size(3);
    depthwise = {wide, h, w, out(h), out(w), block.kernel, block.stride, block.before};
  }

  int64_t rows_in() const { return depthwise.height * depthwise.width; }
  int64_t rows_out() const { return depthwise.out_height * depthwise.out_width; }
  int64_t blocks() const { return (wide + DEPTHWISE_BLOCK - 1) / DEPTHWISE_BLOCK; }
};

// [channels, 1, k, k] as [k * k, channels].
at::Tensor taps(const at::Tensor& depthwise_weight) { return matrix(depthwise_weight).t().contiguous(); }

struct Block : torch::autograd::Function<Block> {
  using Maybe = std::optional<at::Tensor>;

  // Parameters without a name are in `block` too; libtorch must see all that a gradient belongs to.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_any, const Maybe& maybe_expand,
                            const Maybe& /*norm0_weight*/, const Maybe& /*norm0_bias*/, const at::Tensor& depthwise,
                            const at::Tensor& /*norm1_weight*/, const at::Tensor& /*norm1_bias*/,
                            const Maybe& maybe_squeeze, const Maybe& squeeze_bias, const Maybe& maybe_excite,
                            const Maybe& excite_bias, const at::Tensor& project, const at::Tensor& /*norm2_weight*/,
                            const at::Tensor& /*norm2_bias*/, const Maybe& maybe_keep, const SbiBlock* block) {
    const auto or_none = [](const Maybe& t) { return t.value_or(at::Tensor()); };
    const at::Tensor expand = or_none(maybe_expand), squeeze = or_none(maybe_squeeze);
    const at::Tensor excite = or_none(maybe_excite), keep = or_none(maybe_keep);
    const at::Tensor x = channels_last(x_any);
    const Geometry g(x, *block, depthwise, project, expand.defined(), squeeze.defined());
    const DepthwiseShape& shape = g.depthwise;
    const Activation activation = block->activation;
    const at::Tensor x_rows = rows_of(x);

    at::Tensor a;
    BatchNormState state0;
    if (g.expands) {
      a = empty_like_rows(g.n, g.wide, shape.height, shape.width);
      const at::Tensor a_rows = rows_of(a), weight = right_side(matrix(expand).t());
      const Pieces pieces(g.n, g.rows_in(), g.wide);
      Moments moments(pieces, g.wide);
      for_tasks(pieces.count(), [&](int64_t i) {
        const int64_t first = pieces.first(i), rows = pieces.rows(i);
        at::Tensor to = a_rows.narrow(0, first, rows);
        multiply(x_rows.narrow(0, first, rows), weight, to, false, piece_of(x_rows, pieces, i + 1));
        moments.add(i, data(to), rows);
      });
      state0 = moments.settle(block->norms[0]);
    }

    const at::Tensor b = empty_like_rows(g.n, g.wide, shape.out_height, shape.out_width);
    const BatchNormState state1 = depthwise_forward_all(g, activation, g.expands ? a : x, state0, depthwise, b, *block);

    const Pieces pieces(g.n, g.rows_out(), g.wide);
    const at::Tensor b_rows = rows_of(b);
    at::Tensor pooled, hidden, gate;
    if (g.excites) {
      pooled = pool(g, pieces, activation, b, state1);
      hidden = at::addmm(*squeeze_bias, pooled, matrix(squeeze).t());
      gate = at::addmm(*excite_bias, at::silu(hidden), matrix(excite).t()).sigmoid_();
    }

    const at::Tensor c = empty_like_rows(g.n, g.c_out, shape.out_height, shape.out_width);
    const at::Tensor c_rows = rows_of(c), project_weight = right_side(matrix(project).t());
    Moments moments(pieces, g.c_out);
    for_tasks(pieces.count(), [&](int64_t i) {
      const int64_t first = pieces.first(i), rows = pieces.rows(i);
      const at::Tensor gated = buffer(rows, g.wide);
      pieces.images_of(i, [&](int64_t image, int64_t, int64_t image_first, int64_t image_rows) {
        kernels(g.wide).row_activation(activation, data(b_rows) + image_first * g.wide, image_rows, g.wide, state1.view(),
                           g.excites ? data(gate) + image * g.wide : nullptr,
                           mutable_data(gated) + (image_first - first) * g.wide);
      });
      at::Tensor to = c_rows.narrow(0, first, rows);
      multiply(gated, project_weight, to, false, piece_of(b_rows, pieces, i + 1));
      moments.add(i, data(to), rows);
    });
    const BatchNormState state2 = moments.settle(block->norms[2]);

    const at::Tensor result = at::empty_like(c);
    for_tasks(pieces.count(), [&](int64_t i) {
      pieces.images_of(i, [&](int64_t image, int64_t, int64_t first, int64_t rows) {
        const int64_t at = first * g.c_out;
        kernels(g.c_out).row_residual(data(c) + at, rows, g.c_out, state2.view(), keep.defined() ? data(keep)[image] : 1.0f,
                         block->skip ? data(x) + at : nullptr, mutable_data(result) + at);
      });
    });

    context->save_for_backward({x, expand, depthwise, squeeze, excite, project, a, b, c, state0.values, state1.values,
                                state2.values, pooled, hidden, gate, keep});
    context->saved_data["shape"] = std::vector<int64_t>{block->kernel, block->stride, block->before,
                                                        block->after, int64_t(block->activation), block->skip};
    keep_ranks(context, block->norms[1]);
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto numbers = context->saved_data["shape"].toIntVector();
    SbiBlock block{};
    block.kernel = numbers[0], block.stride = numbers[1], block.before = numbers[2], block.after = numbers[3];
    const auto activation = Activation(numbers[4]);
    const bool skip = numbers[5] != 0;
    const at::Tensor &x = saved[X], &b = saved[B], &c = saved[C], &keep = saved[KEEP];
    const Geometry g(x, block, saved[DEPTHWISE], saved[PROJECT], saved[EXPAND].defined(), saved[SQUEEZE].defined());
    const DepthwiseShape& shape = g.depthwise;
    const BatchNormState state0{saved[STATE0]}, state1{saved[STATE1]}, state2{saved[STATE2]};
    const at::Tensor dy = channels_last(gradients[0]);
    const auto factor = [&](int64_t image) { return keep.defined() ? data(keep)[image] : 1.0f; };
    const double values_out = static_cast<double>(g.n * g.rows_out());
    variable_list result(INPUTS);
    const auto ranks = kept_ranks(context);

    // Norm 2.
    const Pieces pieces(g.n, g.rows_out(), g.wide);
    std::vector<float> sums(pieces.parts() * g.c_out), sum_moments(sums.size());
    for_tasks(pieces.count(), [&](int64_t i) {
      pieces.images_of(i, [&](int64_t image, int64_t part, int64_t first, int64_t rows) {
        float *sum = sums.data() + part * g.c_out, *moment = sum_moments.data() + part * g.c_out;
        const int64_t at = first * g.c_out;
        kernels(g.c_out).row_gradient_sums(Activation::None, data(dy) + at, data(c) + at, rows, g.c_out, state2.view(), sum, moment);
        for (int64_t j = 0; j < g.c_out; j++) sum[j] *= factor(image), moment[j] *= factor(image);
      });
    });
    const BatchNormGradient gradient2 =
        gradient_of(state2, sum_of_parts(sums.data(), pieces.parts(), g.c_out),
                    sum_of_parts(sum_moments.data(), pieces.parts(), g.c_out), values_out, ranks.get());
    result[NORM2_WEIGHT] = gradient2.weight, result[NORM2_BIAS] = gradient2.bias;

    // Projection; the sums that the gate and norm 1 need.
    const at::Tensor gate = g.excites ? saved[GATES] : at::ones({g.n, g.wide});
    const at::Tensor b_rows = rows_of(b), c_rows = rows_of(c);
    const at::Tensor dgated = at::empty_like(b), dgated_rows = rows_of(dgated), project = matrix(saved[PROJECT]);
    const int64_t part_floats = GATED_SUMS * g.wide;
    std::vector<float> gated_sums(pieces.parts() * part_floats);
    WeightGradient dproject(pieces.count(), project.sizes());
    dproject.for_pieces([&](int64_t i, at::Tensor& dweight) {
      const int64_t first = pieces.first(i), rows = pieces.rows(i);
      const at::Tensor dc = buffer(rows, g.c_out), gated = buffer(rows, g.wide);
      pieces.images_of(i, [&](int64_t image, int64_t, int64_t image_first, int64_t image_rows) {
        const int64_t at = image_first * g.c_out;
        kernels(g.c_out).row_gradient(Activation::None, data(dy) + at, data(c) + at, image_rows, g.c_out, state2.view(),
                         gradient2.view(state2), factor(image), mutable_data(dc) + at - first * g.c_out);
      });
      multiply(dc, project, dgated_rows.narrow(0, first, rows), false, piece_of(b_rows, pieces, i));
      pieces.images_of(i, [&](int64_t image, int64_t part, int64_t image_first, int64_t image_rows) {
        const int64_t at = image_first * g.wide;
        kernels(g.wide).row_gated_sums(activation, data(dgated) + at, data(b) + at, image_rows, g.wide, state1.view(),
                           data(gate) + image * g.wide, mutable_data(gated) + at - first * g.wide,
                           gated_sums.data() + part * part_floats);
      });
      multiply(dc.t(), gated, dweight, true, piece_of(c_rows, pieces, i + 1));
    });
    result[DPROJECT] = dproject.sum().view(saved[PROJECT].sizes());

    // Squeeze-excitation, and what norm 1's gradient needs.
    const at::Tensor image_sums = at::empty({g.n, GATED_SUMS, g.wide}), dpooled = at::zeros({g.n, g.wide});
    for (int64_t image = 0; image < g.n; image++) {
      const int64_t parts = pieces.parts_of_image();
      const auto sum = sum_of_parts(gated_sums.data() + image * parts * part_floats, parts, part_floats);
      std::copy(sum.begin(), sum.end(), mutable_data(image_sums) + image * part_floats);
    }
    if (g.excites) {
      at::AutoDispatchBelowADInplaceOrView below;
      const at::Tensor dexcited = image_sums.select(1, GATE) * gate * (1 - gate);
      const at::Tensor &hidden = saved[HIDDEN], excite = matrix(saved[EXCITE]), squeeze = matrix(saved[SQUEEZE]);
      result[DEXCITE] = dexcited.t().mm(at::silu(hidden)).view(saved[EXCITE].sizes());
      result[EXCITE_BIAS] = dexcited.sum(0);
      const at::Tensor dhidden = at::silu_backward(dexcited.mm(excite), hidden);
      result[DSQUEEZE] = dhidden.t().mm(saved[POOLED]).view(saved[SQUEEZE].sizes());
      result[SQUEEZE_BIAS] = dhidden.sum(0);
      at::Tensor to = dpooled;
      at::mm_out(to, dhidden, squeeze).div_(static_cast<double>(g.rows_out()));
    }
    std::vector<double> sum1(g.wide), moment1(g.wide);
    for (int64_t image = 0; image < g.n; image++) {
      const float *at = data(image_sums) + image * part_floats, *gates = data(gate) + image * g.wide;
      const float* pools = data(dpooled) + image * g.wide;
      for (int64_t j = 0; j < g.wide; j++) {
        const auto sum = [&](GatedSum which) { return static_cast<double>(at[which * g.wide + j]); };
        sum1[j] += gates[j] * sum(SLOPED) + pools[j] * sum(SLOPES);
        moment1[j] += gates[j] * sum(SLOPED_MOMENT) + pools[j] * sum(SLOPES_MOMENT);
      }
    }
    const BatchNormGradient gradient1 = gradient_of(state1, sum1, moment1, values_out, ranks.get());
    result[NORM1_WEIGHT] = gradient1.weight, result[NORM1_BIAS] = gradient1.bias;

    // Depthwise convolution, through the activation before it.
    const at::Tensor seen = g.expands ? saved[A] : x;
    const at::Tensor da = at::empty_like(seen), dtaps = at::empty({g.n, block.kernel * block.kernel, g.wide});
    std::vector<double> da_sums(g.n * g.wide), da_moments(g.n * g.wide);
    const at::Tensor depthwise_taps = taps(saved[DEPTHWISE]);
    DepthwiseBackward whole{activation, data(dgated), data(b), data(gate), data(dpooled), state1.view(),
                            gradient1.view(state1), data(seen), g.expands ? state0.view() : NormView{},
                            data(depthwise_taps), mutable_data(da), mutable_data(dtaps), da_sums.data(),
                            da_moments.data()};
    for_tasks(g.n * g.blocks(), [&](int64_t task) {
      const int64_t image = task / g.blocks();
      const at::Tensor scratch = at::empty({kernels(g.wide).depthwise_backward_scratch(shape)});
      DepthwiseBackward of = whole;
      const int64_t in = image * g.rows_in() * g.wide, out = image * g.rows_out() * g.wide, one = image * g.wide;
      of.dgated += out, of.b += out, of.gate += one, of.pooled += one, of.x += in, of.dx += in;
      of.dweight += image * block.kernel * block.kernel * g.wide, of.dx_sum += one, of.dx_moment += one;
      kernels(g.wide).depthwise_backward(shape, of, task % g.blocks() * DEPTHWISE_BLOCK, mutable_data(scratch));
    });
    result[DDEPTHWISE] = dtaps.sum(0).t().reshape(saved[DEPTHWISE].sizes());

    if (!g.expands) {
      result[DX] = skip ? da.add_(dy) : da;
      return result;
    }

    // Norm 0 and the expansion.
    std::vector<double> sum0(g.wide), moment0(g.wide);
    for (int64_t i = 0; i < g.n * g.wide; i++) sum0[i % g.wide] += da_sums[i], moment0[i % g.wide] += da_moments[i];
    const BatchNormGradient gradient0 =
        gradient_of(state0, sum0, moment0, static_cast<double>(g.n * g.rows_in()), ranks.get());
    result[NORM0_WEIGHT] = gradient0.weight, result[NORM0_BIAS] = gradient0.bias;
    const at::Tensor dx = at::empty_like(x), dx_rows = rows_of(dx), x_rows = rows_of(x), dy_rows = rows_of(dy);
    const at::Tensor a_rows = rows_of(seen), da_rows = rows_of(da);
    const at::Tensor expand = matrix(saved[EXPAND]);
    const Pieces pieces_in(g.n, g.rows_in(), g.wide);
    WeightGradient dexpand(pieces_in.count(), expand.sizes());
    dexpand.for_pieces([&](int64_t i, at::Tensor& dweight) {
      const int64_t first = pieces_in.first(i), rows = pieces_in.rows(i), at = first * g.wide;
      const at::Tensor through = buffer(rows, g.wide);
      kernels(g.wide).row_gradient(Activation::None, data(da) + at, data(seen) + at, rows, g.wide, state0.view(),
                       gradient0.view(state0), 1.0f, mutable_data(through));
      at::Tensor to = dx_rows.narrow(0, first, rows);
      if (skip) to.copy_(dy_rows.narrow(0, first, rows));
      multiply(through, expand, to, skip, piece_of(a_rows, pieces_in, i + 1));
      multiply(through.t(), x_rows.narrow(0, first, rows), dweight, true, piece_of(da_rows, pieces_in, i + 1));
    });
    result[DEXPAND] = dexpand.sum().view(saved[EXPAND].sizes());
    result[DX] = dx;
    return result;
  }

 private:
  // Fills b and takes its statistics.
  static BatchNormState depthwise_forward_all(const Geometry& g, Activation activation, const at::Tensor& seen,
                                              const BatchNormState& state0, const at::Tensor& weight,
                                              const at::Tensor& b, const SbiBlock& block) {
    const at::Tensor depthwise_taps = taps(weight);
    const NormView norm = g.expands ? state0.view() : NormView{};
    std::vector<double> means(g.n * g.wide), squares(g.n * g.wide);
    for_tasks(g.n * g.blocks(), [&](int64_t task) {
      const int64_t image = task / g.blocks(), one = image * g.wide;
      const at::Tensor scratch = at::empty({kernels(g.wide).depthwise_forward_scratch(g.depthwise)});
      const DepthwiseForward of{activation, data(seen) + image * g.rows_in() * g.wide, norm, data(depthwise_taps),
                                mutable_data(b) + image * g.rows_out() * g.wide, means.data() + one,
                                squares.data() + one};
      kernels(g.wide).depthwise_forward(g.depthwise, of, task % g.blocks() * DEPTHWISE_BLOCK, mutable_data(scratch));
    });
    std::vector<double> mean(g.wide), square(g.wide);
    for (int64_t image = 0; image < g.n; image++) {
      const double before = static_cast<double>(image);
      for (int64_t j = 0; j < g.wide; j++) {
        const double delta = means[image * g.wide + j] - mean[j];
        mean[j] += delta / (before + 1.0);
        square[j] += squares[image * g.wide + j] +
                     delta * delta * static_cast<double>(g.rows_out()) * before / (before + 1.0);
      }
    }
    return settle(block.norms[1], mean, square, static_cast<double>(g.n * g.rows_out()));
  }

  // Means of activation(norm 1(b)) over positions, [n, wide].
  static at::Tensor pool(const Geometry& g, const Pieces& pieces, Activation activation, const at::Tensor& b,
                         const BatchNormState& state) {
    std::vector<float> sums(pieces.parts() * g.wide);
    for_tasks(pieces.count(), [&](int64_t i) {
      pieces.images_of(i, [&](int64_t, int64_t part, int64_t first, int64_t rows) {
        kernels(g.wide).row_pool(activation, data(b) + first * g.wide, rows, g.wide, state.view(), sums.data() + part * g.wide);
      });
    });
    const at::Tensor pooled = at::empty({g.n, g.wide});
    const int64_t parts = pieces.parts_of_image();
    for (int64_t image = 0; image < g.n; image++) {
      const auto sum = sum_of_parts(sums.data() + image * parts * g.wide, parts, g.wide);
      float* to = mutable_data(pooled) + image * g.wide;
      for (int64_t j = 0; j < g.wide; j++) to[j] = static_cast<float>(sum[j] / static_cast<double>(g.rows_out()));
    }
    return pooled;
  }
};

}  // namespace
}  // namespace sbi

extern "C" {

// `x`: [n, c, h, w], float32. `keep`: null or a factor per image for all but x itself, [n].
at::Tensor* sbi_train_block(const SbiBlock* block, const at::Tensor* x, const at::Tensor* keep, char** error) {
  return sbi::guarded(error, [&] {
    const auto maybe = [](const at::Tensor* t) { return t ? std::optional<at::Tensor>(*t) : std::nullopt; };
    const SbiNorm* norms = block->norms;
    return new at::Tensor(sbi::Block::apply(
        *x, maybe(block->expand_weight), maybe(norms[0].weight), maybe(norms[0].bias), *block->depthwise_weight,
        *norms[1].weight, *norms[1].bias, maybe(block->squeeze_weight), maybe(block->squeeze_bias),
        maybe(block->excite_weight), maybe(block->excite_bias), *block->project_weight, *norms[2].weight,
        *norms[2].bias, maybe(keep), block));
  });
}
}
