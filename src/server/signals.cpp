#include "signals.hpp"

#include <pthread.h>
#include <unistd.h>

namespace moldau::server {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

int wait_for_signal() {
  const sigset_t set = handled_signals();
  int number = 0;
  while (sigwait(&set, &number) != 0) {
  }
  return number;
}

void raise_stop() { kill(getpid(), SIGTERM); }

}  // namespace moldau::server
