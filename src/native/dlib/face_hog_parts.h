// The parts of the scan for faces: vectors of eight floats, the pyramid of images, the features of a level.
//
// face_hog*.cpp are compiled twice (see face_hog.h). Everything here is in a namespace named after the build, so that
// the linker never takes a function of the one for that of the other.
#ifndef SBI_FACE_HOG_PARTS_H
#define SBI_FACE_HOG_PARTS_H

#include <immintrin.h>
#include <cstdlib>
#include <cstring>

#include "face_hog.h"

#ifdef __AVX2__
#define SBI_HOG_BUILD avx2
#define SBI_SCAN scan_avx2
#else
#define SBI_HOG_BUILD baseline
#define SBI_SCAN scan_baseline
#endif

namespace sbi_hog {
namespace SBI_HOG_BUILD {

constexpr int LANES = 8;
typedef float Floats __attribute__((vector_size(32)));

inline Floats load(const float* from) {
  Floats v;
  memcpy(&v, from, sizeof v);
  return v;
}
inline void store(float* to, Floats v) { memcpy(to, &v, sizeof v); }
inline Floats all(float x) { return Floats{x, x, x, x, x, x, x, x}; }

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

// Bytes [height, width, 3] to planes.
void split_planes(const uint8_t* rgb, Planar& image);

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

// Bilinear, to the size that `out` has. False without memory.
bool resize(const Planar& in, Planar& out, Columns& columns);

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

}  // namespace SBI_HOG_BUILD
}  // namespace sbi_hog

#endif
