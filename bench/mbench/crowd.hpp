#pragma once

// All members of all groups of a run, on one loop.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "load.hpp"
#include "member.hpp"
#include "options.hpp"

namespace moldau::mbench {

// "name" when there is one group, else "name-7".
inline std::string group_name(const Options& options, std::int64_t number) {
  return options.groups == 1 ? options.group : options.group + "-" + std::to_string(number);
}

class Crowd {
 public:
  // Connects `members_each` members of each of the groups [first, end); none joins yet.
  Crowd(Loop& loop, const Options& options, std::int64_t members_each, std::int64_t first,
        std::int64_t end)
      : loop_(loop),
        classic_(options.classic),
        partitions_(static_cast<std::int32_t>(options.partitions)) {
    for (std::int64_t group = first; group < end; ++group) {
      groups_.emplace_back();
      for (std::int64_t i = 0; i < members_each; ++i) {
        const auto number = members_.size();
        MemberSpec spec{options.servers[number % options.servers.size()],
                        group_name(options, group), options.topic, partitions_,
                        ns(options.interval_s)};
        members_.push_back(make_member(classic_, loop, spec, tally_, number));
        groups_.back().push_back(members_.back().get());
      }
    }
  }

  void join_all() {
    for (auto& member : members_) member->join(now_ns());
  }
  // Leaves and waits for the answers, `timeout_ns` at most.
  bool leave_all(std::int64_t timeout_ns) {
    for (auto& member : members_) {
      if (member->open()) member->leave(now_ns());
    }
    return run_until(now_ns() + timeout_ns, [&] {
      return std::all_of(members_.begin(), members_.end(),
                         [](const auto& member) { return member->gone() || !member->open(); });
    });
  }
  // False when it has not become stable in time.
  bool run_until_stable(std::int64_t timeout_ns) {
    std::uint64_t seen = UINT64_MAX;
    return run_until(now_ns() + timeout_ns,
                     [&] {
                       if (failed() || tally_.settled == seen) return false;
                       seen = tally_.settled;
                       return std::all_of(groups_.begin(), groups_.end(), [&](const auto& group) {
                         return is_stable(group, partitions_, classic_);
                       });
                     }) &&
           !failed();
  }
  // Sends heartbeats as they become due until `done()` or the deadline; returns what done() says.
  template <typename Done>
  bool run_until(std::int64_t deadline_ns, Done done) {
    while (!done()) {
      const std::int64_t now = now_ns();
      if (now >= deadline_ns) return false;
      loop_.run_once(std::min(advance(now), deadline_ns));
    }
    return true;
  }
  // Sends what is due; returns when to call again.
  std::int64_t advance(std::int64_t now) {
    // An answer sets its member's next moment, never closer than this: so it suffices to look at
    // all members again when the earliest known moment or this time has come.
    static constexpr std::int64_t look_again_ns = 10'000'000;
    if (now < look_ns_) return look_ns_;
    look_ns_ = now + look_again_ns;
    for (auto& member : members_) {
      member->advance(now);
      look_ns_ = std::min(look_ns_, member->due());
    }
    return look_ns_;
  }

  bool failed() const { return !tally_.errors.empty() || tally_.lost_connections > 0; }
  std::vector<std::unique_ptr<Member>>& members() { return members_; }
  MemberTally& tally() { return tally_; }

 private:
  Loop& loop_;
  bool classic_;
  std::int32_t partitions_;
  std::int64_t look_ns_ = 0;
  MemberTally tally_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::vector<const Member*>> groups_;
};

}  // namespace moldau::mbench
