// Processes that train together, over c10d: sums over all of them, and a store of words that all can read.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/ivalue.h>
#include <stdint.h>

#include <atomic>
#include <string>
#include <vector>

#include "native/simd/layout.h"

namespace c10d {
class Backend;
class Store;
class Work;
}  // namespace c10d

extern "C" {

// Where processes meet, and who this one is.
struct SbiMeeting {
  const char* host;
  // Before the names of all keys in the store, which may be someone else's.
  const char* prefix;
  int64_t port;
  // Whether the store is this process's; otherwise it is another one's.
  int64_t serves;
  int64_t rank, size;
  int64_t join_milliseconds, step_milliseconds;
  // Number of the CUDA device whose tensors are summed up; -1: none, all is on the CPU.
  int64_t device;
};
}

SBI_LAYOUT(SbiMeeting, 72, (host, 0), (prefix, 8), (port, 16), (serves, 24), (rank, 32), (size, 40),
           (join_milliseconds, 48), (step_milliseconds, 56), (device, 64))

namespace sbi {

// A sum over all processes that is under way. The tensor holds it after wait().
class PendingSum {
 public:
  PendingSum(c10::intrusive_ptr<c10d::Work> work, bool on_device);
  ~PendingSum();
  PendingSum(PendingSum&&) noexcept;
  PendingSum& operator=(PendingSum&&) noexcept;

 private:
  friend class Ranks;
  c10::intrusive_ptr<c10d::Work> work_;
  bool on_device_;
};

// This process among those that train together. All of them must ask for the same sums in the same order; small sums
// and large ones that run beside the backward pass (start_sum) are in two orders of their own.
//
// A process that is gone makes sums fail: they throw what begins with BROKEN, and broken() then says why.
class Ranks : public torch::CustomClassHolder {
 public:
  static constexpr const char* BROKEN = "a sum over all processes failed";

  explicit Ranks(const SbiMeeting& meeting);
  ~Ranks() override;

  int64_t size() const { return size_; }
  // Sums of numbers in this process's memory, in place.
  void sum(double* values, int64_t count);
  // The same of a contiguous tensor on the CPU or the device of the meeting.
  void sum(const at::Tensor& tensor);
  PendingSum start_sum(const at::Tensor& tensor);
  void wait(PendingSum& pending);
  // All processes' tensors, of the same shape, one after the other. On the CPU.
  at::Tensor gather(const at::Tensor& tensor);

  // A word under a key, for all to read at any time, from any thread.
  void tell(const std::string& key, const std::string& word);
  // The word, or whether there is none.
  std::optional<std::string> ask(const std::string& key);

  // From any thread: lets sums that wait for others fail.
  void give_up() { given_up_ = true; }

 private:
  c10d::Backend& for_small(const at::Tensor& tensor) const;
  void wait(const c10::intrusive_ptr<c10d::Work>& work, bool on_device);

  int64_t rank_, size_;
  c10::intrusive_ptr<c10d::Store> store_, words_;
  c10::intrusive_ptr<c10d::Backend> small_, large_, device_;
  std::atomic<bool> given_up_{false};
};

}  // namespace sbi

// What Rust holds.
struct SbiRanks {
  c10::intrusive_ptr<sbi::Ranks> ranks;
};
