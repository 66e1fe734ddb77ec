#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <unordered_map>

#include "moldau/base/check.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/net/listener.hpp"

namespace moldau::net {
namespace {

// Addresses without a connection are remembered for their rate up to this many, then forgotten.
constexpr std::size_t idle_addresses_max = 16 * 1024;

class Limiter final : public ConnectionLimiter {
 public:
  explicit Limiter(const ConnectionLimits& limits) : limits_(limits) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY) {
      const std::size_t share = files.rlim_cur / 4 * 3;
      limits_.connections_max = std::min(limits_.connections_max, share);
    }
    if (limits_.connections_per_ip_max == 0) {
      limits_.connections_per_ip_max = std::max<std::size_t>(1, limits_.connections_max / 4 * 3);
    }
  }

  Verdict admit(const std::string& ip, base::SteadyTime now) override {
    base::MutexLock lock(mutex_);
    if (addresses_.size() >= forget_at_) forget_idle();
    auto [found, is_new] = addresses_.try_emplace(ip);
    Address& address = found->second;
    if (is_new) {
      address.tokens = static_cast<double>(limits_.connection_burst_per_ip);
      address.refilled = now;
    }
    refill(address, now);
    if (count_ >= limits_.connections_max) return Verdict::total;
    if (address.open >= limits_.connections_per_ip_max) return Verdict::per_ip;
    if (address.tokens < 1) return Verdict::rate;
    address.tokens -= 1;
    ++address.open;
    ++count_;
    return Verdict::accepted;
  }

  void release(const std::string& ip) override {
    base::MutexLock lock(mutex_);
    const auto found = addresses_.find(ip);
    MOLDAU_CHECK(found != addresses_.end() && found->second.open > 0,
                 "a connection is released once");
    --found->second.open;
    --count_;
  }

  [[nodiscard]] std::size_t count() const override {
    base::MutexLock lock(mutex_);
    return count_;
  }

 private:
  struct Address {
    std::size_t open = 0;
    double tokens = 0;
    base::SteadyTime refilled{};
  };

  void refill(Address& address, base::SteadyTime now) const {
    const std::chrono::duration<double> passed = now - address.refilled;
    const auto burst = static_cast<double>(limits_.connection_burst_per_ip);
    const auto rate = static_cast<double>(limits_.connections_per_second_per_ip);
    address.tokens = std::min(burst, address.tokens + passed.count() * rate);
    address.refilled = now;
  }

  void forget_idle() MOLDAU_REQUIRES(mutex_) {
    std::erase_if(addresses_, [](const auto& entry) { return entry.second.open == 0; });
    forget_at_ = addresses_.size() + idle_addresses_max;
  }

  ConnectionLimits limits_;
  mutable base::Mutex mutex_;
  std::size_t count_ MOLDAU_GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, Address> addresses_ MOLDAU_GUARDED_BY(mutex_);
  std::size_t forget_at_ MOLDAU_GUARDED_BY(mutex_) = idle_addresses_max;
};

}  // namespace

std::unique_ptr<ConnectionLimiter> ConnectionLimiter::create(const ConnectionLimits& limits) {
  return std::make_unique<Limiter>(limits);
}

}  // namespace moldau::net
