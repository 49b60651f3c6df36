// dlib's frontal face detector, faster: the features of Felzenszwalb et al. (TPAMI 2010) over an image pyramid and
// separable filters on them, with the arithmetic of dlib 19.24 (see face_hog.h for why this file has no templates).
//
// The same images, features and scores as dlib's up to the order in which floats are added, so the same rectangles.
// What makes it faster: colour planes instead of pixels, one table look-up for a gradient's orientation, votes of an
// 8 x 8 block gathered in registers' reach before they go to the four cells around it, and filters applied to strips
// that stay in the first-level cache.

#include "face_hog.h"

#include <immintrin.h>
#include <cstdlib>
#include <cstring>

#ifdef __AVX2__
#define SBI_SCAN scan_avx2
#else
#define SBI_SCAN scan_baseline
#endif

namespace sbi_hog {
namespace {

constexpr int CELL = 8;
constexpr int LANES = 8;
typedef float Floats __attribute__((vector_size(32)));

inline Floats load(const float* from) {
  Floats v;
  memcpy(&v, from, sizeof v);
  return v;
}
inline void store(float* to, Floats v) { memcpy(to, &v, sizeof v); }
inline Floats all(float x) { return Floats{x, x, x, x, x, x, x, x}; }

inline Floats multiply_add(Floats a, Floats b, Floats c) {
#ifdef __FMA__
  return (Floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}

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

// Memory that frees itself; 64-byte aligned, with whatever was in it before, at first zeros.
struct Buffer {
  void* memory = nullptr;
  int64_t capacity = 0;
  ~Buffer() { free(memory); }
  void* get(int64_t bytes) {
    if (bytes > capacity) {
      free(memory);
      capacity = (bytes + 127) / 64 * 64;
      memory = aligned_alloc(64, capacity);
      if (memory) memset(memory, 0, capacity);
    }
    return memory;
  }
};

// Three planes of 8-bit values. A margin around each lets vectors read a little past the ends of rows.
struct Planar {
  static constexpr int64_t MARGIN = 32;
  Buffer buffer;
  uint8_t* plane[3];
  int64_t height = 0, width = 0, stride = 0;

  bool resize(int64_t h, int64_t w) {
    height = h;
    width = w;
    stride = (w + 2 * MARGIN + 15) / 16 * 16;
    const int64_t plane_bytes = (h + 2) * stride;
    auto* base = static_cast<uint8_t*>(buffer.get(3 * plane_bytes));
    if (!base) return false;
    for (int c = 0; c < 3; c++) plane[c] = base + c * plane_bytes + stride + MARGIN;
    return true;
  }
  const uint8_t* row(int c, int64_t y) const { return plane[c] + y * stride; }
  uint8_t* row(int c, int64_t y) { return plane[c] + y * stride; }
};

void split_planes(const uint8_t* rgb, Planar& image) {
  for (int64_t y = 0; y < image.height; y++) {
    const uint8_t* from = rgb + y * image.width * 3;
    uint8_t* red = image.row(0, y);
    uint8_t* green = image.row(1, y);
    uint8_t* blue = image.row(2, y);
    for (int64_t x = 0; x < image.width; x++) {
      red[x] = from[3 * x];
      green[x] = from[3 * x + 1];
      blue[x] = from[3 * x + 2];
    }
  }
}

// ---- bilinear resizing ----------------------------------------------------------------------------------

// Eight bytes chosen from the sixteen at `from`.
inline __m128i choose(const uint8_t* from, const uint8_t* which) {
#ifdef __SSSE3__
  return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i*)from), _mm_loadl_epi64((const __m128i*)which));
#else
  uint8_t chosen[8];
  for (int i = 0; i < 8; i++) chosen[i] = from[which[i]];
  return _mm_loadl_epi64((const __m128i*)chosen);
#endif
}

inline Floats to_floats(__m128i bytes) {
#ifdef __AVX2__
  return (Floats)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
#else
  const __m128i zero = _mm_setzero_si128();
  const __m128i words = _mm_unpacklo_epi8(bytes, zero);
  __m128 half[2] = {_mm_cvtepi32_ps(_mm_unpacklo_epi16(words, zero)), _mm_cvtepi32_ps(_mm_unpackhi_epi16(words, zero))};
  Floats v;
  memcpy(&v, half, sizeof v);
  return v;
#endif
}

// Truncated; values are 0 to 255.
inline void store_bytes(uint8_t* to, Floats v) {
  __m128 half[2];
  memcpy(half, &v, sizeof v);
  const __m128i words = _mm_packs_epi32(_mm_cvttps_epi32(half[0]), _mm_cvttps_epi32(half[1]));
  _mm_storel_epi64((__m128i*)to, _mm_packus_epi16(words, words));
}

// Where the columns of a resized row come from. dlib adds up the positions of four columns at a time in single
// precision, and of the last few, whose right neighbour would lie outside, in double precision: so does this.
struct Columns {
  Buffer buffer;
  int64_t count = 0, single = 0;  // columns; how many of them in single precision
  int32_t* left = nullptr;        // of the first of each eight
  uint8_t* offsets = nullptr;     // of all, from there; then those of the right neighbours
  uint8_t* right_offsets = nullptr;
  float* fraction = nullptr;
  double scale = 0;

  bool prepare(int64_t in_width, int64_t out_width) {
    count = out_width;
    scale = (in_width - 1) / (double)(out_width > 2 ? out_width - 1 : 1);
    const int64_t padded = (out_width + 15) / 8 * 8;
    auto* base = static_cast<uint8_t*>(buffer.get(padded * 11));
    if (!base) return false;
    left = (int32_t*)base;
    fraction = (float*)(base + padded * 4);
    offsets = base + padded * 8;
    right_offsets = offsets + padded;
    const double start = -4 * scale;
    float x[4] = {(float)start, (float)(start + scale), (float)(start + 2 * scale), (float)(start + 3 * scale)};
    const float step = (float)(4 * scale);
    for (single = 0;; single += 4) {
      int32_t at[4];
      for (int i = 0; i < 4; i++) {
        x[i] += step;
        at[i] = (int32_t)x[i];
      }
      if (at[3] + 1 >= in_width || single + 4 > out_width) break;
      for (int i = 0; i < 4; i++) {
        const int64_t c = single + i;
        if (c % LANES == 0) left[c / LANES] = at[i];
        offsets[c] = (uint8_t)(at[i] - left[c / LANES]);
        right_offsets[c] = offsets[c] + 1;
        fraction[c] = x[i] - at[i];
      }
    }
    return true;
  }
};

// One row of all three planes: `top` and `bottom` of the source, `below` the weight of the lower one.
void resize_row(const Planar& in, int64_t top, int64_t bottom, double below, const Columns& columns, Planar& out,
                int64_t r) {
  const float lower = (float)below, upper = (float)(1 - below);
  const uint8_t *above[3], *under[3];
  uint8_t* to[3];
  for (int p = 0; p < 3; p++) {
    above[p] = in.row(p, top);
    under[p] = in.row(p, bottom);
    to[p] = out.row(p, r);
  }
  int64_t c = 0;
  for (; c + LANES <= columns.single; c += LANES) {
    const Floats right = load(columns.fraction + c), left = all(1) - right;
    const Floats upper_left = all(upper) * left, upper_right = all(upper) * right;
    const Floats lower_left = all(lower) * left, lower_right = all(lower) * right;
    const int32_t at = columns.left[c / LANES];
    const uint8_t *chosen = columns.offsets + c, *chosen_right = columns.right_offsets + c;
    for (int p = 0; p < 3; p++) {
      const Floats value = upper_left * to_floats(choose(above[p] + at, chosen)) +
                           upper_right * to_floats(choose(above[p] + at, chosen_right)) +
                           lower_left * to_floats(choose(under[p] + at, chosen)) +
                           lower_right * to_floats(choose(under[p] + at, chosen_right));
      store_bytes(to[p] + c, value);
    }
  }
  for (int p = 0; p < 3; p++) {
    int64_t x = c;
    for (; x < columns.single; x++) {
      const float right = columns.fraction[x], left = 1 - right;
      const int64_t at = columns.left[x / LANES] + columns.offsets[x];
      const float value = upper * left * above[p][at] + upper * right * above[p][at + 1] +
                          lower * left * under[p][at] + lower * right * under[p][at + 1];
      to[p][x] = (uint8_t)value;
    }
    double place = -columns.scale + x * columns.scale;
    for (; x < columns.count; x++) {
      place += columns.scale;
      const int64_t at = (int64_t)place, next = at + 1 < in.width ? at + 1 : in.width - 1;
      const double right = place - at;
      to[p][x] = (uint8_t)((1 - below) * ((1 - right) * above[p][at] + right * above[p][next]) +
                           below * ((1 - right) * under[p][at] + right * under[p][next]));
    }
  }
}

bool resize(const Planar& in, Planar& out, Columns& columns) {
  if (!columns.prepare(in.width, out.width)) return false;
  const double scale = (in.height - 1) / (double)(out.height > 2 ? out.height - 1 : 1);
  double y = -scale;
  for (int64_t r = 0; r < out.height; r++) {
    y += scale;
    const int64_t top = (int64_t)y, bottom = top + 1 < in.height ? top + 1 : in.height - 1;
    resize_row(in, top, bottom, y - top, columns, out, r);
  }
  return true;
}

// ---- gradients ------------------------------------------------------------------------------------------

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
void gradient_row(const Planar& image, int64_t y, int64_t end, int64_t first_alone, float* magnitude, int32_t* place) {
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

// ---- features -------------------------------------------------------------------------------------------

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

// Shares of a pixel's vote for the four cells around it: upper left, upper right, lower left, lower right, by
// its place in the block of 8 x 8 between their centres.
struct Shares {
  alignas(16) float of[CELL][CELL][4];
  Shares() {
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

bool Features::extract(const Planar& image, const uint8_t* orientation) {
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
void Features::clear_border() {
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

bool Features::vote(const Planar& image, const uint8_t* orientation) {
  static const Shares shares;
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
          const __m128 share = _mm_mul_ps(_mm_load_ps(shares.of[y][x]), _mm_set1_ps(m[x]));
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
void Features::sort_by_bin() {
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

void Features::normalise() {
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

// ---- filters --------------------------------------------------------------------------------------------

constexpr int MAX_FILTERS = 32;   // of one plane
constexpr int MAX_DETECTORS = 8;
constexpr int STRIP = 8 * LANES;  // columns

bool append(Hits* hits, const Hit& hit) {
  if (hits->count == hits->capacity) {
    const int64_t capacity = hits->capacity ? 2 * hits->capacity : 64;
    void* items = realloc(hits->items, capacity * sizeof(Hit));
    if (!items) return false;
    hits->items = static_cast<Hit*>(items);
    hits->capacity = capacity;
  }
  hits->items[hits->count++] = hit;
  return true;
}

// The row pass of two filters over one row of a strip. Its loads straddle cache lines, so two filters share them;
// half of the taps at a time, because more weights do not fit the registers.
inline void row_pass(const float* from, const Filter& first, const Filter& second, float* to_first, float* to_second) {
  constexpr int HALF = TAPS / 2;
  for (int start = 0; start < TAPS; start += HALF) {
    Floats a[HALF], b[HALF];
    for (int n = 0; n < HALF; n++) {
      a[n] = all(first.row[start + n]);
      b[n] = all(second.row[start + n]);
    }
    for (int x = 0; x < STRIP; x += LANES) {
      const float* at = from + x + start;
      Floats sum_a = start == 0 ? all(0) : load(to_first + x), sum_b = start == 0 ? all(0) : load(to_second + x);
      for (int n = 0; n < HALF; n++) {
        const Floats value = load(at + n);
        sum_a = multiply_add(value, a[n], sum_a);
        sum_b = multiply_add(value, b[n], sum_b);
      }
      store(to_second + x, sum_b);
      store(to_first + x, sum_a);
    }
  }
}

// Scores of all detectors on the columns `col` .. `col + STRIP` of all rows: `scores`: [detectors, rows, STRIP].
void filter_strip(const Model& model, const Features& features, int64_t col, float* scores) {
  // The last ten rows of each filter's row pass.
  alignas(64) float rows[MAX_FILTERS][TAPS][STRIP];
  constexpr int64_t BEFORE = TAPS / 2;
  memset(scores, 0, 4 * model.detectors * features.rows * STRIP);
  for (int plane = 0; plane < PLANES; plane++) {
    const Filter* filters = model.filters + model.first[plane];
    const int count = model.first[plane + 1] - model.first[plane];
    const float* from = features.plane(plane) + col - BEFORE;
    for (int64_t r = 0; r < features.rows; r++, from += features.stride) {
      // A strip's rows lie far apart: the processor does not guess them.
      constexpr int64_t AHEAD = 8, LINE = 16;
      for (int64_t x = 0; x < STRIP + TAPS; x += LINE) __builtin_prefetch(from + AHEAD * features.stride + x);
      for (int f = 0; f < count; f += 2) {
        // An odd last one is paired with itself.
        const int other = f + 1 < count ? f + 1 : f;
        row_pass(from, filters[f], filters[other], rows[f][r % TAPS], rows[other][r % TAPS]);
      }
      if (r < TAPS - 1) continue;
      const int64_t centre = r - (TAPS - 1 - BEFORE);
      for (int f = 0; f < count; f++) {
        Floats weight[TAPS];
        const float* part[TAPS];
        for (int m = 0; m < TAPS; m++) {
          weight[m] = all(filters[f].col[m]);
          part[m] = rows[f][(r - (TAPS - 1) + m) % TAPS];
        }
        float* to = scores + (filters[f].detector * features.rows + centre) * STRIP;
        for (int x = 0; x < STRIP; x += LANES) {
          Floats even = load(part[0] + x) * weight[0], odd = load(part[1] + x) * weight[1];
          for (int m = 2; m < TAPS; m += 2) {
            even = multiply_add(load(part[m] + x), weight[m], even);
            odd = multiply_add(load(part[m + 1] + x), weight[m + 1], odd);
          }
          store(to + x, load(to + x) + (even + odd));
        }
      }
    }
  }
}

bool scan_level(const Model& model, const Features& features, int32_t level, Buffer& scratch, Hits* hits) {
  constexpr int64_t FIRST = TAPS / 2, AFTER = (TAPS - 1) / 2;
  auto* scores = static_cast<float*>(scratch.get(4 * model.detectors * features.rows * STRIP));
  if (!scores) return false;
  for (int64_t col = FIRST; col < features.cols - AFTER; col += STRIP) {
    filter_strip(model, features, col, scores);
    const int64_t width = features.cols - AFTER - col < STRIP ? features.cols - AFTER - col : STRIP;
    for (int32_t d = 0; d < model.detectors; d++) {
      for (int64_t r = FIRST; r < features.rows - AFTER; r++) {
        const float* row = scores + (d * features.rows + r) * STRIP;
        for (int64_t x = 0; x < width; x++) {
          if (row[x] >= model.thresholds[d] &&
              !append(hits, Hit{d, level, (int32_t)r, (int32_t)(col + x), row[x]})) {
            return false;
          }
        }
      }
    }
  }
  return true;
}

}  // namespace

bool SBI_SCAN(const Model& model, const uint8_t* rgb, int64_t height, int64_t width, int64_t up_height,
              int64_t up_width, int32_t levels, Hits* hits) {
  if (model.detectors > MAX_DETECTORS) return false;
  for (int i = 0; i < PLANES; i++) {
    if (model.first[i + 1] - model.first[i] > MAX_FILTERS) return false;
  }
  Planar image[2];
  Columns columns;
  Features features;
  Buffer scratch;
  if (!image[0].resize(height, width)) return false;
  split_planes(rgb, image[0]);
  int64_t h = up_height, w = up_width;
  for (int32_t level = 0; level < levels; level++) {
    const Planar& larger = image[level % 2];
    Planar& current = image[(level + 1) % 2];
    if (!current.resize(h, w) || !resize(larger, current, columns)) return false;
    if (!features.extract(current, model.orientation)) return false;
    if (features.rows > 0 && !scan_level(model, features, level, scratch, hits)) return false;
    h = 5 * h / 6;
    w = 5 * w / 6;
  }
  return true;
}

}  // namespace sbi_hog
