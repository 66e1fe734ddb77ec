#pragma once
// The topics that coordinators keep their state in.  The first who needs one has it made.

#include <optional>
#include <string_view>

#include "moldau/api/services.hpp"
#include "moldau/base/function.hpp"
#include "moldau/base/result.hpp"

namespace moldau::api {

enum class CoordinatorKind { group, transaction };

[[nodiscard]] std::string_view coordinator_topic(CoordinatorKind kind);

/// Calls `done` once the topic is there, with nothing, or with why it could not be made: at once on the
/// calling thread when it is there already, otherwise on any thread.
void with_coordinator_topic(const Services& services, CoordinatorKind kind,
                            base::Function<void(std::optional<base::Error>)> done);

}  // namespace moldau::api
