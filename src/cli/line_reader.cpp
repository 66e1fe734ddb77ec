#include "line_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace moldau::cli {
namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t line_bytes_max = 64 * 1024 * 1024;

}  // namespace

base::Status LineReader::fill() {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() > line_bytes_max)
    return base::fail(base::Errc::limit_exceeded,
                      "line " + std::to_string(count_ + 1) + " is longer than 64 MiB");
  const std::size_t had = buffer_.size();
  buffer_.resize(had + read_bytes);
  ssize_t got = 0;
  do {
    got = ::read(descriptor_, buffer_.data() + had, read_bytes);
  } while (got < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
  if (got < 0)
    return base::fail(base::Errc::io,
                      std::string("the input cannot be read: ") + std::strerror(error));
  ended_ = got == 0;
  return {};
}

base::Result<std::optional<std::string_view>> LineReader::next() {
  while (true) {
    const auto end = buffer_.find('\n', scanned_);
    if (end != std::string::npos) {
      const auto line = std::string_view(buffer_).substr(begin_, end - begin_);
      begin_ = scanned_ = end + 1;
      ++count_;
      return std::optional(line);
    }
    scanned_ = buffer_.size();
    if (ended_) {
      if (begin_ == buffer_.size()) return std::optional<std::string_view>{};
      const auto line = std::string_view(buffer_).substr(begin_);
      begin_ = buffer_.size();
      ++count_;
      return std::optional(line);
    }
    MOLDAU_TRY(fill());
  }
}

bool LineReader::is_ready(int wait_ms) {
  if (ended_ || buffer_.find('\n', scanned_) != std::string::npos) return true;
  pollfd input{descriptor_, POLLIN, 0};
  return ::poll(&input, 1, wait_ms) > 0;
}

}  // namespace moldau::cli
