#include "cli/time_text.hpp"

#include <gtest/gtest.h>

namespace moldau::cli {
namespace {

constexpr std::int64_t noon_ms = 1'769'860'800'000;  // 2026-01-31T12:00:00Z

TEST(TimeText, ReadsIsoTimesAsUtcWithoutAZone) {
  EXPECT_EQ(parse_time_ms("2026-01-31T12:00").value(), noon_ms);
  EXPECT_EQ(parse_time_ms("2026-01-31T12:00:30").value(), noon_ms + 30'000);
  EXPECT_EQ(parse_time_ms("2026-01-31 12:00:30.250").value(), noon_ms + 30'250);
  EXPECT_EQ(parse_time_ms("2026-01-31T12:00:30.25Z").value(), noon_ms + 30'250);
  EXPECT_EQ(parse_time_ms("2026-01-31T12:00:00.123456789Z").value(), noon_ms + 123);
  EXPECT_EQ(parse_time_ms("2026-01-31").value(), noon_ms - 12 * 3'600'000);
  EXPECT_EQ(parse_time_ms("1970-01-01").value(), 0);
}

TEST(TimeText, ReadsZones) {
  EXPECT_EQ(parse_time_ms("2026-01-31T14:00+02:00").value(), noon_ms);
  EXPECT_EQ(parse_time_ms("2026-01-31T14:00:00+0200").value(), noon_ms);
  EXPECT_EQ(parse_time_ms("2026-01-31T14:00:00+02").value(), noon_ms);
  EXPECT_EQ(parse_time_ms("2026-01-31T06:30-05:30").value(), noon_ms);
}

TEST(TimeText, ReadsANumberAsMilliseconds) {
  EXPECT_EQ(parse_time_ms("1769860800000").value(), noon_ms);
  EXPECT_EQ(parse_time_ms("0").value(), 0);
}

TEST(TimeText, RefusesWhatIsNoTime) {
  for (const char* text : {"",
                           "x",
                           "-5",
                           "2026-01",
                           "2026-13-01",
                           "2026-02-30",
                           "2026-01-31T",
                           "2026-01-31T24:00",
                           "2026-01-31T12",
                           "2026-01-31T12:60",
                           "2026-01-31T12:00:",
                           "2026-01-31T12:00:60",
                           "2026-01-31T12:00:00.",
                           "2026-01-31T12:00Zx",
                           "2026-01-31T12:00+",
                           "2026-01-31T12:00+2",
                           "2026-01-31T12:00+99:00",
                           "2026-1-31T12:00",
                           "99999999999999999999",
                           "2026-01-31T12:00 "})
    EXPECT_FALSE(parse_time_ms(text)) << text;
}

TEST(TimeText, ReadsDurations) {
  EXPECT_EQ(parse_duration_ms("90s").value(), 90'000);
  EXPECT_EQ(parse_duration_ms("15m").value(), 900'000);
  EXPECT_EQ(parse_duration_ms("2h").value(), 7'200'000);
  EXPECT_EQ(parse_duration_ms("7d").value(), 604'800'000);
  EXPECT_EQ(parse_duration_ms("500ms").value(), 500);
  EXPECT_EQ(parse_duration_ms("1h30m").value(), 5'400'000);
}

TEST(TimeText, ReadsIsoDurations) {
  EXPECT_EQ(parse_duration_ms("P1D").value(), 86'400'000);
  EXPECT_EQ(parse_duration_ms("PT2H30M5S").value(), 9'005'000);
  EXPECT_EQ(parse_duration_ms("P1DT1H").value(), 90'000'000);
}

TEST(TimeText, RefusesWhatIsNoDuration) {
  for (const char* text :
       {"", "5", "h", "5x", "-5s", "P", "PT", "P1H", "P1DT", "5s5", "1.5h", "9999999999d", "T5S"})
    EXPECT_FALSE(parse_duration_ms(text)) << text;
}

TEST(TimeText, WritesATime) {
  EXPECT_EQ(time_text(noon_ms + 30'250), "2026-01-31T12:00:30.250Z");
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(time_text(-1), "1969-12-31T23:59:59.999Z");
}

TEST(TimeText, WritesADuration) {
  EXPECT_EQ(duration_text(-5), "0ms");
  EXPECT_EQ(duration_text(850), "850ms");
  EXPECT_EQ(duration_text(12'900), "12s");
  EXPECT_EQ(duration_text(60'000), "1m");
  EXPECT_EQ(duration_text(303'000), "5m3s");
  EXPECT_EQ(duration_text(7'440'000), "2h4m");
  EXPECT_EQ(duration_text(86'460'000), "1d");
  EXPECT_EQ(duration_text(262'800'000), "3d1h");
}

}  // namespace
}  // namespace moldau::cli
