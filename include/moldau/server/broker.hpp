#pragma once
// A whole broker in one process: composition and life cycle.

#include <memory>

#include "moldau/base/result.hpp"
#include "moldau/config/config.hpp"

namespace moldau::server {

/// Exit status, a promise to scripts.
enum class ExitStatus : int { ok = 0, failure = 1, usage = 2, directory_unusable = 3 };

/// Runs a broker with `config` until SIGTERM or SIGINT (orderly stop; a second one stops at once) or a
/// failure.  Blocks; prints and logs on standard error.  Call it from the main thread, before others.
ExitStatus run_broker(const config::Config& config);

}  // namespace moldau::server
