#pragma once
// Logging: the one door to spdlog.  Lines carry a stable event name first:
//   log::info("broker.ready", "ready in {} ms", n);
// Strings that a client chose go through log::client() (escaped, cut to 256 bytes).
// Thread rule: any thread, once configured.

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace moldau::log {

enum class Format { human, json };
enum class Level { trace, debug, info, warn, error };

struct Options {
  Format format = Format::human;
  std::string level = "info";  // trace debug info warn error
};

/// Sets up the process's logger on standard error.  Called once by server/ and cli/, before threads.
/// An unknown level is refused with false.
bool configure(const Options& options);
/// Changes the level while running; false when it is unknown.
bool set_level(std::string_view level);

/// For strings that came from a client: control characters, quotes, backslashes and bytes that are not
/// UTF-8 escaped, cut to limits::log_string_bytes_max.
std::string client(std::string_view text);

namespace detail {
bool enabled(Level level);
void write(Level level, std::string_view event, fmt::string_view format, fmt::format_args args);

template <class... Args>
void log(Level level, std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) write(level, event, format, fmt::make_format_args(args...));
}
}  // namespace detail

template <class... Args>
void debug(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  detail::log(Level::debug, event, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  detail::log(Level::info, event, format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  detail::log(Level::warn, event, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  detail::log(Level::error, event, format, std::forward<Args>(args)...);
}

}  // namespace moldau::log
