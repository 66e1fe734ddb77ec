#include "output.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "moldau/base/escape.hpp"

namespace moldau::cli {

void Table::print() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - row[i].size() + 2, ' ');
    }
    out.push_back('\n');
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
}

void Json::separate() {
  if (!first_) out_.push_back(',');
  first_ = false;
}

Json& Json::open(char bracket) {
  separate();
  out_.push_back(bracket);
  first_ = true;
  return *this;
}

Json& Json::close(char bracket) {
  out_.push_back(bracket);
  first_ = false;
  return *this;
}

Json& Json::key(std::string_view name) {
  separate();
  base::append_json_string(out_, name);
  out_.push_back(':');
  first_ = true;
  return *this;
}

Json& Json::value(std::string_view text) {
  separate();
  base::append_json_string(out_, text);
  return *this;
}

Json& Json::value(std::int64_t number) {
  separate();
  out_ += std::to_string(number);
  return *this;
}

Json& Json::value(bool flag) {
  separate();
  out_ += flag ? "true" : "false";
  return *this;
}

Json& Json::null() {
  separate();
  out_ += "null";
  return *this;
}

void Json::clear() {
  out_.clear();
  first_ = true;
}

void Json::print() const {
  std::fwrite(out_.data(), 1, out_.size(), stdout);
  std::fputc('\n', stdout);
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string or_dash(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

std::string or_dash(const std::optional<Offset>& offset) {
  return offset ? std::to_string(offset->value()) : "-";
}

void add_optional(Json& json, const std::optional<std::int64_t>& number) {
  if (number) {
    json.value(*number);
  } else {
    json.null();
  }
}

void add_optional(Json& json, const std::optional<Offset>& offset) {
  add_optional(json, offset ? std::optional(offset->value()) : std::nullopt);
}

bool is_terminal_stderr() {
  return ::isatty(STDERR_FILENO) == 1;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> units{"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

}  // namespace moldau::cli
