// libtorch's automatic mixed precision, of which `tch` sets only the switch and not the number type.
//
// `device`: 0 for the CPU, 1 for CUDA. `bits`: 1 for bfloat16, 0 for float16.

#include <ATen/autocast_mode.h>

namespace {
at::DeviceType device_of(int device) { return device == 0 ? at::kCPU : at::kCUDA; }
}  // namespace

extern "C" {

// Begins a region; what sbi_autocast_end takes is returned.
int sbi_autocast_begin(int device, int bfloat16) {
  const auto type = device_of(device);
  const int was_enabled = at::autocast::is_autocast_enabled(type);
  at::autocast::set_autocast_dtype(type, bfloat16 ? at::kBFloat16 : at::kHalf);
  at::autocast::set_autocast_enabled(type, true);
  at::autocast::increment_nesting();
  return was_enabled;
}

// Weights cast inside a region are kept to its end: beyond it they may have moved.
void sbi_autocast_end(int device, int was_enabled) {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_of(device), was_enabled != 0);
}
}
