#pragma once

// One flat-enough JSON object, written in order. Names and text come from this program or are
// plain topic names: nothing here needs escaping.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "histogram.hpp"

namespace moldau::mbench {

class Json {
 public:
  template <typename T>
  Json& add(const std::string& name, const T& value) {
    text_ += (text_.empty() ? "" : ", ") + quoted(name) + ": " + written(value);
    return *this;
  }
  std::string text() const { return "{" + text_ + "}"; }

 private:
  static std::string quoted(const std::string& text) { return '"' + text + '"'; }
  static std::string written(const std::string& text) { return quoted(text); }
  static std::string written(const char* text) { return quoted(text); }
  static std::string written(const Json& object) { return object.text(); }
  static std::string written(bool value) { return value ? "true" : "false"; }
  template <typename T>
    requires std::is_integral_v<T>
  static std::string written(T value) {
    return std::to_string(value);
  }
  static std::string written(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.6g", std::isfinite(value) ? value : 0.0);
    return text;
  }
  static std::string written(const std::vector<std::int64_t>& values) {
    std::string text;
    for (const auto value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
    return "[" + text + "]";
  }
  static std::string written(const std::map<std::int16_t, std::uint64_t>& values) {
    Json object;
    for (const auto& [key, value] : values) object.add(std::to_string(key), value);
    return object.text();
  }
  static std::string written(const Histogram& histogram) {
    const auto ms = [&](double share) {
      return static_cast<double>(histogram.quantile_ns(share)) / 1e6;
    };
    Json object;
    object.add("count", histogram.count()).add("mean", histogram.mean_ns() / 1e6);
    object.add("p50", ms(0.5)).add("p90", ms(0.9)).add("p99", ms(0.99)).add("p999", ms(0.999));
    object.add("max", static_cast<double>(histogram.max_ns()) / 1e6);
    return object.text();
  }

  std::string text_;
};

}  // namespace moldau::mbench
