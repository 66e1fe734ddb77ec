#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "moldau/http/standard_routes.hpp"

namespace moldau::http {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    ++count;
  }
  return count - 1;  // the one that lists them
}

// Boot time plus the 22nd field of /proc/self/stat, in clock ticks.
double start_time() {
  std::ifstream stat("/proc/self/stat");
  std::string text;
  std::getline(stat, text);
  text.erase(0, text.rfind(')') + 1);
  const char* at = text.c_str();
  std::string field;
  std::size_t position = 0;
  for (int i = 3; i <= 22; ++i) {
    const std::size_t begin = text.find_first_not_of(' ', position);
    if (begin == std::string::npos) return 0;
    position = text.find(' ', begin);
    field.assign(at + begin,
                 position == std::string::npos ? text.size() - begin : position - begin);
  }
  std::ifstream boot("/proc/stat");
  std::string word;
  double booted = 0;
  while (boot >> word) {
    if (word == "btime" && boot >> booted) break;
  }
  return booted + std::strtod(field.c_str(), nullptr) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

void add(base::MetricsSnapshot& out, const char* name, const char* help, base::MetricType type,
         double value) {
  out.push_back({name, help, type, {}, {{{}, value, {}}}});
}

}  // namespace

std::uint64_t add_process_metrics(base::MetricsRegistry& registry) {
  return registry.add_collector([start = start_time()](base::MetricsSnapshot& out) {
    using base::MetricType;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    add(out, "process_cpu_seconds_total", "User and system CPU time.", MetricType::counter,
        seconds(usage.ru_utime) + seconds(usage.ru_stime));
    add(out, "process_resident_memory_bytes", "Resident memory.", MetricType::gauge,
        resident_bytes());
    add(out, "process_open_fds", "Open file descriptors.", MetricType::gauge, open_descriptors());
    add(out, "process_max_fds", "Limit of open file descriptors.", MetricType::gauge,
        static_cast<double>(files.rlim_cur));
    add(out, "process_start_time_seconds", "Start time since 1970.", MetricType::gauge, start);
  });
}

}  // namespace moldau::http
