#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "json.hpp"
#include "measure.hpp"
#include "verbs.hpp"

namespace moldau::mbench {
namespace {

// Runs `work` for about `seconds` and returns nanoseconds per call.
template <typename Work>
double ns_per_call(double seconds, Work work) {
  const std::int64_t began = now_ns();
  const std::int64_t end = began + static_cast<std::int64_t>(seconds * 1e9);
  std::int64_t calls = 0;
  for (; now_ns() < end; calls += 64) {
    for (int i = 0; i < 64; ++i) work();
  }
  return static_cast<double>(now_ns() - began) / static_cast<double>(calls);
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// fdatasync of 4 KiB written over a file that was filled before: the disk's flush and nothing of
// the file system's growth.
Histogram sync_times(const std::string& directory) {
  constexpr std::size_t block = 4096, blocks = 256, rounds = 400;
  std::string path = directory + "/mbench-calibrate-XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd < 0) fail("a file for the calibration");
  unlink(path.c_str());
  const std::array<char, block> bytes{};
  for (std::size_t i = 0; i < blocks; ++i) {
    if (pwrite(fd, bytes.data(), block, static_cast<off_t>(i * block)) < 0) fail("write");
  }
  if (fsync(fd) != 0) fail("fsync");
  Histogram times;
  for (std::size_t i = 0; i < rounds; ++i) {
    const std::int64_t began = now_ns();
    if (pwrite(fd, bytes.data(), block, static_cast<off_t>(i % blocks * block)) < 0) fail("write");
    if (fdatasync(fd) != 0) fail("fdatasync");
    times.record(now_ns() - began);
  }
  close(fd);
  return times;
}

}  // namespace

int run_calibrate(const Options& options) {
  const Bytes data(64 * 1024, 0x5a);
  volatile std::uint32_t sink = 0;
  const double crc_ns =
      ns_per_call(0.3, [&] { sink = crc_add(crc_begin, data.data(), data.size()); });
  const double syscall_ns = ns_per_call(0.2, [] { syscall(SYS_getppid); });
  Json json;
  json.add("verb", "calibrate");
  json.add("crc32c_gb_per_s", static_cast<double>(data.size()) / crc_ns);
  json.add("null_syscall_ns", syscall_ns);
  json.add("fdatasync_4k_ms", sync_times(options.directory));
  std::puts(json.text().c_str());
  return 0;
}

}  // namespace moldau::mbench
