// Processes that train together: see group.h. Gloo and, where libtorch has CUDA, NCCL are libtorch's own.

#if !__has_include(<gloo/algorithm.h>)
#error "Gloo's headers are missing: scripts/setup.sh installs them (Debian's libgloo-dev)"
#endif
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif

#include "group.h"

#include <c10/util/Exception.h>
#include <c10/util/Logging.h>
#include <stdlib.h>
#include <string.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef SBI_NCCL
#define USE_C10D_NCCL
#include <c10/cuda/CUDAFunctions.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <chrono>
#include <mutex>
#include <stdexcept>

#include "native/guarded.h"

namespace sbi {
namespace {

using std::chrono::milliseconds;

// How often a process that waits for others looks whether it should.
constexpr milliseconds LOOK_EVERY{500};

// The message of libtorch's exceptions without the stack that they carry, in one line.
std::string message_of(const std::exception& exception) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&exception);
  std::string text = of_torch ? of_torch->what_without_backtrace() : exception.what();
  const size_t stack = text.find("\nException raised from");
  if (stack != std::string::npos) text.resize(stack);
  for (char& letter : text)
    if (letter == '\n') letter = ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// The result of `work`; libtorch's exceptions become short ones.
template <typename Work>
auto shortly(const std::string& before, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& exception) {
    throw std::runtime_error(before + message_of(exception));
  }
}

bool is_loopback(const std::string& host) { return host == "localhost" || host.rfind("127.", 0) == 0 || host == "::1"; }

// What Gloo talks over: the interfaces that GLOO_SOCKET_IFNAME names, else that of the machine's name; among processes
// of one machine its loopback, which is there whatever its name resolves to.
c10::intrusive_ptr<c10d::ProcessGroupGloo::Options> options_for(const SbiMeeting& meeting) {
  const milliseconds timeout{meeting.step_milliseconds};
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  const char* named = getenv("GLOO_SOCKET_IFNAME");
  const bool chosen = named && *named;
  if (!chosen && is_loopback(meeting.host))
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
  else
    options = c10d::ProcessGroupGloo::Options::create_default(timeout);
  if (options->devices.empty()) options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  return options;
}

c10::intrusive_ptr<c10d::Store> connect(const SbiMeeting& meeting, bool serves) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(meeting.port);
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = milliseconds{meeting.join_milliseconds};
  return c10::make_intrusive<c10d::TCPStore>(meeting.host, options);
}

// c10d notes every sum in a "flight recorder" for its debuggers, one for the whole process. It enters groups into a map
// before it takes its lock (in libtorch 2.11), so that two threads with groups of their own break that map. Nothing here
// reads it, and its size is asked for when the first group sums: it gets none, unless somebody has said what he wants.
void without_flight_recorder() {
  static std::once_flag once;
  std::call_once(once, [] { setenv("TORCH_FR_BUFFER_SIZE", "0", /*overwrite=*/0); });
}

}  // namespace

PendingSum::PendingSum(c10::intrusive_ptr<c10d::Work> work, bool on_device)
    : work_(std::move(work)), on_device_(on_device) {}
PendingSum::~PendingSum() = default;
PendingSum::PendingSum(PendingSum&&) noexcept = default;
PendingSum& PendingSum::operator=(PendingSum&&) noexcept = default;

Ranks::Ranks(const SbiMeeting& meeting) : rank_(meeting.rank), size_(meeting.size) {
  without_flight_recorder();
  // Whatever these libraries would print about a connection is told by an error as well.
  FLAGS_caffe2_log_level = 3;
  const std::string prefix = meeting.prefix;
  const auto under = [&](const char* name, const c10::intrusive_ptr<c10d::Store>& store) {
    return c10::make_intrusive<c10d::PrefixStore>(prefix + name, store);
  };
  shortly("", [&] {
    const auto store = connect(meeting, meeting.serves != 0);
    store_ = under("", store);
    // A connection of its own: words must pass while this one waits.
    words_ = under("words", connect(meeting, false));
  });
  const auto here = [](int64_t rank) { return "here/" + std::to_string(rank); };
  tell(here(rank_), "1");
  std::vector<std::string> all;
  for (int64_t rank = 0; rank < size_; rank++) all.push_back(here(rank));
  try {
    words_->wait(all, milliseconds{meeting.join_milliseconds});
  } catch (const std::exception&) {
    std::string missing;
    for (int64_t rank = 0; rank < size_; rank++)
      if (!ask(here(rank))) missing += (missing.empty() ? "" : ", ") + std::to_string(rank);
    throw std::runtime_error(missing.empty() ? "not all processes came" : "no word from rank " + missing);
  }
  shortly("", [&] {
    const auto gloo = [&](const char* name) -> c10::intrusive_ptr<c10d::Backend> {
      return c10::make_intrusive<c10d::ProcessGroupGloo>(under(name, store_), static_cast<int>(rank_),
                                                         static_cast<int>(size_), options_for(meeting));
    };
    small_ = gloo("small");
    if (meeting.device < 0) {
      large_ = gloo("large");
      return;
    }
#ifdef SBI_NCCL
    c10::cuda::set_device(static_cast<c10::DeviceIndex>(meeting.device));
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = milliseconds{meeting.step_milliseconds};
    device_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(under("device", store_), static_cast<int>(rank_),
                                                          static_cast<int>(size_), options);
#else
    throw std::runtime_error("this program was built without NCCL, over which CUDA devices talk");
#endif
  });
}

Ranks::~Ranks() = default;

c10d::Backend& Ranks::for_small(const at::Tensor& tensor) const {
  return tensor.device().is_cpu() ? *small_ : *device_;
}

void Ranks::sum(double* values, int64_t count) {
  // A copy: where another process is gone, Gloo's threads may have it longer than the caller has his numbers.
  const at::Tensor mine = at::from_blob(values, {count}, at::TensorOptions().dtype(at::kDouble));
  const at::Tensor all = mine.clone();
  sum(all);
  mine.copy_(all);
}

void Ranks::sum(const at::Tensor& tensor) {
  std::vector<at::Tensor> tensors{tensor};
  const auto work = shortly(std::string(BROKEN) + ": ", [&] { return for_small(tensor).allreduce(tensors); });
  wait(work, !tensor.device().is_cpu());
}

PendingSum Ranks::start_sum(const at::Tensor& tensor) {
  std::vector<at::Tensor> tensors{tensor};
  const bool on_device = !tensor.device().is_cpu();
  c10d::Backend& backend = on_device ? *device_ : *large_;
  return {shortly(std::string(BROKEN) + ": ", [&] { return backend.allreduce(tensors); }), on_device};
}

void Ranks::wait(PendingSum& pending) { wait(pending.work_, pending.on_device_); }

void Ranks::wait(const c10::intrusive_ptr<c10d::Work>& work, bool on_device) {
  const std::string broken = std::string(BROKEN) + ": ";
  // Of a device this makes its stream wait, and comes back at once.
  if (on_device) return shortly(broken, [&] { work->wait(); });
  for (;;) {
    try {
      work->wait(LOOK_EVERY);
      return;
    } catch (const std::exception& exception) {
      if (work->isCompleted()) {
        if (!work->exception()) return;
        throw std::runtime_error(broken + message_of(exception));
      }
      if (given_up_) throw std::runtime_error(broken + "another process is gone");
    }
  }
}

at::Tensor Ranks::gather(const at::Tensor& tensor) {
  const at::Tensor all = at::empty({size_, tensor.numel()}, tensor.options());
  std::vector<std::vector<at::Tensor>> outputs(1);
  for (int64_t rank = 0; rank < size_; rank++) outputs[0].push_back(all[rank]);
  std::vector<at::Tensor> inputs{tensor.view({-1})};
  wait(shortly(std::string(BROKEN) + ": ", [&] { return small_->allgather(outputs, inputs); }), false);
  return all;
}

void Ranks::tell(const std::string& key, const std::string& word) {
  shortly("", [&] { words_->set(key, std::vector<uint8_t>(word.begin(), word.end())); });
}

std::optional<std::string> Ranks::ask(const std::string& key) {
  return shortly("", [&]() -> std::optional<std::string> {
    if (!words_->check({key})) return std::nullopt;
    const auto word = words_->get(key);
    return std::string(word.begin(), word.end());
  });
}

}  // namespace sbi

extern "C" {

SbiRanks* sbi_ranks_join(const SbiMeeting* meeting, char** error) {
  return sbi::guarded(error, [&] { return new SbiRanks{c10::make_intrusive<sbi::Ranks>(*meeting)}; });
}

void sbi_ranks_leave(SbiRanks* ranks) { delete ranks; }

int sbi_ranks_sum_numbers(const SbiRanks* ranks, double* values, int64_t count, char** error) {
  return sbi::guarded(error, [&] { return ranks->ranks->sum(values, count), 1; });
}

int sbi_ranks_sum_tensor(const SbiRanks* ranks, const at::Tensor* tensor, char** error) {
  return sbi::guarded(error, [&] { return ranks->ranks->sum(*tensor), 1; });
}

at::Tensor* sbi_ranks_gather(const SbiRanks* ranks, const at::Tensor* tensor, char** error) {
  return sbi::guarded(error, [&] { return new at::Tensor(ranks->ranks->gather(*tensor)); });
}

int sbi_ranks_tell(const SbiRanks* ranks, const char* key, const char* word, char** error) {
  return sbi::guarded(error, [&] { return ranks->ranks->tell(key, word), 1; });
}

// Null without an error where there is no such word; else malloc'ed.
char* sbi_ranks_ask(const SbiRanks* ranks, const char* key, char** error) {
  return sbi::guarded(error, [&]() -> char* {
    const auto word = ranks->ranks->ask(key);
    return word ? strdup(word->c_str()) : nullptr;
  });
}

void sbi_ranks_give_up(const SbiRanks* ranks) { ranks->ranks->give_up(); }
}
