// The one binary: the server, and its command line.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "group_commands.hpp"
#include "log_commands.hpp"
#include "moldau/base/log.hpp"
#include "moldau/config/config.hpp"
#include "moldau/server/broker.hpp"
#include "topic_commands.hpp"
#include "txn_commands.hpp"

extern char** environ;

namespace moldau::cli {
namespace {

std::vector<std::pair<std::string, std::string>> environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (const auto equals = text.find('='); equals != std::string::npos)
      variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

int serve(config::Sources sources) {
  sources.environment = environment();
  const auto [config, problems] = config::load(sources);
  for (const auto& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
  if (!problems.empty()) return static_cast<int>(server::ExitStatus::usage);
  log::configure({config.log_format == "json" ? log::Format::json : log::Format::human,
                  config.log_level});
  return static_cast<int>(server::run_broker(config));
}

void add_serve(CLI::App& app, config::Sources& sources, int& status) {
  auto* command = app.add_subcommand("serve", "Run a broker in the foreground");
  command->add_option("--config", sources.file, "The YAML configuration file");
  command->add_option("--properties", sources.properties, "A Kafka server.properties");
  command->add_option("--data", sources.data_dir, "The data directory");
  command->add_option("--listen", sources.listen, "HOST:PORT of the Kafka listener");
  command->add_option("--set", sources.set, "NAME=VALUE: one setting, by Kafka's name or its path")
      ->take_all();
  command->add_flag("--unsafe-no-fsync", sources.unsafe_no_fsync,
                    "Sync nothing: acknowledged records are lost in a power cut (for tests)");
  command->callback([&] { status = serve(sources); });
}

}  // namespace
}  // namespace moldau::cli

int main(int argc, char** argv) {
  CLI::App app{"Moldau: a message broker that speaks the Kafka protocol"};
  app.require_subcommand(1);
  int status = 0;
  moldau::config::Sources sources;
  moldau::cli::add_serve(app, sources, status);
  app.add_subcommand("version", "Print the version")->callback([] { std::puts("moldau 0.1.0"); });
  moldau::cli::add_topic_commands(app, status);
  moldau::cli::add_group_commands(app, status);
  moldau::cli::add_txn_commands(app, status);
  moldau::cli::add_log_commands(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(moldau::server::ExitStatus::usage);
  }
  return status;
}
