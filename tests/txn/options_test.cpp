#include "moldau/txn/options.hpp"

#include <gtest/gtest.h>

namespace moldau::txn {
namespace {

using namespace std::chrono_literals;

TEST(TransactionOptions, AreKafkasByDefault) {
  const auto options = TransactionOptions::from(metadata::BrokerConfig{});
  EXPECT_EQ(options.max_timeout, 15min);
  EXPECT_EQ(options.id_expiration, 24h * 7);
  EXPECT_EQ(options.id_sweep_interval, 1h);
}

TEST(TransactionOptions, AreWhatTheBrokersConfigurationSays) {
  const auto options = TransactionOptions::from(metadata::BrokerConfig{
      {{"transaction.max.timeout.ms", "1000"},
       {"transactional.id.expiration.ms", "2000"},
       {"transaction.remove.expired.transaction.cleanup.interval.ms", "3000"}}});
  EXPECT_EQ(options.max_timeout, 1s);
  EXPECT_EQ(options.id_expiration, 2s);
  EXPECT_EQ(options.id_sweep_interval, 3s);
}

}  // namespace
}  // namespace moldau::txn
