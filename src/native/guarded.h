// What all shims share: no C++ exception crosses into Rust, its message does (error.rs takes it).
#pragma once

#include <stdlib.h>
#include <string.h>

#include <exception>

namespace sbi {

// The result of `work`; where it throws, null or false, and `error` is a malloc'ed message.
template <typename Work>
auto guarded(char** error, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& exception) {
    *error = strdup(exception.what());
  } catch (...) {
    *error = strdup("unknown C++ exception");
  }
  return {};
}

}  // namespace sbi
