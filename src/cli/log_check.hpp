#pragma once

#include <string>

#include "common_options.hpp"
#include "moldau/base/result.hpp"

namespace moldau::cli {

/// Looks through a data directory, changes nothing, and prints what it found; false when records are damaged.
base::Result<bool> log_check(const std::string& directory, Format format);

}  // namespace moldau::cli
