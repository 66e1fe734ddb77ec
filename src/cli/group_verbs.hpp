#pragma once
// What each verb of `moldau group` takes, and the verbs themselves: each in its own file.  They
// print their result on standard output and everything else on standard error.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common_options.hpp"
#include "moldau/base/result.hpp"
#include "offset_change.hpp"

namespace moldau::cli {

struct ResetOptions {
  std::string name;
  std::vector<std::string> topics;  // TOPIC or TOPIC:0,1; none: all that the group has offsets of
  ResetTarget target;
  bool is_confirmed = false;  // nothing is changed otherwise
};

struct UndoOptions {
  std::string name;
  std::int64_t resets = 1;  // how many are undone
  bool is_confirmed = false;
};

base::Status group_list(const CommonOptions& common);
base::Status group_describe(const CommonOptions& common, const std::string& name);
base::Status group_lag(const CommonOptions& common, const std::vector<std::string>& names);
base::Status group_reset(const CommonOptions& common, const ResetOptions& options);
base::Status group_undo(const CommonOptions& common, const UndoOptions& options);
base::Status group_delete(const CommonOptions& common, const std::string& name);

}  // namespace moldau::cli
