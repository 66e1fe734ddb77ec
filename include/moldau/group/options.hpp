#pragma once
// The broker's options that groups go by (names and defaults: Kafka's, protocol.md 4.2).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/metadata/config_view.hpp"
#include "moldau/metadata/image.hpp"

namespace moldau::group {

/// What becomes of committed offsets that nobody uses (offsets.retention.policy).
enum class OffsetRetention {
  keep,   // never expired while a partition of the group holds records that the group has not read
  kafka,  // exactly KIP-211
};

/// group.consumer.migration.policy (KIP-848): which way a live group may change its protocol.
enum class MigrationPolicy { disabled, upgrade, downgrade, bidirectional };

struct GroupOptions {
  // Classic groups.
  base::Milliseconds session_timeout_min{6'000};
  base::Milliseconds session_timeout_max{1'800'000};
  base::Milliseconds initial_rebalance_delay{3'000};
  std::int32_t group_size_max = INT32_MAX;
  // Consumer groups (KIP-848).
  base::Milliseconds consumer_session_timeout{45'000};
  base::Milliseconds consumer_heartbeat_interval{5'000};
  base::Milliseconds consumer_assignment_interval{1'000};
  base::Milliseconds consumer_regex_refresh_interval{600'000};
  std::int32_t consumer_group_size_max = INT32_MAX;
  std::vector<std::string> consumer_assignors{"uniform", "range"};  // the first is the default
  MigrationPolicy migration_policy = MigrationPolicy::bidirectional;
  // Offsets.
  std::size_t offset_metadata_bytes_max = 4096;
  base::Milliseconds offsets_retention{10'080LL * 60 * 1000};
  OffsetRetention retention_policy = OffsetRetention::keep;

  /// What bounds the groups' own settings; nullptr: they have none.
  std::shared_ptr<const metadata::BrokerConfig> broker;

  static GroupOptions from(const metadata::BrokerConfig& config, OffsetRetention policy);

  /// With what is set on the group itself (resource GROUP), where it may set that.
  [[nodiscard]] base::Milliseconds session_timeout_of(const metadata::MetadataImage& image,
                                                      std::string_view group_id) const;
  [[nodiscard]] base::Milliseconds heartbeat_interval_of(const metadata::MetadataImage& image,
                                                         std::string_view group_id) const;
  [[nodiscard]] base::Milliseconds assignment_interval_of(const metadata::MetadataImage& image,
                                                          std::string_view group_id) const;
};

}  // namespace moldau::group
