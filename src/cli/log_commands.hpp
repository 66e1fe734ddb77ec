#pragma once
// moldau log check: a data directory while no broker runs on it.

namespace CLI {
class App;
}

namespace moldau::cli {

/// Adds the noun `log` with its verbs, in the manner of topic_commands.hpp.
void add_log_commands(CLI::App& app, int& status);

}  // namespace moldau::cli
