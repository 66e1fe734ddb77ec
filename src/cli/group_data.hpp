#pragma once
// What a broker says of groups, as the verbs need it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/protocol/list_groups.hpp"

namespace moldau::cli {

struct GroupMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string host;
  std::map<std::string, std::vector<PartitionIndex>> assignment;  // by topic
};

struct GroupDescription {
  std::string group_id;
  std::string type;   // "classic", "consumer"
  std::string state;  // "Stable", "Empty", ...
  std::string protocol_type;
  std::string assignor;               // of a classic group: its members' protocol
  std::optional<std::int32_t> epoch;  // of a consumer group
  std::vector<GroupMember> members;   // by member id
};

using GroupListing = protocol::ListGroupsResponse::Group;

base::Error no_such_group(const std::string& group_id);

/// All groups, by id.
base::Result<std::vector<GroupListing>> list_groups(Client& client);

using GroupDescriptions = std::map<std::string, GroupDescription>;

/// By id; groups that have gone meanwhile are left out, and those of kinds that are not known here.
base::Result<GroupDescriptions> describe_groups(Client& client,
                                                const std::vector<GroupListing>& groups);

/// A group that does not exist is an error that says so.
base::Result<GroupDescription> describe_group(Client& client, const std::string& group_id);

}  // namespace moldau::cli
