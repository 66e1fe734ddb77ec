#include "moldau/metadata/option_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace moldau::metadata {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::string_view blanks = " \t\r\n\f\v";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

base::Error invalid(const OptionDefinition& option, std::string_view value,
                    std::string_view reason) {
  return fail(Errc::invalid_config,
              fmt::format("Invalid value {} for configuration {}: {}",
                          option.is_sensitive() ? "[hidden]" : value, option.name, reason));
}

const OptionDefinition* find(std::span<const OptionDefinition> table, std::string_view name) {
  const auto it = std::ranges::lower_bound(table, name, {}, &OptionDefinition::name);
  return it != table.end() && it->name == name ? &*it : nullptr;
}

/// Java prints a double with a decimal point.
std::string java_double(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

base::Status check_range(const OptionDefinition& option, std::string_view printed, double value) {
  if (option.also_valid == value) return {};
  const bool low = option.min && value < *option.min;
  const bool high = option.max && value > *option.max;
  if (!low && !high) return {};
  if (option.also_valid) {
    return invalid(option, printed,
                   fmt::format("Value must be between {} and {} or equal to {}", *option.min,
                               *option.max, *option.also_valid));
  }
  return invalid(option, printed,
                 low ? fmt::format("Value must be at least {}", *option.min)
                     : fmt::format("Value must be no more than {}", *option.max));
}

template <std::integral T>
Result<std::string> parse_integer(const OptionDefinition& option, std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || text.starts_with("+-")) {
    return invalid(option, text, fmt::format("Not a number of type {}", type_name(option.type)));
  }
  std::string printed = std::to_string(value);
  MOLDAU_TRY(check_range(option, printed, static_cast<double>(value)));
  return printed;
}

Result<std::string> parse_real(const OptionDefinition& option, std::string_view text) {
  double value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return invalid(option, text, "Not a number of type DOUBLE");
  }
  MOLDAU_TRY(check_range(option, java_double(value), value));
  return std::string(text);
}

base::Status check_valid(const OptionDefinition& option, std::string_view value) {
  if (option.valid_values.empty()) return {};
  const std::string wanted = option.ignore_case ? lower(value) : std::string(value);
  for (const std::string& valid : split_list(option.valid_values)) {
    if ((option.ignore_case ? lower(valid) : valid) == wanted) return {};
  }
  return invalid(option, value,
                 fmt::format("String must be one of{}: {}",
                             option.ignore_case ? " (case insensitive)" : "", option.valid_values));
}

/// Takes a number and `unit` from the front of `text`, if they stand there.
bool take_part(std::string_view& text, char unit) {
  const auto end = text.find_first_not_of(unit == 's' ? "0123456789." : "0123456789");
  if (end == 0 || end == std::string_view::npos || text[end] != unit) return false;
  if (std::ranges::count(text.substr(0, end), '.') > 1) return false;
  text.remove_prefix(end + 1);
  return true;
}

/// A duration as Java reads it (PnDTnHnMn.nS in any case), not negative.
bool is_duration(const std::string& lower_case) {
  std::string_view text = lower_case;
  if (!text.starts_with('p')) return false;
  text.remove_prefix(1);
  bool any = take_part(text, 'd');
  if (text.starts_with('t')) {
    text.remove_prefix(1);
    any = false;
    for (const char unit : {'h', 'm', 's'}) any = take_part(text, unit) || any;
  }
  return any && text.empty();
}

base::Status check_offset_reset(const OptionDefinition& option, std::string_view value) {
  constexpr std::string_view by_duration = "by_duration:";
  if (value == "earliest" || value == "latest") return {};
  if (value.starts_with(by_duration) && is_duration(lower(value.substr(by_duration.size())))) {
    return {};
  }
  return invalid(option, value,
                 fmt::format("Invalid value `{}` for configuration {}. The value must be either "
                             "'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
                             value, option.name));
}

bool is_replica(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto is_number = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return is_number(text.substr(0, colon)) && is_number(text.substr(colon + 1));
}

Result<std::string> parse_list(const OptionDefinition& option, std::string_view text) {
  const std::vector<std::string> elements = split_list(text);
  for (const std::string& element : elements) MOLDAU_TRY(check_valid(option, element));
  if (option.name.ends_with(".replication.throttled.replicas")) {
    const bool all = elements.size() == 1 && elements[0] == "*";
    if (!all && !std::ranges::all_of(elements, is_replica)) {
      return invalid(
          option, fmt::format("[{}]", fmt::join(elements, ", ")),
          fmt::format("{} must be the literal '*' or a list of replicas in the following "
                      "format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                      option.name));
    }
  }
  return join_list(elements);
}

}  // namespace

const OptionDefinition* find_topic_option(std::string_view name) {
  return find(topic_options(), name);
}
const OptionDefinition* find_broker_option(std::string_view name) {
  return find(broker_options(), name);
}
const OptionDefinition* find_group_option(std::string_view name) {
  return find(group_options(), name);
}
const OptionDefinition* find_client_metrics_option(std::string_view name) {
  return find(client_metrics_options(), name);
}

bool is_known_broker_option(std::string_view name) {
  if (find_broker_option(name) != nullptr) return true;
  // Read by Kafka's authorizer and its plug-ins, not by its own table.
  if (name == "super.users" || name == "allow.everyone.if.no.acl.found") return true;
  constexpr std::string_view prefix = "listener.name.";
  if (!name.starts_with(prefix)) return false;
  // listener.name.<listener>[.<mechanism>].<option>
  std::string_view rest = name.substr(prefix.size());
  for (int part = 0; part < 2; ++part) {
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos || dot == 0) return false;
    rest.remove_prefix(dot + 1);
    if (find_broker_option(rest) != nullptr) return true;
  }
  return false;
}

Result<std::string> parse_option(const OptionDefinition& option, std::string_view value) {
  const std::string_view text = trim(value);
  switch (option.type) {
    case OptionType::boolean: {
      std::string word = lower(text);
      if (word == "true" || word == "false") return word;
      return invalid(option, text, "Expected value to be either true or false");
    }
    case OptionType::int16:
      return parse_integer<std::int16_t>(option, text);
    case OptionType::int32:
      return parse_integer<std::int32_t>(option, text);
    case OptionType::int64:
      return parse_integer<std::int64_t>(option, text);
    case OptionType::real:
      return parse_real(option, text);
    case OptionType::list:
      return parse_list(option, text);
    case OptionType::string:
      MOLDAU_TRY(check_valid(option, text));
      if (option.name == "share.auto.offset.reset") MOLDAU_TRY(check_offset_reset(option, text));
      return std::string(text);
    case OptionType::class_name:
    case OptionType::password:
    case OptionType::unknown:
      return std::string(text);
  }
  return std::string(text);
}

Result<std::string> parse_topic_option(std::string_view name, std::string_view value) {
  const OptionDefinition* option = find_topic_option(name);
  if (option == nullptr) {
    return fail(Errc::invalid_config, fmt::format("Unknown topic config name: {}", name));
  }
  return parse_option(*option, value);
}

std::vector<std::string> split_list(std::string_view value) {
  std::vector<std::string> result;
  if (trim(value).empty()) return result;
  while (true) {
    const auto comma = value.find(',');
    result.emplace_back(trim(value.substr(0, comma)));
    if (comma == std::string_view::npos) return result;
    value.remove_prefix(comma + 1);
  }
}

std::string join_list(const std::vector<std::string>& elements) {
  return fmt::format("{}", fmt::join(elements, ","));
}

std::string_view type_name(OptionType type) {
  switch (type) {
    case OptionType::boolean:
      return "BOOLEAN";
    case OptionType::string:
      return "STRING";
    case OptionType::int32:
      return "INT";
    case OptionType::int16:
      return "SHORT";
    case OptionType::int64:
      return "LONG";
    case OptionType::real:
      return "DOUBLE";
    case OptionType::list:
      return "LIST";
    case OptionType::class_name:
      return "CLASS";
    case OptionType::password:
      return "PASSWORD";
    case OptionType::unknown:
      break;
  }
  return "UNKNOWN";
}

}  // namespace moldau::metadata
