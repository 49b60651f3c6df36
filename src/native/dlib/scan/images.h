// The images that dlib's face detector looks at: planes of colours, resized with dlib's arithmetic.

#pragma once

#include "buffer.h"

namespace {

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

// Bytes [height, width, 3] to planes.
inline void split_planes(const uint8_t* rgb, Planar& image) {
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

  // False without memory.
  bool prepare(int64_t in_width, int64_t out_width);
};

inline bool Columns::prepare(int64_t in_width, int64_t out_width) {
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

// One row of all three planes: `top` and `bottom` of the source, `below` the weight of the lower one.
inline void resize_row(const Planar& in, int64_t top, int64_t bottom, double below, const Columns& columns, Planar& out,
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

// Bilinear, to the size that `out` has. False without memory.
inline bool resize(const Planar& in, Planar& out, Columns& columns) {
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

}  // namespace
