// What the parts of the scan share: vectors of eight floats, and memory.
#pragma once

#include <stdlib.h>
#include <string.h>

#include "native/simd/vectors.h"
#include "scan.h"

namespace {

static_assert(LANES == 8, "dlib's arithmetic goes in eights");

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

}  // namespace
