#pragma once
// From the members' subscriptions to what each shall own: resolves names and regular expressions to
// topics and asks an assignor.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "group/assignor.hpp"
#include "group/consumer_member.hpp"
#include "moldau/metadata/image.hpp"

namespace moldau::group {

using Members = std::map<std::string, ConsumerMember, std::less<>>;
using Targets = std::map<std::string, std::vector<TopicPartitions>, std::less<>>;
using Regexes = std::map<std::string, RegularExpressionRecord::Value, std::less<>>;

/// The names that the member subscribes to itself and through its regular expression, ascending;
/// those of topics that do not exist among them.
[[nodiscard]] std::vector<std::string_view> subscribed_names(const ConsumerMember& member,
                                                             const Regexes& regexes);
[[nodiscard]] bool subscribes_to(const ConsumerMember& member, const Regexes& regexes,
                                 std::string_view topic);

struct TargetInput {
  const Members& members;
  const Targets& targets;  // so far
  const Regexes& regexes;
  const metadata::MetadataImage& image;
};

/// One for each member, in their order.
[[nodiscard]] AssignorOutput compute_target(const TargetInput& input, Assignor assignor);

}  // namespace moldau::group
