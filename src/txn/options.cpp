#include "moldau/txn/options.hpp"

namespace moldau::txn {

TransactionOptions TransactionOptions::from(const metadata::BrokerConfig& config) {
  const auto ms = [&](std::string_view name) { return base::Milliseconds{config.integer(name)}; };
  TransactionOptions options;
  options.max_timeout = ms("transaction.max.timeout.ms");
  options.id_expiration = ms("transactional.id.expiration.ms");
  options.id_sweep_interval = ms("transaction.remove.expired.transaction.cleanup.interval.ms");
  return options;
}

}  // namespace moldau::txn
