// Matrix products in training, for AVX-512: see kernels.h.
//
// Matrices are narrow here and come by the piece, so that packing them, as libraries do, is a tenth of the work. Neither
// side is packed: values of the left one are spread over vectors, rows of the right one are read as they are, and the
// results stay in registers until they are done.

#include "kernels.h"

#if defined(__AVX512F__)

#include <immintrin.h>

namespace sbi {
namespace {

constexpr int64_t LANES = 16;

// Steps that are summed up before the result goes to memory. Sums have the order that MKL gives them on AMD's
// processors, to the last bit.
int64_t run_of(int64_t depth) {
  constexpr int64_t MOST = 192;
  return depth <= MOST ? depth : depth < 2 * MOST ? depth / 2 : MOST;
}

// Has a line fetched with each step of a tile: while products are computed, memory has nothing else to do.
class Ahead {
 public:
  explicit Ahead(const Run& run) : at_(run.from), end_(run.from + run.count) {}

  void fetch() {
    _mm_prefetch(at_, _MM_HINT_T1);
    at_ = at_ + LANES < end_ ? at_ + LANES : end_;
  }

 private:
  const float *at_, *end_;
};

// The columns of a tile: so many vectors, and how many floats of the last one count.
template <int VECTORS, bool WHOLE>
struct Columns {
  __mmask16 last;

  __mmask16 mask(int v) const { return WHOLE || v + 1 < VECTORS ? __mmask16{0xffff} : last; }
  __m512 load(const float* from, int v) const {
    if (WHOLE || v + 1 < VECTORS) return _mm512_loadu_ps(from + v * LANES);
    return _mm512_maskz_loadu_ps(last, from + v * LANES);
  }
};

template <int ROWS, int VECTORS, bool WHOLE>
void tile(const Product& p, int64_t row, int64_t column, int64_t from, int64_t end, bool add,
          Columns<VECTORS, WHOLE> columns, Ahead& ahead) {
  __m512 sum[ROWS][VECTORS];
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) sum[i][v] = _mm512_setzero_ps();
  const float* left = p.left + row * p.left_row + from * p.left_step;
  const float* right = p.right + from * p.right_row + column;
  for (int64_t k = from; k < end; k++, left += p.left_step, right += p.right_row) {
    ahead.fetch();
    __m512 values[VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) values[v] = columns.load(right, v);
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
      const __m512 factor = _mm512_set1_ps(left[i * p.left_row]);
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; v++) sum[i][v] = _mm512_fmadd_ps(factor, values[v], sum[i][v]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
      float* to = p.result + (row + i) * p.columns + column;
      const __m512 value = add ? _mm512_add_ps(columns.load(to, v), sum[i][v]) : sum[i][v];
      _mm512_mask_storeu_ps(to + v * LANES, columns.mask(v), value);
    }
}

// A panel of columns: as many rows at once as registers hold sums of.
template <int ROWS, int VECTORS, bool WHOLE>
void panel(const Product& p, int64_t column, int64_t from, int64_t end, bool add, int64_t floats,
           Ahead& ahead) {
  const Columns<VECTORS, WHOLE> columns{static_cast<__mmask16>((1u << (floats - (VECTORS - 1) * LANES)) - 1)};
  int64_t row = 0;
  for (; row + ROWS <= p.rows; row += ROWS) tile<ROWS>(p, row, column, from, end, add, columns, ahead);
  for (; row + 4 <= p.rows; row += 4) tile<4>(p, row, column, from, end, add, columns, ahead);
  for (; row < p.rows; row++) tile<1>(p, row, column, from, end, add, columns, ahead);
}

void product(const Product& p) {
  const int64_t run = run_of(p.depth);
  Ahead ahead(p.ahead);
  for (int64_t from = 0; from < p.depth; from += run) {
    const int64_t end = from + run < p.depth ? from + run : p.depth;
    const bool add = p.add || from > 0;
    int64_t column = 0, left = p.columns;
    for (; left >= 4 * LANES || left == 2 * LANES; column += 2 * LANES, left -= 2 * LANES)
      panel<12, 2, true>(p, column, from, end, add, 2 * LANES, ahead);
    // Three vectors of one tile rather than two and one.
    if (left > 3 * LANES) {
      panel<12, 2, true>(p, column, from, end, add, 2 * LANES, ahead);
      column += 2 * LANES, left -= 2 * LANES;
    }
    if (left == 3 * LANES) panel<8, 3, true>(p, column, from, end, add, left, ahead);
    else if (left > 2 * LANES) panel<8, 3, false>(p, column, from, end, add, left, ahead);
    else if (left > LANES) panel<12, 2, false>(p, column, from, end, add, left, ahead);
    else if (left == LANES) panel<12, 1, true>(p, column, from, end, add, left, ahead);
    else if (left > 0) panel<12, 1, false>(p, column, from, end, add, left, ahead);
  }
}

}  // namespace
}  // namespace sbi

extern "C" void SBI_NAME(training_product)(sbi::Kernels* kernels) { kernels->product = sbi::product; }

#else

// Elsewhere libtorch's products are fast enough.
extern "C" void SBI_NAME(training_product)(sbi::Kernels* kernels) { kernels->product = nullptr; }

#endif
