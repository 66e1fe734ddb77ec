#pragma once
// The features of the cluster (KIP-584) that this release can serve.

#include <map>
#include <string>
#include <vector>

#include "moldau/metadata/config_view.hpp"
#include "moldau/metadata/image.hpp"
#include "moldau/metadata/records.hpp"

namespace moldau::metadata {

/// Levels of metadata.version (KIP-778).  What Kafka 4.3 calls 4.3-IV0 is what a new directory
/// gets: Kafka 4.3 and newer can take it over.
constexpr std::int16_t metadata_version_min = 7;
constexpr std::int16_t metadata_version_max = 30;

/// KIP-966.  A new directory has it, as Kafka's do: a replica that left the ISR while too few were in it
/// may lead again, since min.insync.replicas were sure to have what was acknowledged.  A node alone
/// never shrinks an ISR.
inline const std::string eligible_leader_replicas = "eligible.leader.replicas.version";

/// KIP-848: from level 1 on the consumer group protocol is served, where
/// group.coordinator.rebalance.protocols has it too.  A new directory has it, as Kafka's do.
inline const std::string group_version = "group.version";

/// Transactions: 1 writes the coordinator's records in their flexible form, 2 raises a producer's epoch with
/// every transaction (KIP-890), so that nothing late of one touches the next.  Clients that know 2 use it when
/// it is finalized.  A new directory has 2, as Kafka's do; one of before keeps 0 until it is raised.
inline const std::string transaction_version = "transaction.version";

/// What ApiVersions and the broker's registration declare: only what works.
[[nodiscard]] const std::map<std::string, FeatureRange>& supported_features();

/// Features of `image` whose finalized level this release serves: a directory taken over from Kafka
/// may have others, which are kept and not offered.
[[nodiscard]] std::map<std::string, std::int16_t> offered_features(const MetadataImage& image);

/// What goes with eligible_leader_replicas where it was off: min.insync.replicas becomes one value of
/// the whole cluster, so that all brokers count the same replicas.
[[nodiscard]] std::vector<MetadataRecord> eligible_leader_records(
    const MetadataImage& image, const BrokerConfig& static_config);

}  // namespace moldau::metadata
