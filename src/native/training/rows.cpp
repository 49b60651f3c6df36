// Batch norm, activation and what hangs on them, on rows of channels: see kernels.h.
//
// Each function takes two vectors of channels through all rows, with its sums in registers. Rows come in pieces that
// fit into the cache, so sums stay short; the caller adds pieces up in float64.

#include "activations.h"

namespace sbi {
namespace {

// body(first channel, number of vectors as a type)
template <class F>
void channel_blocks(int64_t channels, F&& body) {
  constexpr int64_t WIDE = 2 * LANES;
  int64_t c = 0;
  for (; c + WIDE <= channels; c += WIDE) body(c, Number<2>());
  for (; c < channels; c += LANES) body(c, Number<1>());
}

template <int N>
struct Block {
  Floats v[N];
  explicit Block(const float* from) {
    for (int i = 0; i < N; i++) v[i] = load(from + i * LANES);
  }
  Block() : v{} {}
  void to(float* out) const {
    for (int i = 0; i < N; i++) store(out + i * LANES, v[i]);
  }
};

// body(from, end) for a few rows at a time, as places of their floats: through all channels of these before the next,
// since memory is fastest read in its own order.
template <class F>
void row_groups(int64_t rows, int64_t channels, F&& body) {
  constexpr int64_t GROUP = 4;
  const int64_t end = rows * channels;
  for (int64_t from = 0; from < end; from += GROUP * channels) body(from, smaller(from + GROUP * channels, end));
}

void row_statistics(const float* x, int64_t rows, int64_t channels, float* mean, float* squares) {
  channel_blocks(channels, [&](int64_t c, auto vectors) {
    constexpr int N = decltype(vectors)::value;
    // Two rows abreast: additions wait for one another.
    Block<N> sum[2], square[2];
    const float* from = x + c;
    int64_t row = 0;
    for (; row + 2 <= rows; row += 2)
      for (int j = 0; j < 2; j++)
        for (int i = 0; i < N; i++) sum[j].v[i] += load(from + (row + j) * channels + i * LANES);
    for (; row < rows; row++)
      for (int i = 0; i < N; i++) sum[0].v[i] += load(from + row * channels + i * LANES);
    Block<N> m;
    for (int i = 0; i < N; i++) m.v[i] = (sum[0].v[i] + sum[1].v[i]) / static_cast<float>(rows);
    row = 0;
    for (; row + 2 <= rows; row += 2)
      for (int j = 0; j < 2; j++)
        for (int i = 0; i < N; i++) {
          const Floats d = load(from + (row + j) * channels + i * LANES) - m.v[i];
          square[j].v[i] += d * d;
        }
    for (; row < rows; row++)
      for (int i = 0; i < N; i++) {
        const Floats d = load(from + row * channels + i * LANES) - m.v[i];
        square[0].v[i] += d * d;
      }
    m.to(mean + c);
    for (int i = 0; i < N; i++) store(squares + c + i * LANES, square[0].v[i] + square[1].v[i]);
  });
}

void row_activation(Activation activation, const float* x, int64_t rows, int64_t channels, NormView norm,
                    const float* gate, float* y) {
  with_activation(activation, [&](auto act) {
    row_groups(rows, channels, [&](int64_t from, int64_t end) {
      channel_blocks(channels, [&](int64_t c, auto vectors) {
        constexpr int N = decltype(vectors)::value;
        const Block<N> scale(norm.scale + c), shift(norm.shift + c);
        Block<N> factor;
        for (int i = 0; i < N; i++) factor.v[i] = gate ? load(gate + c + i * LANES) : Floats{} + 1.0f;
        for (int64_t at = from + c; at < end; at += channels)
          for (int i = 0; i < N; i++) {
            const Floats z = load(x + at + i * LANES) * scale.v[i] + shift.v[i];
            store(y + at + i * LANES, act.value(z) * factor.v[i]);
          }
      });
    });
  });
}

void row_residual(const float* x, int64_t rows, int64_t channels, NormView norm, float factor, const float* shortcut,
                  float* y) {
  channel_blocks(channels, [&](int64_t c, auto vectors) {
    constexpr int N = decltype(vectors)::value;
    const Block<N> scale(norm.scale + c), shift(norm.shift + c);
    for (int64_t at = c; at < rows * channels; at += channels)
      for (int i = 0; i < N; i++) {
        const int64_t here = at + i * LANES;
        const Floats z = (load(x + here) * scale.v[i] + shift.v[i]) * factor;
        store(y + here, shortcut ? z + load(shortcut + here) : z);
      }
  });
}

void row_pool(Activation activation, const float* x, int64_t rows, int64_t channels, NormView norm, float* sum) {
  with_activation(activation, [&](auto act) {
    channel_blocks(channels, [&](int64_t c, auto vectors) {
      constexpr int N = decltype(vectors)::value;
      const Block<N> scale(norm.scale + c), shift(norm.shift + c);
      Block<N> total;
      for (int64_t at = c; at < rows * channels; at += channels)
        for (int i = 0; i < N; i++) total.v[i] += act.value(load(x + at + i * LANES) * scale.v[i] + shift.v[i]);
      total.to(sum + c);
    });
  });
}

void row_gradient_sums(Activation activation, const float* dy, const float* x, int64_t rows, int64_t channels,
                       NormView norm, float* sum, float* moment) {
  with_activation(activation, [&](auto act) {
    channel_blocks(channels, [&](int64_t c, auto vectors) {
      constexpr int N = decltype(vectors)::value;
      const Block<N> scale(norm.scale + c), shift(norm.shift + c), mean(norm.mean + c);
      Block<N> total, totals_moment;
      for (int64_t at = c; at < rows * channels; at += channels)
        for (int i = 0; i < N; i++) {
          const Floats value = load(x + at + i * LANES);
          Floats y, slope;
          act.both(value * scale.v[i] + shift.v[i], y, slope);
          const Floats dz = load(dy + at + i * LANES) * slope;
          total.v[i] += dz;
          totals_moment.v[i] += dz * (value - mean.v[i]);
        }
      total.to(sum + c);
      totals_moment.to(moment + c);
    });
  });
}

void row_gradient(Activation activation, const float* dy, const float* x, int64_t rows, int64_t channels,
                  NormView norm, NormGradient gradient, float factor, float* dx) {
  with_activation(activation, [&](auto act) {
    row_groups(rows, channels, [&](int64_t from, int64_t end) {
      channel_blocks(channels, [&](int64_t c, auto vectors) {
        constexpr int N = decltype(vectors)::value;
        const Block<N> scale(norm.scale + c), shift(norm.shift + c), mean(gradient.mean + c);
        const Block<N> slopes(gradient.slope + c), offset(gradient.offset + c);
        Block<N> factors(gradient.scale + c);
        for (int i = 0; i < N; i++) factors.v[i] *= factor;
        for (int64_t at = from + c; at < end; at += channels)
          for (int i = 0; i < N; i++) {
            const Floats value = load(x + at + i * LANES);
            Floats y, slope;
            act.both(value * scale.v[i] + shift.v[i], y, slope);
            const Floats through = load(dy + at + i * LANES) * slope * factors.v[i];
            store(dx + at + i * LANES, through - (value - mean.v[i]) * slopes.v[i] - offset.v[i]);
          }
      });
    });
  });
}

void row_gated_sums(Activation activation, const float* dy, const float* x, int64_t rows, int64_t channels,
                    NormView norm, const float* gate, float* gated, float* sums) {
  fill(sums, sums + GATED_SUMS * channels, 0.0f);
  with_activation(activation, [&](auto act) {
    row_groups(rows, channels, [&](int64_t first, int64_t end) {
      for (int64_t c = 0; c < channels; c += LANES) {
        const Floats scale = load(norm.scale + c), shift = load(norm.shift + c), mean = load(norm.mean + c);
        const Floats factor = load(gate + c);
        Floats total[GATED_SUMS];
        for (int i = 0; i < GATED_SUMS; i++) total[i] = load(sums + i * channels + c);
        for (int64_t at = first + c; at < end; at += channels) {
          const Floats value = load(x + at), from = load(dy + at), distance = value - mean;
          Floats y, slope;
          act.both(value * scale + shift, y, slope);
          store(gated + at, y * factor);
          const Floats sloped = from * slope;
          total[GATE] += from * y;
          total[SLOPED] += sloped;
          total[SLOPES] += slope;
          total[SLOPED_MOMENT] += sloped * distance;
          total[SLOPES_MOMENT] += slope * distance;
        }
        for (int i = 0; i < GATED_SUMS; i++) store(sums + i * channels + c, total[i]);
      }
    });
  });
}

}  // namespace
}  // namespace sbi

extern "C" void SBI_NAME(training_rows)(sbi::Kernels* kernels) {
  kernels->row_statistics = sbi::row_statistics;
  kernels->row_activation = sbi::row_activation;
  kernels->row_residual = sbi::row_residual;
  kernels->row_pool = sbi::row_pool;
  kernels->row_gradient_sums = sbi::row_gradient_sums;
  kernels->row_gradient = sbi::row_gradient;
  kernels->row_gated_sums = sbi::row_gated_sums;
}
