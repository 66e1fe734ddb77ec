#pragma once
// How results are printed: columns for people, JSON for programs.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/ids.hpp"

namespace moldau::cli {

/// Columns as wide as they must be, two blanks between them.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// On standard output.
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// One JSON object or array, written piece by piece.  Values that are not UTF-8 have U+FFFD in the
/// places that are not.
class Json {
 public:
  Json& open(char bracket);
  Json& close(char bracket);
  Json& key(std::string_view name);
  Json& value(std::string_view text);
  Json& value(std::int64_t number);
  Json& value(bool flag);
  Json& null();
  [[nodiscard]] const std::string& text() const { return out_; }
  void clear();
  /// On standard output, with a line's end.
  void print() const;

 private:
  void separate();
  std::string out_;
  bool first_ = true;
};

/// For a column: "-" when there is nothing.
std::string or_dash(const std::string& text);
std::string or_dash(const std::optional<std::int64_t>& number);
std::string or_dash(const std::optional<Offset>& offset);

/// null when there is nothing.
void add_optional(Json& json, const std::optional<std::int64_t>& number);
void add_optional(Json& json, const std::optional<Offset>& offset);

/// Whether someone watches standard error, so that progress may be shown there.
bool is_terminal_stderr();

/// "12.3 MB"
std::string human_bytes(std::uint64_t bytes);

}  // namespace moldau::cli
