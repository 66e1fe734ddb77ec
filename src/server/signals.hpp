#pragma once
// Signals as events of the main thread.

#include <csignal>

namespace moldau::server {

/// Blocks SIGTERM, SIGINT and SIGHUP for this thread and those made after it, and ignores SIGPIPE and
/// SIGXFSZ (a closed peer and a file that is too large are errors of the call that meets them).
void block_signals();

/// Waits for one of the blocked signals; the number of it.
int wait_for_signal();

/// Makes wait_for_signal() return SIGTERM: from a thread that has met a fatal failure.
void raise_stop();


}  // namespace moldau::server
