// Gradients summed over all processes, in buckets that are on their way while the backward pass goes on.

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <optional>
#include <vector>

#include "group.h"
#include "native/guarded.h"

// Number types on the way; Rust's `Wire`.
enum class SbiWire : int64_t { Fp32, Fp16, Bf16 };
SBI_NUMBERS(SbiWire, (Fp32, 0), (Fp16, 1), (Bf16, 2))

namespace sbi {
namespace {

using torch::autograd::variable_list;

// Bytes of a bucket: few enough that the first is soon full, many enough that a message's own cost is little.
constexpr int64_t BUCKET_BYTES = 4 << 20;

}  // namespace

class Buckets {
 public:
  // `parameters`: about in the order in which a backward pass reaches them. Their order must be that of all processes.
  Buckets(c10::intrusive_ptr<Ranks> ranks, std::vector<at::Tensor> parameters, SbiWire wire)
      : ranks_(std::move(ranks)), parameters_(std::move(parameters)), wire_(wire) {
    const int64_t most = BUCKET_BYTES / int64_t{sizeof(float)};
    int64_t size = most;
    for (size_t i = 0; i < parameters_.size(); i++) {
      const int64_t numbers = parameters_[i].numel();
      if (size + numbers > most) buckets_.emplace_back(), size = 0;
      buckets_.back().parameters.push_back(i);
      buckets_.back().places.push_back(size);
      size += numbers;
      of_parameter_.push_back(buckets_.size() - 1);
    }
    for (Bucket& bucket : buckets_) {
      const int64_t numbers = bucket.places.back() + parameters_[bucket.parameters.back()].numel();
      bucket.values = at::zeros({numbers}, parameters_[bucket.parameters[0]].options().dtype(at::kFloat));
    }
    for (size_t i = 0; i < parameters_.size(); i++) {
      auto node = torch::autograd::impl::grad_accumulator(parameters_[i]);
      const uintptr_t key = node->add_post_hook(std::make_unique<Arrival>([this, i] { arrived(i); }));
      accumulators_.emplace_back(std::move(node), key);
    }
  }

  ~Buckets() {
    for (auto& [node, key] : accumulators_) node->del_post_hook(key);
  }

  Buckets(const Buckets&) = delete;
  Buckets& operator=(const Buckets&) = delete;

  // The gradients of the next backward pass are complete when they arrive.
  void begin() {
    for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters.size(), bucket.pending.reset();
    next_ = 0;
    armed_ = true;
  }

  // Every gradient is the sum of all processes' afterwards.
  void finish() {
    armed_ = false;
    // What no pass has reached is the same in all processes.
    while (next_ < buckets_.size()) launch(buckets_[next_++]);
    torch::NoGradGuard no_grad;
    for (Bucket& bucket : buckets_) {
      ranks_->wait(*bucket.pending);
      bucket.pending.reset();
      if (wire_ != SbiWire::Fp32) bucket.values.copy_(bucket.sent);
      for (size_t i = 0; i < bucket.parameters.size(); i++) {
        at::Tensor& gradient = parameters_[bucket.parameters[i]].mutable_grad();
        if (!gradient.defined()) continue;
        gradient.copy_(bucket.values.narrow(0, bucket.places[i], gradient.numel()).view(gradient.sizes()));
      }
    }
  }

 private:
  // Called when a parameter's gradient has been added up in a backward pass.
  struct Arrival : torch::autograd::FunctionPostHook {
    std::function<void()> arrived;
    explicit Arrival(std::function<void()> body) : arrived(std::move(body)) {}
    variable_list operator()(const variable_list& outputs, const variable_list&) override {
      arrived();
      return outputs;
    }
  };

  struct Bucket {
    std::vector<size_t> parameters;
    std::vector<int64_t> places;  // of each parameter in `values`
    at::Tensor values;
    // What travels: `values`, or a copy in half precision.
    at::Tensor sent;
    size_t missing = 0;
    std::optional<PendingSum> pending;
  };

  void arrived(size_t parameter) {
    if (!armed_) return;
    buckets_[of_parameter_[parameter]].missing--;
    // In their order, for it is that of all processes.
    while (next_ < buckets_.size() && buckets_[next_].missing == 0) launch(buckets_[next_++]);
  }

  void launch(Bucket& bucket) {
    torch::NoGradGuard no_grad;
    for (size_t i = 0; i < bucket.parameters.size(); i++) {
      const at::Tensor& parameter = parameters_[bucket.parameters[i]];
      const at::Tensor place = bucket.values.narrow(0, bucket.places[i], parameter.numel());
      if (parameter.grad().defined()) place.copy_(parameter.grad().reshape({-1}));
      else place.zero_();
    }
    bucket.sent = wire_ == SbiWire::Fp32 ? bucket.values
                                         : bucket.values.to(wire_ == SbiWire::Fp16 ? at::kHalf : at::kBFloat16);
    bucket.pending.emplace(ranks_->start_sum(bucket.sent));
  }

  c10::intrusive_ptr<Ranks> ranks_;
  std::vector<at::Tensor> parameters_;
  SbiWire wire_;
  std::vector<Bucket> buckets_;
  std::vector<size_t> of_parameter_;
  std::vector<std::pair<std::shared_ptr<torch::autograd::Node>, uintptr_t>> accumulators_;
  size_t next_ = 0;
  bool armed_ = false;
};

}  // namespace sbi

extern "C" {

sbi::Buckets* sbi_buckets_new(const SbiRanks* ranks, const at::Tensor* const* parameters, int64_t count, SbiWire wire,
                              char** error) {
  return sbi::guarded(error, [&] {
    std::vector<at::Tensor> all;
    for (int64_t i = 0; i < count; i++) all.push_back(*parameters[i]);
    return new sbi::Buckets(ranks->ranks, std::move(all), wire);
  });
}

void sbi_buckets_drop(sbi::Buckets* buckets) { delete buckets; }

void sbi_buckets_begin(sbi::Buckets* buckets) { buckets->begin(); }

int sbi_buckets_finish(sbi::Buckets* buckets, char** error) {
  return sbi::guarded(error, [&] { return buckets->finish(), 1; });
}
}
