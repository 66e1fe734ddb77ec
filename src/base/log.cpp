#include "moldau/base/log.hpp"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "moldau/base/escape.hpp"
#include "moldau/base/limits.hpp"

namespace moldau::log {
namespace {

// The event of the line being written, handed to the JSON formatter on the same thread.
thread_local std::string_view current_event;

/// One JSON object a line.  spdlog's patterns do not escape, so this formatter does.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    spdlog::memory_buf_t time;
    time_.format(message, time);
    std::string line = R"({"time":")";
    line.append(time.data(), time.size());
    line.append(R"(","level":")");
    const auto level = spdlog::level::to_string_view(message.level);
    line.append(level.data(), level.size());
    line.append(R"(","event":)");
    base::append_json_string(line, current_event);
    line.append(R"(,"message":)");
    base::append_json_string(line, {message.payload.data(), message.payload.size()});
    line.append("}\n");
    out.append(line.data(), line.data() + line.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }

 private:
  spdlog::pattern_formatter time_{"%Y-%m-%dT%H:%M:%S.%e%z", spdlog::pattern_time_type::local, ""};
};

bool json = false;

bool is_level(std::string_view name) {
  static constexpr std::string_view levels[] = {"trace", "debug", "info", "warn", "error"};
  return std::find(std::begin(levels), std::end(levels), name) != std::end(levels);
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace: return spdlog::level::trace;
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

bool configure(const Options& options) {
  if (!is_level(options.level)) return false;
  json = options.format == Format::json;
  std::shared_ptr<spdlog::logger> logger;
  if (json) {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    logger = std::make_shared<spdlog::logger>("moldau", std::move(sink));
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    logger = std::make_shared<spdlog::logger>("moldau", std::move(sink));
    logger->set_pattern("%H:%M:%S.%e %^%-5l%$ %v");
  }
  logger->set_level(spdlog::level::from_str(options.level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return true;
}

bool set_level(std::string_view level) {
  if (!is_level(level)) return false;
  spdlog::default_logger_raw()->set_level(spdlog::level::from_str(std::string(level)));
  return true;
}

std::string client(std::string_view text) {
  return base::escape(text, limits::log_string_bytes_max);
}

namespace detail {

bool enabled(Level level) { return spdlog::default_logger_raw()->should_log(to_spdlog(level)); }

void write(Level level, std::string_view event, fmt::string_view format, fmt::format_args args) {
  std::string line;
  if (!json) line.append(event).append(": ");
  fmt::vformat_to(std::back_inserter(line), format, args);
  current_event = event;
  spdlog::default_logger_raw()->log(to_spdlog(level), spdlog::string_view_t(line));
  current_event = {};
}

}  // namespace detail
}  // namespace moldau::log
