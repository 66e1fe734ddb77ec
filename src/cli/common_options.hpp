#pragma once
// What every noun of the client side takes: which broker, and how results are printed.

#include <string>

#include "moldau/base/result.hpp"

namespace CLI {
class App;
}

namespace moldau::cli {

enum class Format { table, json };

struct CommonOptions {
  std::string server = "127.0.0.1:9092";
  Format format = Format::table;
};

/// --server and -o of `noun`.  Lifetime: `common` outlives the parse.
void add_common_options(CLI::App& noun, CommonOptions& common);

/// -o alone, for nouns that ask no broker.
void add_format_option(CLI::App& noun, Format& wanted);

/// A verb of `noun`; --server and -o may stand after it.
CLI::App* add_verb(CLI::App& noun, const char* verb, const char* text);

/// The exit status of what was done; its error is told on standard error, in one line.
int status_of(const base::Status& done);

}  // namespace moldau::cli
