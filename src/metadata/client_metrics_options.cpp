// The options of client metrics subscriptions (KIP-714).  Sorted by name: find() relies on it, and
// a test checks it.

#include "metadata/option_builder.hpp"
#include "moldau/metadata/option_table.hpp"

namespace moldau::metadata {
namespace {

constexpr OptionDefinition table[] = {
    Option("interval.ms", OptionType::int32, "300000")
        .no_effect()
        .client_metrics("How often a client that matches sends its metrics."),
    Option("match", OptionType::list, "")
        .no_effect()
        .client_metrics(
            "What a client must be to be asked for metrics: client_id=PATTERN and such."),
    Option("metrics", OptionType::list, "")
        .no_effect()
        .client_metrics("Beginnings of the names of the metrics that are asked for; * is all."),
};

}  // namespace

std::span<const OptionDefinition> client_metrics_options() {
  return table;
}

}  // namespace moldau::metadata
