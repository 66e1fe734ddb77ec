#include "time_text.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string_view>

namespace moldau::cli {
namespace {

using base::Errc;

/// Reads a text from its front.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }
  std::optional<std::int64_t> digits(std::size_t count_min, std::size_t count_max) {
    std::size_t count = 0;
    while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') ++count;
    if (count < count_min || count > count_max) return std::nullopt;
    std::int64_t number = 0;
    std::from_chars(rest_.data(), rest_.data() + count, number);
    rest_.remove_prefix(count);
    return number;
  }
  std::optional<std::int64_t> digit() {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return std::nullopt;
    const std::int64_t number = rest_.front() - '0';
    rest_.remove_prefix(1);
    return number;
  }
  [[nodiscard]] bool is_done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

constexpr std::int64_t second_ms = 1000;
constexpr std::int64_t minute_ms = 60 * second_ms;
constexpr std::int64_t hour_ms = 60 * minute_ms;
constexpr std::int64_t day_ms = 24 * hour_ms;
/// More digits could overflow once multiplied.
constexpr std::size_t number_digits_max = 9;
constexpr std::size_t time_digits_max = 18;

std::optional<std::int64_t> day_of(Scanner& scanner) {
  const auto year = scanner.digits(4, 4);
  if (!year || !scanner.take('-')) return std::nullopt;
  const auto month = scanner.digits(2, 2);
  if (!month || !scanner.take('-')) return std::nullopt;
  const auto day = scanner.digits(2, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count() * day_ms;
}

/// ".25" is 250; digits below a millisecond are dropped.
std::optional<std::int64_t> fraction_ms(Scanner& scanner) {
  if (!scanner.take('.')) return 0;
  auto digit = scanner.digit();
  if (!digit) return std::nullopt;
  std::int64_t value = 0;
  for (std::int64_t unit = 100; digit; unit /= 10, digit = scanner.digit()) value += *digit * unit;
  return value;
}

std::optional<std::int64_t> clock_of(Scanner& scanner) {
  const auto hour = scanner.digits(2, 2);
  if (!hour || *hour > 23 || !scanner.take(':')) return std::nullopt;
  const auto minute = scanner.digits(2, 2);
  if (!minute || *minute > 59) return std::nullopt;
  const auto time_ms = *hour * hour_ms + *minute * minute_ms;
  if (!scanner.take(':')) return time_ms;
  const auto second = scanner.digits(2, 2);
  if (!second || *second > 59) return std::nullopt;
  const auto fraction = fraction_ms(scanner);
  if (!fraction) return std::nullopt;
  return time_ms + *second * second_ms + *fraction;
}

/// How far the zone is ahead of UTC.
std::optional<std::int64_t> zone_of(Scanner& scanner) {
  if (scanner.is_done() || scanner.take('Z')) return 0;
  const bool is_ahead = scanner.take('+');
  if (!is_ahead && !scanner.take('-')) return std::nullopt;
  auto hour = scanner.digits(2, 2);
  std::optional<std::int64_t> minute = 0;
  if (hour) {
    if (scanner.take(':') || !scanner.is_done()) minute = scanner.digits(2, 2);
  } else if (const auto both = scanner.digits(4, 4)) {
    hour = *both / 100;
    minute = *both % 100;
  }
  if (!hour || !minute || *hour > 18 || *minute > 59) return std::nullopt;
  const auto ahead_ms = *hour * hour_ms + *minute * minute_ms;
  return is_ahead ? ahead_ms : -ahead_ms;
}

std::optional<std::int64_t> time_of(std::string_view text) {
  if (Scanner number(text); const auto time_ms = number.digits(1, time_digits_max))
    if (number.is_done()) return time_ms;
  Scanner scanner(text);
  const auto day = day_of(scanner);
  if (!day) return std::nullopt;
  if (scanner.is_done()) return day;
  if (!scanner.take('T') && !scanner.take(' ')) return std::nullopt;
  const auto clock = clock_of(scanner);
  if (!clock) return std::nullopt;
  const auto zone = zone_of(scanner);
  if (!zone || !scanner.is_done()) return std::nullopt;
  return *day + *clock - *zone;
}

std::int64_t unit_of(Scanner& scanner) {
  if (scanner.take_word("ms")) return 1;
  if (scanner.take('s')) return second_ms;
  if (scanner.take('m')) return minute_ms;
  if (scanner.take('h')) return hour_ms;
  if (scanner.take('d')) return day_ms;
  return 0;
}

std::int64_t iso_unit_of(Scanner& scanner, bool is_time) {
  if (!is_time) return scanner.take('D') ? day_ms : 0;
  if (scanner.take('S')) return second_ms;
  if (scanner.take('M')) return minute_ms;
  return scanner.take('H') ? hour_ms : 0;
}

std::optional<std::int64_t> duration_of(std::string_view text) {
  Scanner scanner(text);
  const bool is_iso = scanner.take('P');
  bool is_time = false;
  std::optional<std::int64_t> total;
  while (!scanner.is_done()) {
    if (is_iso && !is_time && scanner.take('T')) is_time = true;
    const auto number = scanner.digits(1, number_digits_max);
    if (!number) return std::nullopt;
    const auto unit = is_iso ? iso_unit_of(scanner, is_time) : unit_of(scanner);
    if (unit == 0) return std::nullopt;
    total = total.value_or(0) + *number * unit;
  }
  return total;
}

}  // namespace

base::Result<std::int64_t> parse_time_ms(const std::string& text) {
  if (const auto time_ms = time_of(text)) return *time_ms;
  return base::fail(Errc::invalid_argument,
                    "'" + text + "' is no time such as 2026-01-31T12:00:00Z");
}

base::Result<std::int64_t> parse_duration_ms(const std::string& text) {
  if (const auto duration_ms = duration_of(text)) return *duration_ms;
  return base::fail(Errc::invalid_argument, "'" + text + "' is no duration such as 90s, 2h or 7d");
}

std::string time_text(std::int64_t time_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds{time_ms}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  char text[48];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

std::string duration_text(std::int64_t duration_ms) {
  constexpr std::int64_t second = 1000;
  if (duration_ms < second) return std::to_string(std::max<std::int64_t>(duration_ms, 0)) + "ms";
  struct Unit {
    std::int64_t seconds;
    const char* name;
  };
  constexpr Unit units[] = {{86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}};
  std::int64_t left = duration_ms / second;
  std::string text;
  int shown = 0;
  for (const auto& [seconds, name] : units) {
    const auto count = left / seconds;
    left %= seconds;
    if (count > 0) text += std::to_string(count) + name;
    if ((shown > 0 || count > 0) && ++shown == 2) break;
  }
  return text;
}

}  // namespace moldau::cli
