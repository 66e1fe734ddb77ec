#pragma once
// moldau group list|describe|lag|reset|undo|delete: groups and their offsets.

namespace CLI {
class App;
}

namespace moldau::cli {

/// Adds the noun `group` with its verbs, in the manner of topic_commands.hpp.
void add_group_commands(CLI::App& app, int& status);

}  // namespace moldau::cli
