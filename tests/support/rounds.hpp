#pragma once

namespace moldau::support {

/// How often a test goes over something at random: `plain` times, and a tenth of that, at least once, under a
/// sanitizer, which makes it ten times slower and looks for other things than the test does.
template <typename Count>
constexpr Count rounds(Count plain) {
#ifdef MOLDAU_SANITIZED
  return plain < 10 ? Count{1} : plain / 10;
#else
  return plain;
#endif
}

}  // namespace moldau::support
