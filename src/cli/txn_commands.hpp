#pragma once
// moldau txn list|describe|abort: transactions.

namespace CLI {
class App;
}

namespace moldau::cli {

/// Adds the noun `txn` with its verbs, in the manner of topic_commands.hpp.
void add_txn_commands(CLI::App& app, int& status);

}  // namespace moldau::cli
