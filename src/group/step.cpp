#include "moldau/group/step.hpp"

#include <functional>

namespace moldau::group {

std::size_t DeadlineKeyHash::operator()(const DeadlineKey& key) const noexcept {
  std::size_t hash = std::hash<std::string>{}(key.group_id);
  hash = hash * 0x9E3779B97F4A7C15ULL + std::hash<std::string>{}(key.member_id);
  return hash * 0x9E3779B97F4A7C15ULL + static_cast<std::size_t>(key.kind);
}

}  // namespace moldau::group
