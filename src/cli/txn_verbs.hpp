#pragma once
// What each verb of `moldau txn` takes, and the verbs themselves: each in its own file, but for the
// two ways to abort.  They print their result on standard output and everything else on standard
// error.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common_options.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"

namespace moldau::cli {

/// Which transactions are listed: those that pass every filter.
struct TxnFilter {
  std::vector<std::string> states;
  std::vector<std::int64_t> producer_ids;
  std::optional<std::int64_t> longer_than_ms;
  std::optional<std::string> pattern;  // of transactional ids, a regular expression
};

/// A transaction as one partition has it, when no coordinator knows it any more.
struct HangingOptions {
  TopicPartition partition;
  ProducerId producer_id{};
  bool is_confirmed = false;  // nothing is changed otherwise
};

base::Status txn_list(const CommonOptions& common, const TxnFilter& filter);
base::Status txn_describe(const CommonOptions& common, const std::string& id);
/// As its timeout would end it; its producer is fenced.
base::Status txn_abort(const CommonOptions& common, const std::string& id, bool is_confirmed);
base::Status txn_abort_hanging(const CommonOptions& common, const HangingOptions& options);

}  // namespace moldau::cli
