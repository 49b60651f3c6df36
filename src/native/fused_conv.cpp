// oneDNN's convolution with a fused activation, reached through libtorch's dispatcher: the operators
// are registered inside libtorch_cpu but have no public C++ header.
//
// Every function catches all exceptions: the message is returned in `error` (freed by the caller with
// sbi_free_error) and the result is null.

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string_view>

namespace {

using Scalars = c10::List<std::optional<at::Scalar>>;
using PointwiseConv = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                 at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view,
                                 Scalars, std::optional<std::string_view>);
using PointwiseConvAdd = at::Tensor&(at::Tensor&, const at::Tensor&, const at::Tensor&,
                                     const std::optional<at::Tensor>&, at::IntArrayRef, at::IntArrayRef,
                                     at::IntArrayRef, int64_t, std::string_view, std::optional<at::Scalar>,
                                     std::optional<std::string_view>, Scalars, std::optional<std::string_view>);
using ReorderWeight = at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t,
                                 at::OptionalIntArrayRef);

template <class F>
at::Tensor* guarded(char** error, F&& make) {
  try {
    return new at::Tensor(make());
  } catch (const std::exception& e) {
    *error = strdup(e.what());
  } catch (...) {
    *error = strdup("unknown C++ exception");
  }
  return nullptr;
}

}  // namespace

extern "C" {

void sbi_free_error(char* error) { free(error); }

// Brings a convolution weight into the memory layout oneDNN prefers for this input size.
at::Tensor* sbi_reorder_conv_weight(const at::Tensor* weight, const int64_t* padding, const int64_t* stride,
                                    int64_t groups, const int64_t* input_size, char** error) {
  return guarded(error, [&] {
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("mkldnn::_reorder_convolution_weight", "")
                         .typed<ReorderWeight>();
    const int64_t one[2] = {1, 1};
    c10::impl::ExcludeDispatchKeyGuard no_autograd(c10::autograd_dispatch_keyset);
    return op.call(*weight, at::IntArrayRef(padding, 2), at::IntArrayRef(stride, 2), at::IntArrayRef(one, 2),
                   groups, at::OptionalIntArrayRef(at::IntArrayRef(input_size, 4)));
  });
}

// Convolution, bias and activation in one pass. `attr`: "none", "relu", "swish", "leaky_relu" (`constant`: its slope) or
// "hardtanh" (from 0 to `constant`).
at::Tensor* sbi_fused_conv(const at::Tensor* x, const at::Tensor* weight, const at::Tensor* bias,
                           const int64_t* padding, const int64_t* stride, int64_t groups, const char* attr,
                           double constant, char** error) {
  return guarded(error, [&] {
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("mkldnn::_convolution_pointwise", "")
                         .typed<PointwiseConv>();
    Scalars scalars;
    if (std::strcmp(attr, "leaky_relu") == 0) scalars.push_back(at::Scalar(constant));
    if (std::strcmp(attr, "hardtanh") == 0) {
      scalars.push_back(at::Scalar(0.0));
      scalars.push_back(at::Scalar(constant));
    }
    const int64_t one[2] = {1, 1};
    const std::optional<at::Tensor> b = bias == nullptr ? std::nullopt : std::optional<at::Tensor>(*bias);
    c10::impl::ExcludeDispatchKeyGuard no_autograd(c10::autograd_dispatch_keyset);
    return op.call(*x, *weight, b, at::IntArrayRef(padding, 2), at::IntArrayRef(stride, 2),
                   at::IntArrayRef(one, 2), groups, attr, scalars, std::nullopt);
  });
}

// Adds convolution and bias to `onto` in place, then takes max(x, 0) where `relu` is not 0. The result is `onto`.
at::Tensor* sbi_fused_conv_add(at::Tensor* onto, const at::Tensor* x, const at::Tensor* weight,
                               const at::Tensor* bias, const int64_t* padding, const int64_t* stride,
                               int64_t groups, int relu, char** error) {
  return guarded(error, [&] {
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("mkldnn::_convolution_pointwise_", "binary")
                         .typed<PointwiseConvAdd>();
    const int64_t one[2] = {1, 1};
    const auto unary = relu ? std::optional<std::string_view>("relu") : std::nullopt;
    c10::impl::ExcludeDispatchKeyGuard no_autograd(c10::autograd_dispatch_keyset);
    return op.call(*onto, *x, *weight, *bias, at::IntArrayRef(padding, 2), at::IntArrayRef(stride, 2),
                   at::IntArrayRef(one, 2), groups, "add", std::nullopt, unary, Scalars(), std::nullopt);
  });
}
}
