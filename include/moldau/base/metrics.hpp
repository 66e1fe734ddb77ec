#pragma once
// Counters, gauges and histograms that cost an increment where they are counted.  Each thread that
// counts often owns a shard, so nothing is locked and no cache line shared; a reader sums the
// shards. Names follow Prometheus: moldau_ prefix, base units, _total for counters, _seconds and
// _bytes.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moldau/base/mutex.hpp"

namespace moldau::base {

/// Makes the calling thread the owner of `shard` (from 1; event loop i owns i + 1) until it ends.
/// Two threads that run at the same time may not own the same one.  0, as at first: the thread
/// shares the common shard, with atomic additions.
void own_metrics_shard(int shard);

namespace detail {
extern thread_local int metrics_shard;

/// The cells of one metric, one row per shard.
class MetricCells {
 public:
  MetricCells(int shards, std::size_t cells_per_shard);
  void add(std::size_t cell, std::uint64_t n) {
    const int shard = metrics_shard;
    if (shard > 0 && shard < shards_) {
      auto& own = row(shard)[cell];
      own.store(own.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    } else {
      row(0)[cell].fetch_add(n, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] std::uint64_t sum(std::size_t cell) const;

 private:
  static constexpr std::size_t cache_line_bytes = 64;
  using Cell = std::atomic<std::uint64_t>;
  struct Free {
    void operator()(Cell* cells) const {
      ::operator delete[](cells, std::align_val_t{cache_line_bytes});
    }
  };
  [[nodiscard]] Cell* row(int shard) const {
    return cells_.get() + static_cast<std::size_t>(shard) * row_cells_;
  }
  int shards_;
  std::size_t row_cells_;  // whole cache lines
  std::unique_ptr<Cell[], Free> cells_;
};
}  // namespace detail

/// Only rises.  Thread rule: any thread.
class Counter {
 public:
  explicit Counter(int shards) : cells_(shards, 1) {}
  void add(std::uint64_t n = 1) { cells_.add(0, n); }
  [[nodiscard]] std::uint64_t value() const { return cells_.sum(0); }

 private:
  detail::MetricCells cells_;
};

/// Rises and falls.  Use add() with both signs, or set(), not both.  Thread rule: any thread.
class Gauge {
 public:
  explicit Gauge(int shards) : cells_(shards, 1) {}
  void add(std::int64_t n) { cells_.add(0, static_cast<std::uint64_t>(n)); }
  void set(std::int64_t value) { set_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const {
    return static_cast<std::int64_t>(cells_.sum(0)) + set_.load(std::memory_order_relaxed);
  }

 private:
  detail::MetricCells cells_;
  std::atomic<std::int64_t> set_{0};
};

/// What a histogram's numbers mean, and which powers of two become Prometheus buckets.
struct HistogramOptions {
  double scale = 1e-9;  // the unit of observe() in base units; nanoseconds to seconds by default
  int first_exponent = 14;
  int last_exponent = 34;

  /// observe(nanoseconds), shown as seconds: 16 us to 17 s.
  static constexpr HistogramOptions seconds() { return {}; }
  /// observe(bytes): 64 B to 128 MiB.
  static constexpr HistogramOptions bytes() { return {1.0, 6, 27}; }
  /// observe(a count): 1 to 64 Ki.
  static constexpr HistogramOptions count() { return {1.0, 0, 16}; }
};

struct HistogramSnapshot {
  std::vector<std::uint64_t> buckets;
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  /// The value below which the share `q` of the observations lies, to 25 %, in observe()'s unit.
  [[nodiscard]] double quantile(double q) const;
};

/// Log-linear: four buckets per power of two, so a value is known to 25 %.  Thread rule: any
/// thread.
class Histogram {
 public:
  static constexpr int exponent_max = 40;
  static constexpr std::size_t bucket_count = 4 * exponent_max;
  explicit Histogram(int shards) : cells_(shards, bucket_count + 1) {}
  void observe(std::uint64_t value) {
    cells_.add(bucket_of(value), 1);
    cells_.add(bucket_count, value);
  }
  [[nodiscard]] HistogramSnapshot snapshot() const;
  static std::size_t bucket_of(std::uint64_t value);
  /// The smallest value that is above this bucket.
  static std::uint64_t bucket_end(std::size_t bucket);

 private:
  detail::MetricCells cells_;
};

enum class MetricType : std::uint8_t { counter, gauge, histogram };
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

struct MetricSample {
  MetricLabels labels;
  double value = 0;             // counters and gauges
  HistogramSnapshot histogram;  // histograms
};
struct MetricFamily {
  std::string name;
  std::string help;
  MetricType type = MetricType::gauge;
  HistogramOptions histogram{};
  std::vector<MetricSample> samples;
};
using MetricsSnapshot = std::vector<MetricFamily>;

/// All metrics of a process, by name and labels.  Label values are bounded sets, never what a
/// client chose.  Asking again for a name with the same labels gives the same object; references
/// stay valid as long as the registry.  A name that is not one, or that changes its type, ends the
/// process. Thread rule: any thread; registering takes a lock, counting does not.
class MetricsRegistry {
 public:
  /// For threads that own shards 1 to `owned_shards`.
  explicit MetricsRegistry(int owned_shards = 0) : shards_(owned_shards + 1) {}

  Counter& counter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, HistogramOptions options,
                       MetricLabels labels = {});

  /// Adds families that are made when they are asked for (what is counted elsewhere already).
  /// Called on the reader's thread; must stay valid until remove_collector().
  using Collector = std::function<void(MetricsSnapshot&)>;
  std::uint64_t add_collector(Collector collector) MOLDAU_EXCLUDES(mutex_);
  void remove_collector(std::uint64_t id) MOLDAU_EXCLUDES(mutex_);

  /// Everything as it is now, ordered by name.  Not one moment in time: counting goes on meanwhile.
  [[nodiscard]] MetricsSnapshot snapshot() const MOLDAU_EXCLUDES(mutex_);

 private:
  template <class T>
  T& find_or_add(std::string_view name, std::string_view help, MetricType type,
                 HistogramOptions options, MetricLabels labels) MOLDAU_EXCLUDES(mutex_);

  struct Metric {
    MetricLabels labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  struct Family {
    std::string help;
    MetricType type = MetricType::counter;
    HistogramOptions options{};
    std::vector<std::unique_ptr<Metric>> metrics;
  };

  const int shards_;
  mutable Mutex mutex_;
  std::map<std::string, Family, std::less<>> families_ MOLDAU_GUARDED_BY(mutex_);
  std::map<std::uint64_t, Collector> collectors_ MOLDAU_GUARDED_BY(mutex_);
  std::uint64_t next_collector_ MOLDAU_GUARDED_BY(mutex_) = 1;
};

/// Prometheus's text format, version 0.0.4.
std::string to_prometheus_text(const MetricsSnapshot& snapshot);
constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace moldau::base
