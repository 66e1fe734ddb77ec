#include <sys/prctl.h>
#include <sys/resource.h>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "verbs.hpp"

namespace {

using namespace moldau::mbench;

// A connection is a descriptor; the usual soft limit of 1024 is too low for what is asked of us.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

const std::map<std::string_view, int (*)(const Options&)> verbs = {
    {"produce", run_produce},
    {"fetch", run_fetch},
    {"mixed", run_mixed},
    {"connect", run_connect},
    {"first-ack", run_first_ack},
    {"create", run_create},
    {"delete", run_delete},
    {"offsets", run_offsets},
    {"calibrate", run_calibrate},
    {"commits", run_commits},
    {"join-storm", run_join_storm},
    {"group-heartbeats", run_group_heartbeats},
    {"idle-groups", run_idle_groups},
    {"transactions", run_transactions},
};

}  // namespace

int main(int count, char** arguments) {
  const std::string verb = count > 1 ? arguments[1] : "--help";
  if (verb == "--help" || verb == "-h" || verb == "help") {
    std::fputs(usage, stdout);
    return count > 1 ? 0 : 2;
  }
  const auto found = verbs.find(verb);
  if (found == verbs.end()) {
    std::fprintf(stderr, "mbench: no verb '%s'; see mbench --help\n", verb.c_str());
    return 2;
  }
  raise_descriptor_limit();
  prctl(PR_SET_TIMERSLACK, 1000UL);  // 1 us: a schedule kept to 50 us would be our own latency
  try {
    return found->second(parse_options({arguments + 2, arguments + count}));
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "mbench: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mbench: %s: %s\n", verb.c_str(), error.what());
    return 1;
  }
}
