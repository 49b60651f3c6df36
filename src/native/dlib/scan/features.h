// The features of Felzenszwalb et al. (TPAMI 2010): gradients, votes of pixels for orientations in the cells around
// them, histograms normalised by the energy of neighbouring cells.

#pragma once

#include "images.h"

namespace {

using namespace sbi_scan;

constexpr int CELL = 8;

inline Floats lesser(Floats a, Floats b) { return a < b ? a : b; }

inline Floats square_root(Floats v) {
#ifdef __AVX2__
  return (Floats)_mm256_sqrt_ps((__m256)v);
#else
  __m128 half[2];
  memcpy(half, &v, sizeof v);
  half[0] = _mm_sqrt_ps(half[0]);
  half[1] = _mm_sqrt_ps(half[1]);
  memcpy(&v, half, sizeof v);
  return v;
#endif
}

inline __m128i words_at(const uint8_t* from) {
  return _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i*)from), _mm_setzero_si128());
}

inline __m128i either(__m128i mask, __m128i yes, __m128i no) {
  return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

// The gradient of the colour in which it is strongest: squared length (int32, four and four) and differences.
struct Gradient {
  __m128i length[2];
  __m128i gx, gy;

  void of(const uint8_t* row, int64_t stride) {
    gx = _mm_sub_epi16(words_at(row + 1), words_at(row - 1));
    gy = _mm_sub_epi16(words_at(row + stride), words_at(row - stride));
    const __m128i low = _mm_unpacklo_epi16(gx, gy), high = _mm_unpackhi_epi16(gx, gy);
    length[0] = _mm_madd_epi16(low, low);
    length[1] = _mm_madd_epi16(high, high);
  }
  // Keeps what is strictly longer than `other`, else takes the other.
  void or_else(const Gradient& other) {
    const __m128i low = _mm_cmpgt_epi32(length[0], other.length[0]);
    const __m128i high = _mm_cmpgt_epi32(length[1], other.length[1]);
    const __m128i both = _mm_packs_epi32(low, high);
    length[0] = either(low, length[0], other.length[0]);
    length[1] = either(high, length[1], other.length[1]);
    gx = either(both, gx, other.gx);
    gy = either(both, gy, other.gy);
  }
};

constexpr int32_t ZERO_GRADIENT = (GRADIENTS / 2) * GRADIENTS + GRADIENTS / 2;

// Magnitudes, and places in the table of orientations, of the columns 1 .. end of row `y`. Columns from `first_alone`
// on, fewer than eight, are those that dlib treats one by one, where of equal gradients it takes the first colour's,
// not the last's.
inline void gradient_row(const Planar& image, int64_t y, int64_t end, int64_t first_alone, float* magnitude, int32_t* place) {
  const int64_t stride = image.stride;
  const uint8_t *red = image.row(0, y), *green = image.row(1, y), *blue = image.row(2, y);
  const __m128i weights = _mm_set1_epi32(1 | GRADIENTS << 16), offset = _mm_set1_epi32(ZERO_GRADIENT);
  for (int64_t x = 1; x < first_alone; x += 8) {
    Gradient strongest, other;
    strongest.of(red + x, stride);
    other.of(green + x, stride);
    strongest.or_else(other);
    other.of(blue + x, stride);
    strongest.or_else(other);
    const __m128i low = _mm_unpacklo_epi16(strongest.gx, strongest.gy);
    const __m128i high = _mm_unpackhi_epi16(strongest.gx, strongest.gy);
    _mm_storeu_si128((__m128i*)(place + x), _mm_add_epi32(_mm_madd_epi16(low, weights), offset));
    _mm_storeu_si128((__m128i*)(place + x + 4), _mm_add_epi32(_mm_madd_epi16(high, weights), offset));
    _mm_storeu_ps(magnitude + x, _mm_sqrt_ps(_mm_cvtepi32_ps(strongest.length[0])));
    _mm_storeu_ps(magnitude + x + 4, _mm_sqrt_ps(_mm_cvtepi32_ps(strongest.length[1])));
  }
  for (int64_t x = first_alone; x < end; x++) {
    int longest = -1, best_x = 0, best_y = 0;
    const uint8_t* const planes[3] = {red, green, blue};
    for (const uint8_t* plane : planes) {
      const int gx = plane[x + 1] - plane[x - 1], gy = plane[x + stride] - plane[x - stride];
      if (gx * gx + gy * gy > longest) {
        longest = gx * gx + gy * gy;
        best_x = gx;
        best_y = gy;
      }
    }
    magnitude[x] = _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss((float)longest)));
    place[x] = best_x + best_y * GRADIENTS + ZERO_GRADIENT;
  }
}

// Shares of a pixel's vote for the four cells around it: upper left, upper right, lower left, lower right, by
// its place in the block of 8 x 8 between their centres.
struct Shares {
  alignas(16) float of[CELL][CELL][4];
  constexpr Shares() : of{} {
    for (int y = 0; y < CELL; y++) {
      for (int x = 0; x < CELL; x++) {
        const float down = (y + 0.5f) / CELL, right = (x + 0.5f) / CELL;
        of[y][x][0] = (1 - down) * (1 - right);
        of[y][x][1] = (1 - down) * right;
        of[y][x][2] = down * (1 - right);
        of[y][x][3] = down * right;
      }
    }
  }
};

constexpr Shares SHARES;

// The features of one level of the pyramid.
struct Features {
  static constexpr int64_t READ_PAST = 128;  // filters read whole strips, also where a row ends
  Buffer hist_buffer, plane_buffer, norm_buffer, row_buffer, out_buffer;
  int64_t rows = 0, cols = 0, stride = 0;  // of a padded plane
  float* out = nullptr;                    // [PLANES, rows, stride]

  float* plane(int i) const { return out + i * rows * stride; }

  // False without memory; rows is 0 for an image too small to hold a window.
  bool extract(const Planar& image, const uint8_t* orientation);

 private:
  static constexpr int BINS = 20;  // orientations of a cell, padded for vectors of four
  int64_t cells_y = 0, cells_x = 0, cell_stride = 0;
  float* hist = nullptr;     // [cells_y + 2, cells_x + 2, BINS]
  float* by_bin = nullptr;   // [ORIENTATIONS, cells_y, cell_stride]
  float* energy = nullptr;   // [cells_y, cell_stride]

  bool vote(const Planar& image, const uint8_t* orientation);
  void clear_border();
  void sort_by_bin();
  void normalise();
};

inline bool Features::extract(const Planar& image, const uint8_t* orientation) {
  rows = 0;
  cells_y = (int)((float)image.height / (float)CELL + 0.5);
  cells_x = (int)((float)image.width / (float)CELL + 0.5);
  if (cells_y < 3 || cells_x < 3) return true;
  if (!vote(image, orientation)) return false;
  cell_stride = (cells_x + 2 * LANES) / LANES * LANES;
  by_bin = static_cast<float*>(plane_buffer.get(4 * ORIENTATIONS * cells_y * cell_stride));
  energy = static_cast<float*>(norm_buffer.get(4 * cells_y * cell_stride));
  rows = cells_y - 2 + TAPS - 1;
  cols = cells_x - 2 + TAPS - 1;
  stride = (cols + 2 * LANES) / LANES * LANES;
  out = static_cast<float*>(out_buffer.get(4 * (PLANES * rows * stride + READ_PAST)));
  if (!by_bin || !energy || !out) return false;
  clear_border();
  sort_by_bin();
  normalise();
  return true;
}

// Zeros around the features of each plane, as far as filters read.
inline void Features::clear_border() {
  constexpr int64_t BEFORE = (TAPS - 1) / 2, AFTER = TAPS / 2;
  for (int i = 0; i < PLANES; i++) {
    float* rows_of = plane(i);
    memset(rows_of, 0, 4 * BEFORE * stride);
    memset(rows_of + (rows - AFTER) * stride, 0, 4 * AFTER * stride);
    for (int64_t y = BEFORE; y < rows - AFTER; y++) {
      memset(rows_of + y * stride, 0, 4 * BEFORE);
      memset(rows_of + y * stride + cols - AFTER, 0, 4 * (stride - cols + AFTER));
    }
  }
}

inline bool Features::vote(const Planar& image, const uint8_t* orientation) {
  const int64_t end_y = (cells_y * CELL < image.height ? cells_y * CELL : image.height) - 1;
  const int64_t end_x = (cells_x * CELL < image.width ? cells_x * CELL : image.width) - 1;
  // dlib takes eight columns at a time while eight are left.
  const int64_t first_alone = end_x > 1 ? 1 + (end_x - 1 > 7 ? (end_x - 1) / 8 * 8 : 0) : 1;
  const int64_t row_floats = cells_x * CELL + 64;
  hist = static_cast<float*>(hist_buffer.get(4 * (cells_y + 2) * (cells_x + 2) * BINS));
  auto* rows_memory = static_cast<char*>(row_buffer.get(8 * CELL * row_floats));
  if (!hist || !rows_memory) return false;
  memset(hist, 0, 4 * (cells_y + 2) * (cells_x + 2) * BINS);
  memset(rows_memory, 0, 4 * CELL * row_floats);
  // Columns start 16 to the right so that the block left of the first cell's centre can be read.
  constexpr int64_t ORIGIN = 16;
  auto* magnitude = (float*)rows_memory;
  auto* place = (int32_t*)(rows_memory + 4 * CELL * row_floats);
  for (int64_t i = 0; i < CELL * row_floats; i++) place[i] = ZERO_GRADIENT;
  for (int64_t block_y = -1; block_y < cells_y; block_y++) {
    const int64_t top = block_y * CELL + CELL / 2;
    for (int y = 0; y < CELL; y++) {
      float* magnitudes = magnitude + y * row_floats + ORIGIN;
      if (top + y < 1 || top + y >= end_y) {
        memset(magnitude + y * row_floats, 0, 4 * row_floats);
      } else {
        gradient_row(image, top + y, end_x, first_alone, magnitudes, place + y * row_floats + ORIGIN);
      }
    }
    for (int64_t block_x = -1; block_x < cells_x; block_x++) {
      // Two sets of bins: neighbours mostly vote for the same one, and must not wait for one another.
      alignas(16) float bins[2][BINS][4] = {};
      const int64_t left = block_x * CELL + CELL / 2 + ORIGIN;
      for (int y = 0; y < CELL; y++) {
        const float* m = magnitude + y * row_floats + left;
        const int32_t* p = place + y * row_floats + left;
        for (int x = 0; x < CELL; x++) {
          float* bin = bins[x & 1][orientation[p[x]]];
          const __m128 share = _mm_mul_ps(_mm_load_ps(SHARES.of[y][x]), _mm_set1_ps(m[x]));
          _mm_store_ps(bin, _mm_add_ps(_mm_load_ps(bin), share));
        }
      }
      float* upper = hist + ((block_y + 1) * (cells_x + 2) + block_x + 1) * BINS;
      float* lower = upper + (cells_x + 2) * BINS;
      for (int bin = 0; bin < BINS; bin += 4) {
        __m128 cell[4];
        for (int i = 0; i < 4; i++) {
          cell[i] = _mm_add_ps(_mm_load_ps(bins[0][bin + i]), _mm_load_ps(bins[1][bin + i]));
        }
        _MM_TRANSPOSE4_PS(cell[0], cell[1], cell[2], cell[3]);
        float* to[4] = {upper + bin, upper + BINS + bin, lower + bin, lower + BINS + bin};
        for (int i = 0; i < 4; i++) _mm_storeu_ps(to[i], _mm_add_ps(_mm_loadu_ps(to[i]), cell[i]));
      }
    }
  }
  return true;
}

// Bins of cells to planes, without the ring of cells around them; and the energy of each cell.
inline void Features::sort_by_bin() {
  const int64_t plane_floats = cells_y * cell_stride;
  for (int64_t y = 0; y < cells_y; y++) {
    const float* cell = hist + ((y + 1) * (cells_x + 2) + 1) * BINS;
    float* to = by_bin + y * cell_stride;
    for (int64_t x = 0; x < cells_x; x++, cell += BINS) {
      for (int bin = 0; bin < ORIENTATIONS; bin++) to[bin * plane_floats + x] = cell[bin];
    }
    for (int64_t x = 0; x < cells_x; x += LANES) {
      Floats sum = all(0);
      for (int bin = 0; bin < ORIENTATIONS / 2; bin++) {
        const float* signed_one = to + bin * plane_floats + x;
        const Floats both = load(signed_one) + load(signed_one + ORIENTATIONS / 2 * plane_floats);
        sum = sum + both * both;
      }
      store(energy + y * cell_stride + x, sum);
    }
  }
}

inline void Features::normalise() {
  constexpr float TEXTURE = 2 * 0.2357;
  const int64_t plane_floats = cells_y * cell_stride, out_plane = rows * stride;
  const int64_t before = (TAPS - 1) / 2;
  for (int64_t y = 0; y + 2 < cells_y; y++) {
    const float *above = energy + y * cell_stride, *here = above + cell_stride, *below = here + cell_stride;
    for (int64_t x = 0; x + 2 < cells_x; x += LANES) {
      const Floats square[4] = {
          load(here + x + 1) + load(here + x + 2) + load(below + x + 1) + load(below + x + 2),
          load(above + x + 1) + load(above + x + 2) + load(here + x + 1) + load(here + x + 2),
          load(here + x) + load(here + x + 1) + load(below + x) + load(below + x + 1),
          load(above + x) + load(above + x + 1) + load(here + x) + load(here + x + 1),
      };
      Floats cap[4], factor[4], texture[4];
      for (int i = 0; i < 4; i++) {
        cap[i] = all(0.2f) * square_root(square[i] + all(0.0001f));
        factor[i] = all(0.1f) / cap[i];
        texture[i] = all(0);
      }
      const float* from = by_bin + (y + 1) * cell_stride + x + 1;
      float* to = out + (y + before) * stride + x + before;
      // Vectors reach past the last column into padding, which must stay 0.
      const int64_t left = cells_x - 2 - x;
      const auto put = [&](int plane, Floats value) {
        float* at = to + plane * out_plane;
        if (left >= LANES) {
          store(at, value);
        } else {
          for (int64_t i = 0; i < left; i++) at[i] = value[i];
        }
      };
      Floats bins[ORIENTATIONS];
      for (int bin = 0; bin < ORIENTATIONS; bin++) {
        bins[bin] = load(from + bin * plane_floats);
        Floats part[4];
        for (int i = 0; i < 4; i++) {
          part[i] = lesser(bins[bin], cap[i]) * factor[i];
          texture[i] = texture[i] + part[i];
        }
        put(bin, (part[0] + part[1]) + (part[2] + part[3]));
      }
      for (int bin = 0; bin < ORIENTATIONS / 2; bin++) {
        const Floats both = bins[bin] + bins[bin + ORIENTATIONS / 2];
        Floats part[4];
        for (int i = 0; i < 4; i++) part[i] = lesser(both, cap[i]) * factor[i];
        put(ORIENTATIONS + bin, (part[0] + part[1]) + (part[2] + part[3]));
      }
      for (int i = 0; i < 4; i++) put(ORIENTATIONS + ORIENTATIONS / 2 + i, texture[i] * all(TEXTURE));
    }
  }
}

}  // namespace
