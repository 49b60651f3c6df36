// Scanning an image for faces with dlib's trained filters: what detector.cpp asks of scan.cpp.
//
// Plain data only: scan.cpp is built for several instruction sets (see vectors.h).
#pragma once

#include <stdint.h>

namespace sbi_scan {

constexpr int PLANES = 31;        // features of a cell: 18 signed orientations, 9 unsigned, 4 of texture
constexpr int ORIENTATIONS = 18;  // signed
constexpr int TAPS = 10;          // sides of a detection window in cells
constexpr int GRADIENTS = 512;    // differences -256..255 of 8-bit values, as an index

// One separable part of a detector's filter on one plane.
struct Filter {
  int32_t detector;
  float row[TAPS];
  float col[TAPS];
};

struct Model {
  const Filter* filters;            // by plane
  int32_t first[PLANES + 1];        // the filters of plane i are first[i] .. first[i + 1]
  int32_t detectors;
  const double* thresholds;         // one per detector
  const uint8_t* orientation;       // [GRADIENTS, GRADIENTS] by (gy + 256, gx + 256): 0..17
};

// A window whose score reaches its detector's threshold; row and column in the padded plane of features.
struct Hit {
  int32_t detector, level, row, col;
  float score;
};

struct Hits {
  Hit* items;
  int64_t count, capacity;
};

// A build of the scan. `rgb`: [height, width, 3]. Doubles the image, then scans `levels` sizes of it, each 5/6 of the
// one before, the first of `up_height` x `up_width` pixels. Appends to `hits` (malloc'ed items; the caller frees). False
// without memory.
typedef bool Scan(const Model& model, const uint8_t* rgb, int64_t height, int64_t width, int64_t up_height,
                  int64_t up_width, int32_t levels, Hits* hits);

}  // namespace sbi_scan

extern "C" {
// scan.cpp is built once per instruction set.
sbi_scan::Scan sbi_scan_any, sbi_scan_avx2;
}
