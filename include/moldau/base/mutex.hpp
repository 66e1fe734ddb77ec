#pragma once
// A mutex that clang's -Wthread-safety understands.  Lock order: partition, then log, then lane.

#include <mutex>

#if defined(__clang__)
#define MOLDAU_TSA(x) __attribute__((x))
#else
#define MOLDAU_TSA(x)
#endif

#define MOLDAU_GUARDED_BY(m) MOLDAU_TSA(guarded_by(m))
#define MOLDAU_REQUIRES(...) MOLDAU_TSA(requires_capability(__VA_ARGS__))
#define MOLDAU_EXCLUDES(...) MOLDAU_TSA(locks_excluded(__VA_ARGS__))
#define MOLDAU_NO_THREAD_SAFETY_ANALYSIS MOLDAU_TSA(no_thread_safety_analysis)

namespace moldau::base {

class MOLDAU_TSA(capability("mutex")) Mutex {
 public:
  void lock() MOLDAU_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() MOLDAU_TSA(release_capability()) { mutex_.unlock(); }
  bool try_lock() MOLDAU_TSA(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

class MOLDAU_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MOLDAU_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() MOLDAU_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace moldau::base
