#include "topic_commands.hpp"

#include <memory>

#include "moldau/record/compression.hpp"
#include "topic_verbs.hpp"

namespace moldau::cli {
namespace {

/// Everything that the command line may fill; lives as long as the callbacks do.
struct TopicCommands {
  CommonOptions common;
  std::string name;
  CreateOptions create;
  ProduceOptions produce;
  ConsumeOptions consume;
  std::vector<std::string> pairs;
  std::string compression = "none";
  int* status = nullptr;

  void run(const base::Status& done) { *status = status_of(done); }
};

using Shared = std::shared_ptr<TopicCommands>;  // second owners: the callbacks of the verbs

std::string check_pair(const std::string& text) {
  const auto equals = text.find('=');
  return equals == std::string::npos || equals == 0 ? "'" + text + "' is not NAME=VALUE"
                                                    : std::string{};
}

std::string check_from(const std::string& text) {
  if (text == "earliest" || text == "latest") return {};
  if (!text.empty() && text.size() <= 18 &&
      text.find_first_not_of("0123456789") == std::string::npos)
    return {};
  return "'" + text + "' is neither earliest, latest nor an offset";
}

std::vector<TextPair> split_pairs(const std::vector<std::string>& texts) {
  std::vector<TextPair> pairs;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

void add_admin_verbs(CLI::App& topic, const Shared& all) {
  auto* create = add_verb(topic, "create", "Make a topic");
  create->add_option("NAME", all->create.name, "Its name")->required();
  create->add_option("--partitions", all->create.partitions, "How many (default: the broker's)")
      ->check(CLI::Range(1, 1'000'000));
  create->add_option("--config", all->pairs, "NAME=VALUE, such as retention.ms=3600000")
      ->check(check_pair, "NAME=VALUE")
      ->allow_extra_args(false);
  create->callback([all] {
    all->create.configs = split_pairs(all->pairs);
    all->run(topic_create(all->common, all->create));
  });
  add_verb(topic, "list", "List topics")->callback([all] { all->run(topic_list(all->common)); });
  auto* describe = add_verb(topic, "describe", "Show a topic's partitions and configuration");
  describe->add_option("NAME", all->name, "The topic")->required();
  describe->callback([all] { all->run(topic_describe(all->common, all->name)); });
  auto* remove = add_verb(topic, "delete", "Delete a topic and all its records");
  remove->add_option("NAME", all->name, "The topic")->required();
  remove->callback([all] { all->run(topic_delete(all->common, all->name)); });
}

void add_produce(CLI::App& topic, const Shared& all) {
  auto* verb = add_verb(topic, "produce", "Write records: each line of standard input is one");
  verb->add_option("NAME", all->produce.name, "The topic")->required();
  verb->add_option("--file", all->produce.file, "Read this file's lines instead")
      ->check(CLI::ExistingFile);
  verb->add_option("--key-separator", all->produce.key_separator,
                   "What stands in front of it in a line is the record's key")
      ->check(
          [](const std::string& text) {
            return text.empty() ? std::string("a separator is not empty") : std::string{};
          },
          "TEXT");
  verb->add_option("--header", all->pairs, "NAME=VALUE, given to every record")
      ->check(check_pair, "NAME=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--compression", all->compression, "none, gzip, snappy, lz4 or zstd")
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}));
  verb->callback([all] {
    all->produce.headers = split_pairs(all->pairs);
    all->produce.compression =
        record::compression_by_name(all->compression).value_or(record::Compression::none);
    all->run(topic_produce(all->common, all->produce));
  });
}

void add_consume(CLI::App& topic, const Shared& all) {
  auto* verb = add_verb(topic, "consume", "Print records, by default all that are there now");
  verb->add_option("NAME", all->consume.name, "The topic")->required();
  verb->add_option("--from", all->consume.from, "earliest, latest or an offset")
      ->check(check_from, "OFFSET|earliest|latest");
  verb->add_option("--partition", all->consume.partition, "Only this one")
      ->check(CLI::Range(0, 1'000'000));
  verb->add_option("--count", all->consume.count, "Stop after so many records");
  verb->add_flag("--follow", all->consume.follow, "Wait for more at the end");
  verb->callback([all] { all->run(topic_consume(all->common, all->consume)); });
}

}  // namespace

void add_topic_commands(CLI::App& app, int& status) {
  auto all = std::make_shared<TopicCommands>();
  all->status = &status;
  auto* topic = app.add_subcommand("topic", "Make, look at, write and read topics");
  topic->require_subcommand(1);
  add_common_options(*topic, all->common);
  add_admin_verbs(*topic, all);
  add_produce(*topic, all);
  add_consume(*topic, all);
}

}  // namespace moldau::cli
