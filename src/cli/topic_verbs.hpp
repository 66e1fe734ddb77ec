#pragma once
// What each verb of `moldau topic` takes, and the verbs themselves: each in its own file.  They
// print their result on standard output and everything else on standard error.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common_options.hpp"
#include "moldau/base/result.hpp"
#include "moldau/record/batch_format.hpp"

namespace moldau::cli {

using TextPair = std::pair<std::string, std::string>;

struct CreateOptions {
  std::string name;
  std::optional<std::int32_t> partitions;  // nullopt: the broker's num.partitions
  std::vector<TextPair> configs;
};

struct ProduceOptions {
  std::string name;
  std::optional<std::string> file;           // nullopt: standard input
  std::optional<std::string> key_separator;  // nullopt: records have no key
  std::vector<TextPair> headers;
  record::Compression compression = record::Compression::none;
};

struct ConsumeOptions {
  std::string name;
  std::string from = "earliest";          // or "latest", or an offset
  std::optional<std::int32_t> partition;  // nullopt: all
  std::optional<std::uint64_t> count;     // nullopt: up to the end as it is at the start
  bool follow = false;                    // wait for more at the end
};

base::Status topic_create(const CommonOptions& common, const CreateOptions& options);
base::Status topic_list(const CommonOptions& common);
base::Status topic_describe(const CommonOptions& common, const std::string& name);
base::Status topic_delete(const CommonOptions& common, const std::string& name);
base::Status topic_produce(const CommonOptions& common, const ProduceOptions& options);
base::Status topic_consume(const CommonOptions& common, const ConsumeOptions& options);

}  // namespace moldau::cli
