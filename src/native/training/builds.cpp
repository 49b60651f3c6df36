// Which build of the kernels runs here, and matrix products by way of it.

#include <initializer_list>

#include "norm.h"

extern "C" {

// What the builds of kernels.h have to offer.
#if defined(__x86_64__)
void sbi_training_rows_avx2(sbi::Kernels* kernels);
void sbi_training_depthwise_avx2(sbi::Kernels* kernels);
void sbi_training_product_avx2(sbi::Kernels* kernels);
void sbi_training_rows_avx512(sbi::Kernels* kernels);
void sbi_training_depthwise_avx512(sbi::Kernels* kernels);
void sbi_training_product_avx512(sbi::Kernels* kernels);
#else
void sbi_training_rows_any(sbi::Kernels* kernels);
void sbi_training_depthwise_any(sbi::Kernels* kernels);
void sbi_training_product_any(sbi::Kernels* kernels);
#endif
}

namespace sbi {
namespace {

Kernels gathered(std::initializer_list<void (*)(Kernels*)> parts) {
  Kernels kernels{};
  for (const auto part : parts) part(&kernels);
  return kernels;
}

#if defined(__x86_64__)
const Kernels& avx2() {
  static const Kernels build = gathered({sbi_training_rows_avx2, sbi_training_depthwise_avx2, sbi_training_product_avx2});
  return build;
}

const Kernels& fastest() {
  static const Kernels avx512 =
      gathered({sbi_training_rows_avx512, sbi_training_depthwise_avx512, sbi_training_product_avx512});
  static const bool runs_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                                  __builtin_cpu_supports("fma");
  return runs_avx512 ? avx512 : avx2();
}
#else
const Kernels& fastest() {
  static const Kernels any = gathered({sbi_training_rows_any, sbi_training_depthwise_any, sbi_training_product_any});
  return any;
}
#endif

}  // namespace

const Kernels& kernels(int64_t channels) {
#if defined(__x86_64__)
  // Vectors of 16 floats have no part for what is left of channels.
  constexpr int64_t WIDEST = 16;
  if (channels % WIDEST != 0) return avx2();
#else
  static_cast<void>(channels);
#endif
  return fastest();
}

at::Tensor right_side(const at::Tensor& matrix) { return fastest().product ? matrix.contiguous() : matrix; }

void multiply(const at::Tensor& left, const at::Tensor& right, at::Tensor result, bool add, Run ahead) {
  const auto product = fastest().product;
  if (!product || right.stride(1) != 1 || !result.is_contiguous()) {
    if (add) result.addmm_(left, right);
    else at::mm_out(result, left, right);
    return;
  }
  product({result.size(0), result.size(1), left.size(1), data(left), left.stride(0), left.stride(1), data(right),
           right.stride(0), mutable_data(result), add, ahead});
}

}  // namespace sbi
