#pragma once
// Shows which offsets would change, and changes them when that was confirmed.

#include <string>
#include <vector>

#include "client.hpp"
#include "common_options.hpp"
#include "group_data.hpp"
#include "offset_change.hpp"

namespace moldau::cli {

struct ChangeRequest {
  std::string group_id;
  std::vector<OffsetChange> changes;
  bool is_confirmed = false;
};

/// Prints the changes; without confirmation that is all, and standard error says how to go on.
/// Errors: the group has members (whose next commits would take it back), a commit was refused.
base::Status show_and_change(Client& client, const CommonOptions& common,
                             const GroupDescription& group, const ChangeRequest& request);

}  // namespace moldau::cli
