#pragma once
// Kafka's text checkpoints: a version line (0), a count line, then so many lines of words.

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/result.hpp"

namespace moldau::storage {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The lines below the count, each cut at single blanks.  Errors: malformed.
base::Result<std::vector<std::vector<std::string>>> checkpoint_lines(std::string_view text);

}  // namespace moldau::storage
