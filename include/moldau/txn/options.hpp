#pragma once
// The broker's options that transactions go by (names and defaults: Kafka's, protocol.md 4.2).

#include "moldau/base/clock.hpp"
#include "moldau/metadata/config_view.hpp"

namespace moldau::txn {

struct TransactionOptions {
  base::Milliseconds max_timeout{900'000};
  /// A transactional id that was not used for this long is forgotten.
  base::Milliseconds id_expiration{604'800'000};
  base::Milliseconds id_sweep_interval{3'600'000};

  static TransactionOptions from(const metadata::BrokerConfig& config);
};

}  // namespace moldau::txn
