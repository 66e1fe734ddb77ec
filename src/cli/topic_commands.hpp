#pragma once
// moldau topic create|list|describe|delete|produce|consume: the first message without another tool.

#include <CLI/CLI.hpp>

namespace moldau::cli {

/// Adds the noun `topic` with its verbs.  A verb that runs sets `status`: 0, or 1 when it failed,
/// after one line on standard error.  Wrong usage is CLI11's ParseError, which is the caller's to
/// report. Lifetime: `status` outlives the parse.
void add_topic_commands(CLI::App& app, int& status);

}  // namespace moldau::cli
