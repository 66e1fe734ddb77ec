#pragma once

#include "options.hpp"

namespace moldau::mbench {

// Each runs one verb, prints its JSON and returns the exit status. They throw std::runtime_error
// when nothing could be measured at all.
int run_produce(const Options& options);
int run_mixed(const Options& options);
int run_fetch(const Options& options);
int run_connect(const Options& options);
int run_first_ack(const Options& options);
int run_create(const Options& options);
int run_delete(const Options& options);
int run_offsets(const Options& options);
int run_calibrate(const Options& options);
int run_commits(const Options& options);
int run_join_storm(const Options& options);
int run_group_heartbeats(const Options& options);
int run_idle_groups(const Options& options);
int run_transactions(const Options& options);

// Of the verbs that need a topic: makes it, unless --no-create was given.
void create_topic(const Options& options);

}  // namespace moldau::mbench
