#include "moldau/base/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

#include "moldau/base/check.hpp"

namespace moldau::base {
namespace {

bool is_metric_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::counter:
      return "counter";
    case MetricType::gauge:
      return "gauge";
    case MetricType::histogram:
      return "histogram";
  }
  return "untyped";
}

void append_escaped(std::string& out, std::string_view text, bool quote) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quote) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

/// {a="b",le="0.5"}; nothing when there is none.
void append_labels(std::string& out, const MetricLabels& labels, std::string_view le) {
  if (labels.empty() && le.empty()) return;
  char separator = '{';
  for (const auto& [name, value] : labels) {
    out += separator;
    out += name;
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
    separator = ',';
  }
  if (!le.empty()) fmt::format_to(std::back_inserter(out), "{}le=\"{}\"", separator, le);
  out += '}';
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

void append_histogram(std::string& out, const MetricFamily& family, const MetricSample& sample) {
  const HistogramSnapshot& h = sample.histogram;
  const HistogramOptions& options = family.histogram;
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  for (int e = options.first_exponent; e <= options.last_exponent; ++e) {
    // "le" includes its bound, our buckets exclude their end: a value of exactly 2^e is counted one
    // bucket later, which is within the histogram's precision.
    while (bucket < h.buckets.size() && Histogram::bucket_end(bucket) <= (std::uint64_t{1} << e)) {
      below += h.buckets[bucket++];
    }
    out += family.name + "_bucket";
    append_labels(out, sample.labels, number(std::ldexp(1.0, e) * options.scale));
    fmt::format_to(std::back_inserter(out), " {}\n", below);
  }
  out += family.name + "_bucket";
  append_labels(out, sample.labels, "+Inf");
  fmt::format_to(std::back_inserter(out), " {}\n{}_sum", h.count, family.name);
  append_labels(out, sample.labels, {});
  out += ' ' + number(static_cast<double>(h.sum) * options.scale) + '\n' + family.name + "_count";
  append_labels(out, sample.labels, {});
  fmt::format_to(std::back_inserter(out), " {}\n", h.count);
}

}  // namespace

namespace detail {

thread_local int metrics_shard = 0;

MetricCells::MetricCells(int shards, std::size_t cells_per_shard) : shards_(shards) {
  constexpr std::size_t line = cache_line_bytes / sizeof(Cell);
  row_cells_ = (cells_per_shard + line - 1) / line * line;
  const std::size_t count = static_cast<std::size_t>(shards) * row_cells_;
  void* memory = ::operator new[](count * sizeof(Cell), std::align_val_t{cache_line_bytes});
  cells_.reset(static_cast<Cell*>(memory));
  std::uninitialized_value_construct_n(cells_.get(), count);
}

std::uint64_t MetricCells::sum(std::size_t cell) const {
  std::uint64_t sum = 0;
  for (int shard = 0; shard < shards_; ++shard) {
    sum += row(shard)[cell].load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace detail

void own_metrics_shard(int shard) {
  MOLDAU_CHECK(shard >= 0, "a shard number");
  detail::metrics_shard = shard;
}

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < 4) return static_cast<std::size_t>(value);
  const int exponent = static_cast<int>(std::bit_width(value)) - 1;
  if (exponent > exponent_max) return bucket_count - 1;
  const auto quarter = static_cast<std::size_t>((value >> (exponent - 2)) & 3);
  return std::min(4 * static_cast<std::size_t>(exponent - 1) + quarter, bucket_count - 1);
}

std::uint64_t Histogram::bucket_end(std::size_t bucket) {
  if (bucket < 4) return bucket + 1;
  const auto exponent = bucket / 4 + 1;
  return (std::uint64_t{4} + bucket % 4 + 1) << (exponent - 2);
}

HistogramSnapshot Histogram::snapshot() const {
  HistogramSnapshot result;
  result.buckets.resize(bucket_count);
  for (std::size_t i = 0; i < bucket_count; ++i) {
    result.buckets[i] = cells_.sum(i);
    result.count += result.buckets[i];
  }
  result.sum = cells_.sum(bucket_count);
  return result;
}

double HistogramSnapshot::quantile(double q) const {
  if (count == 0) return 0;
  const double rank = q * static_cast<double>(count);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i] == 0) continue;
    if (static_cast<double>(below + buckets[i]) >= rank) {
      const double begin = i == 0 ? 0.0 : static_cast<double>(Histogram::bucket_end(i - 1));
      const double end = static_cast<double>(Histogram::bucket_end(i));
      const double share = (rank - static_cast<double>(below)) / static_cast<double>(buckets[i]);
      return begin + (end - begin) * std::clamp(share, 0.0, 1.0);
    }
    below += buckets[i];
  }
  return static_cast<double>(Histogram::bucket_end(buckets.size() - 1));
}

template <class T>
T& MetricsRegistry::find_or_add(std::string_view name, std::string_view help, MetricType type,
                                HistogramOptions options, MetricLabels labels) {
  MOLDAU_CHECK(is_metric_name(name), "a metric's name");
  for (const auto& label : labels) MOLDAU_CHECK(is_metric_name(label.first), "a label's name");
  MutexLock lock(mutex_);
  auto found = families_.find(name);
  if (found == families_.end()) {
    found =
        families_.emplace(std::string(name), Family{std::string(help), type, options, {}}).first;
  }
  Family& family = found->second;
  MOLDAU_CHECK(family.type == type, "a metric keeps its type");
  auto existing = std::ranges::find_if(
      family.metrics, [&](const auto& metric) { return metric->labels == labels; });
  if (existing == family.metrics.end()) {
    auto metric = std::make_unique<Metric>();
    metric->labels = std::move(labels);
    if constexpr (std::is_same_v<T, Counter>) metric->counter = std::make_unique<T>(shards_);
    if constexpr (std::is_same_v<T, Gauge>) metric->gauge = std::make_unique<T>(shards_);
    if constexpr (std::is_same_v<T, Histogram>) metric->histogram = std::make_unique<T>(shards_);
    family.metrics.push_back(std::move(metric));
    existing = std::prev(family.metrics.end());
  }
  if constexpr (std::is_same_v<T, Counter>) return *(*existing)->counter;
  if constexpr (std::is_same_v<T, Gauge>) return *(*existing)->gauge;
  if constexpr (std::is_same_v<T, Histogram>) return *(*existing)->histogram;
}

Counter& MetricsRegistry::counter(std::string_view name, std::string_view help,
                                  MetricLabels labels) {
  return find_or_add<Counter>(name, help, MetricType::counter, {}, std::move(labels));
}
Gauge& MetricsRegistry::gauge(std::string_view name, std::string_view help, MetricLabels labels) {
  return find_or_add<Gauge>(name, help, MetricType::gauge, {}, std::move(labels));
}
Histogram& MetricsRegistry::histogram(std::string_view name, std::string_view help,
                                      HistogramOptions options, MetricLabels labels) {
  MOLDAU_CHECK(0 <= options.first_exponent && options.first_exponent <= options.last_exponent &&
                   options.last_exponent <= Histogram::exponent_max,
               "a histogram's range");
  return find_or_add<Histogram>(name, help, MetricType::histogram, options, std::move(labels));
}

std::uint64_t MetricsRegistry::add_collector(Collector collector) {
  MutexLock lock(mutex_);
  collectors_.emplace(next_collector_, std::move(collector));
  return next_collector_++;
}

void MetricsRegistry::remove_collector(std::uint64_t id) {
  MutexLock lock(mutex_);
  collectors_.erase(id);
}

MetricsSnapshot MetricsRegistry::snapshot() const {
  MetricsSnapshot result;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, family] : families_) {
      MetricFamily copy{name, family.help, family.type, family.options, {}};
      for (const auto& metric : family.metrics) {
        MetricSample sample;
        sample.labels = metric->labels;
        if (metric->counter) sample.value = static_cast<double>(metric->counter->value());
        if (metric->gauge) sample.value = static_cast<double>(metric->gauge->value());
        if (metric->histogram) sample.histogram = metric->histogram->snapshot();
        copy.samples.push_back(std::move(sample));
      }
      result.push_back(std::move(copy));
    }
    // Within the lock, so that remove_collector() waits for a collector that is running.
    for (const auto& [id, collector] : collectors_) collector(result);
  }
  std::ranges::sort(result, {}, &MetricFamily::name);
  return result;
}

std::string to_prometheus_text(const MetricsSnapshot& snapshot) {
  std::string out;
  std::string_view previous;
  for (const MetricFamily& family : snapshot) {
    if (family.samples.empty()) continue;
    if (family.name != previous) {
      out += "# HELP " + family.name + ' ';
      append_escaped(out, family.help, false);
      fmt::format_to(std::back_inserter(out), "\n# TYPE {} {}\n", family.name,
                     type_name(family.type));
      previous = family.name;
    }
    for (const MetricSample& sample : family.samples) {
      if (family.type == MetricType::histogram) {
        append_histogram(out, family, sample);
        continue;
      }
      out += family.name;
      append_labels(out, sample.labels, {});
      out += ' ' + number(sample.value) + '\n';
    }
  }
  return out;
}

}  // namespace moldau::base
