#pragma once

// What a measured part cost: elapsed time, CPU of this process and of the broker.

#include <sys/types.h>

#include <cstdint>
#include <ctime>

#include "loop.hpp"

namespace moldau::mbench {

// CPU that a process has used since its start, in nanoseconds, all its threads, ended ones too:
// the scheduler's exact sum, not ticks. 0 when there is no such process.
inline std::int64_t process_cpu_ns(pid_t pid) {
  timespec time{};
  clockid_t clock = 0;
  if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    return 0;
  }
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

struct Cost {
  std::int64_t elapsed_ns = 0;
  std::int64_t client_cpu_ns = 0;
  std::int64_t broker_cpu_ns = 0;
};

class Meter {
 public:
  explicit Meter(pid_t broker) : broker_(broker) { begin(); }
  void begin() { began_ = {now_ns(), own_cpu_ns(), process_cpu_ns(broker_)}; }
  Cost read() const {
    return {now_ns() - began_.elapsed_ns, own_cpu_ns() - began_.client_cpu_ns,
            process_cpu_ns(broker_) - began_.broker_cpu_ns};
  }

 private:
  static std::int64_t own_cpu_ns() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  }

  pid_t broker_;
  Cost began_;
};

}  // namespace moldau::mbench
