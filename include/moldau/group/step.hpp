#pragma once
// What goes into a step of the group machine and what comes out: events, time and randomness in; records,
// answers and deadlines out.  Nothing of the machine asks for the time, waits, or writes.

#include <cstdint>
#include <string>
#include <utility>

#include "moldau/base/function.hpp"
#include "moldau/base/random.hpp"
#include "moldau/coordinator/deadlines.hpp"
#include "moldau/coordinator/effects.hpp"
#include "moldau/group/options.hpp"
#include "moldau/group/records.hpp"
#include "moldau/metadata/image.hpp"

namespace moldau::group {

using coordinator::Now;

/// How a request is answered: once, now or in a later step.
template <class Response>
using Answer = base::Function<void(Response)>;

/// What steps ask of whoever drives the machine.
struct Effects : coordinator::Effects<Record> {
  template <class Response>
  void answer(Answer<Response>& to, Response response) {
    answers.push_back([to = std::move(to), response = std::move(response)]() mutable {
      to(std::move(response));
    });
  }
};

/// What may become due in a group.  The group that set a deadline knows what it means.
enum class DeadlineKind : std::uint8_t {
  session,    // of a member: it was silent too long
  rebalance,  // of a member: it did not do its part of a rebalance
  join,       // of a group: the members of the next generation have been waited for
  sync,       // of a group: its members have to have fetched their assignment
  assign,     // of a group: the next assignment may be computed
};

struct DeadlineKey {
  DeadlineKind kind{};
  std::string group_id;
  std::string member_id;  // empty: of the group
  friend bool operator==(const DeadlineKey&, const DeadlineKey&) = default;
};

struct DeadlineKeyHash {
  std::size_t operator()(const DeadlineKey& key) const noexcept;
};

using Deadlines = coordinator::Deadlines<DeadlineKey, DeadlineKeyHash>;

/// Who asks: as records and descriptions name it.
struct Client {
  std::string id;
  std::string host;  // "/192.0.2.7"
};

/// All that one step may look at and touch, besides the group itself.
struct Step {
  Now now;
  const metadata::MetadataImage& image;
  const GroupOptions& options;
  base::Random& random;
  Deadlines& deadlines;
  Effects& effects;
};

/// A request's own facts.
struct Caller {
  Client client;
  std::int16_t version = 0;  // of its API
};

}  // namespace moldau::group
