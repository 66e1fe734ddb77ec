#pragma once
// Names of threads, as `top -H` and debuggers show them.

#include <pthread.h>

#include <string>

namespace moldau::base {

/// Of the calling thread; cut to the 15 characters that Linux keeps.
inline void name_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace moldau::base
