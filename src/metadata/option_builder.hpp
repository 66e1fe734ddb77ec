#pragma once
// Short forms for the tables of options.

#include "moldau/metadata/option_table.hpp"

namespace moldau::metadata {

class Option {
 public:
  /// `default_value` nullptr: no default.
  constexpr Option(std::string_view name, OptionType type, const char* default_value) {
    definition_.name = name;
    definition_.type = type;
    if (default_value != nullptr) definition_.default_value = default_value;
  }
  constexpr Option min(double value) { return definition_.min = value, *this; }
  constexpr Option max(double value) { return definition_.max = value, *this; }
  constexpr Option also(double value) { return definition_.also_valid = value, *this; }
  constexpr Option one_of(std::string_view values) {
    return definition_.valid_values = values, *this;
  }
  constexpr Option ignore_case() { return definition_.ignore_case = true, *this; }
  constexpr Option synonyms(std::string_view names) { return definition_.synonyms = names, *this; }
  constexpr Option cluster_wide() {
    return definition_.update_mode = UpdateMode::cluster_wide, *this;
  }
  constexpr Option per_broker() { return definition_.update_mode = UpdateMode::per_broker, *this; }
  constexpr Option no_effect() { return definition_.has_effect = false, *this; }
  constexpr Option hidden() { return definition_.hidden = true, *this; }

  /// The finished definition.
  constexpr OptionDefinition of(OptionScope scope, std::string_view documentation) const {
    OptionDefinition result = definition_;
    result.scope = scope;
    result.documentation = documentation;
    return result;
  }
  constexpr OptionDefinition topic(std::string_view text) const {
    return of(OptionScope::topic, text);
  }
  constexpr OptionDefinition broker(std::string_view text) const {
    return of(OptionScope::broker, text);
  }
  constexpr OptionDefinition group(std::string_view text) const {
    return of(OptionScope::group, text);
  }
  constexpr OptionDefinition client_metrics(std::string_view text) const {
    return of(OptionScope::client_metrics, text);
  }

 private:
  OptionDefinition definition_;
};

}  // namespace moldau::metadata
