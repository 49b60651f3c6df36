// What all shims over dlib share: no C++ exception crosses into Rust, its message does.
#pragma once

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

namespace sbi_native {

inline char* copy_of(const std::string& text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy) std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

// The result of `work`; where it throws, null or false, and `error` is a message that sbi_dlib_free_error frees.
template <typename Work>
auto guarded(char** error, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& exception) {
    *error = copy_of(exception.what());
  } catch (...) {
    *error = copy_of("unknown C++ exception");
  }
  return {};
}

}  // namespace sbi_native
