#include "common_options.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace moldau::cli {

void add_common_options(CLI::App& noun, CommonOptions& common) {
  noun.add_option("--server", common.server, "HOST:PORT of the broker")->capture_default_str();
  add_format_option(noun, common.format);
}

void add_format_option(CLI::App& noun, Format& wanted) {
  noun.add_option_function<std::string>(
          "-o,--output",
          [&wanted](const std::string& format) {
            wanted = format == "json" ? Format::json : Format::table;
          },
          "table or json")
      ->check(CLI::IsMember({"table", "json"}));
}

CLI::App* add_verb(CLI::App& noun, const char* verb, const char* text) {
  auto* command = noun.add_subcommand(verb, text);
  command->fallthrough();  // --server and -o belong to the noun
  return command;
}

int status_of(const base::Status& done) {
  std::fflush(stdout);
  if (!done) std::fprintf(stderr, "moldau: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}

}  // namespace moldau::cli
