#include "moldau/base/metrics.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace moldau::base {
namespace {

TEST(Counter, SumsWhatOwnersAndOthersCounted) {
  MetricsRegistry registry(2);
  Counter& counter = registry.counter("moldau_things_total", "Things.");
  std::vector<std::thread> threads;
  for (int shard : {0, 0, 1, 2, 9}) {  // 9 has no row: it shares row 0
    threads.emplace_back([&counter, shard] {
      own_metrics_shard(shard);
      for (int i = 0; i < 10'000; ++i) counter.add();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 50'000U);
}

TEST(Gauge, FallsBelowWhatAnotherThreadAdded) {
  MetricsRegistry registry(1);
  Gauge& gauge = registry.gauge("moldau_open", "Open.");
  std::thread([&gauge] {
    own_metrics_shard(1);
    gauge.add(5);
  }).join();
  gauge.add(-7);
  EXPECT_EQ(gauge.value(), -2);
}

TEST(Histogram, BucketsAreContiguousAndHoldTheirValues) {
  for (std::size_t b = 0; b + 1 < Histogram::bucket_count; ++b) {
    const auto end = Histogram::bucket_end(b);
    EXPECT_EQ(Histogram::bucket_of(end - 1), b) << end;
    EXPECT_EQ(Histogram::bucket_of(end), b + 1) << end;
  }
  EXPECT_EQ(Histogram::bucket_of(~std::uint64_t{0}), Histogram::bucket_count - 1);
}

TEST(Histogram, QuantilesAreRightToAQuarter) {
  Histogram histogram(1);
  for (std::uint64_t v = 1; v <= 10'000; ++v) histogram.observe(v);
  const auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.count, 10'000U);
  EXPECT_EQ(snapshot.sum, 50'005'000U);
  EXPECT_NEAR(snapshot.quantile(0.5), 5'000, 1'250);
  EXPECT_NEAR(snapshot.quantile(0.99), 9'900, 2'475);
}

TEST(MetricsRegistry, GivesTheSameObjectForTheSameLabels) {
  MetricsRegistry registry;
  Counter& produce = registry.counter("moldau_requests_total", "Requests.", {{"api", "Produce"}});
  Counter& fetch = registry.counter("moldau_requests_total", "Requests.", {{"api", "Fetch"}});
  EXPECT_NE(&produce, &fetch);
  EXPECT_EQ(&produce, &registry.counter("moldau_requests_total", "", {{"api", "Produce"}}));
}

TEST(MetricsRegistryDeathTest, RefusesANameThatIsNotOneAndAChangedType) {
  MetricsRegistry registry;
  registry.counter("moldau_x_total", "x");
  EXPECT_DEATH(registry.gauge("moldau_x_total", "x"), "keeps its type");
  EXPECT_DEATH(registry.counter("moldau x", "x"), "metric's name");
}

TEST(PrometheusText, IsTheFormatWordForWord) {
  MetricsRegistry registry;
  registry.counter("moldau_b_total", "Help with \\ and\nnewline.", {{"who", "a\"b\\c\nd"}}).add(3);
  registry.gauge("moldau_c", "C.").set(-4);
  Histogram& h = registry.histogram("moldau_a_bytes", "Sizes.", {1.0, 1, 3}, {{"k", "v"}});
  for (const std::uint64_t v : {0U, 1U, 2U, 3U, 7U, 100U}) h.observe(v);
  EXPECT_EQ(to_prometheus_text(registry.snapshot()),
            "# HELP moldau_a_bytes Sizes.\n"
            "# TYPE moldau_a_bytes histogram\n"
            "moldau_a_bytes_bucket{k=\"v\",le=\"2\"} 2\n"
            "moldau_a_bytes_bucket{k=\"v\",le=\"4\"} 4\n"
            "moldau_a_bytes_bucket{k=\"v\",le=\"8\"} 5\n"
            "moldau_a_bytes_bucket{k=\"v\",le=\"+Inf\"} 6\n"
            "moldau_a_bytes_sum{k=\"v\"} 113\n"
            "moldau_a_bytes_count{k=\"v\"} 6\n"
            "# HELP moldau_b_total Help with \\\\ and\\nnewline.\n"
            "# TYPE moldau_b_total counter\n"
            "moldau_b_total{who=\"a\\\"b\\\\c\\nd\"} 3\n"
            "# HELP moldau_c C.\n"
            "# TYPE moldau_c gauge\n"
            "moldau_c -4\n");
}

TEST(PrometheusText, ShowsNanosecondsAsSeconds) {
  MetricsRegistry registry;
  registry.histogram("moldau_t_seconds", "T.", {1e-9, 30, 30}).observe(1'500'000'000);
  const auto text = to_prometheus_text(registry.snapshot());
  EXPECT_NE(text.find("moldau_t_seconds_bucket{le=\"1.073741824\"} 0\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("moldau_t_seconds_sum 1.5\n"), std::string::npos) << text;
}

TEST(MetricsRegistry, AsksCollectorsUntilTheyAreRemoved) {
  MetricsRegistry registry;
  registry.gauge("moldau_z", "Z.").set(1);
  const auto id = registry.add_collector([](MetricsSnapshot& out) {
    out.push_back({"moldau_a", "A.", MetricType::gauge, {}, {{{}, 2.5, {}}}});
  });
  EXPECT_EQ(to_prometheus_text(registry.snapshot()),
            "# HELP moldau_a A.\n# TYPE moldau_a gauge\nmoldau_a 2.5\n"
            "# HELP moldau_z Z.\n# TYPE moldau_z gauge\nmoldau_z 1\n");
  registry.remove_collector(id);
  EXPECT_EQ(registry.snapshot().size(), 1U);
}

}  // namespace
}  // namespace moldau::base
