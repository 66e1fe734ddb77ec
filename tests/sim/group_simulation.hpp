#pragma once
// A random life of some groups, all of it from one seed: members of both protocols join, leave,
// stall, die, come back and change their protocol; topics come, grow and go; the broker dies.  Then
// all is quiet, and everything has to be as it should.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "tests/sim/group_simulation_checker.hpp"

namespace moldau::group::sim {

struct Outcome {
  std::optional<std::string> violation;
  Tally tally;
  std::deque<std::string> trace;  // the last things that happened, when asked for
};

Outcome simulate(std::uint64_t seed, std::size_t trace_lines_max);

}  // namespace moldau::group::sim
