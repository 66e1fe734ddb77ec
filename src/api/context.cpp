#include "moldau/api/context.hpp"

#include <algorithm>

namespace moldau::api {

ConnectionState::~ConnectionState() {
  if (timer_ != 0) loop_->cancel(timer_);
}

void ConnectionState::expire_at(base::Loop& loop, base::SteadyTime deadline,
                                std::weak_ptr<Expiring> request) {
  while (!expiring_.empty() && expiring_.front().request.expired()) expiring_.pop_front();
  loop_ = &loop;
  expiring_.push_back({deadline, std::move(request)});
  if (timer_ == 0 || deadline < armed_for_) arm();
}

// For the earliest one: with that all the others are looked at too.
void ConnectionState::arm() {
  if (timer_ != 0) loop_->cancel(timer_);
  timer_ = 0;
  const auto earliest = std::ranges::min_element(expiring_, {}, &Deadline::when);
  if (earliest == expiring_.end()) return;
  armed_for_ = earliest->when;
  timer_ = loop_->call_at(armed_for_, [this] { on_timer(); });
}

void ConnectionState::on_timer() {
  timer_ = 0;
  std::vector<std::shared_ptr<Expiring>> due;
  std::erase_if(expiring_, [&](const Deadline& entry) {
    auto request = entry.request.lock();
    if (request == nullptr) return true;
    if (entry.when > armed_for_) return false;
    due.push_back(std::move(request));
    return true;
  });
  arm();
  for (const auto& request : due) request->expire();
}

}  // namespace moldau::api
