#include "group/topic_regex.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

namespace moldau::group {
namespace {

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

/// As Kafka's library words it: clients show this to people.
std::string_view reason(const re2::RE2& regex) {
  switch (regex.error_code()) {
    case re2::RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case re2::RE2::ErrorBadCharClass:
      return "invalid character class";
    case re2::RE2::ErrorBadCharRange:
      return "invalid character class range";
    case re2::RE2::ErrorMissingBracket:
      return "missing closing ]";
    case re2::RE2::ErrorMissingParen:
      return "missing closing )";
    case re2::RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case re2::RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case re2::RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case re2::RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case re2::RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case re2::RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case re2::RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    case re2::RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case re2::RE2::ErrorPatternTooLarge:
      return "expression is too large";
    default:
      return "unknown error";
  }
}

}  // namespace

TopicRegex::TopicRegex(std::unique_ptr<re2::RE2> regex) : regex_(std::move(regex)) {}
TopicRegex::~TopicRegex() = default;
TopicRegex::TopicRegex(TopicRegex&&) noexcept = default;
TopicRegex& TopicRegex::operator=(TopicRegex&&) noexcept = default;

base::Result<TopicRegex> TopicRegex::compile(std::string_view expression) {
  if (expression.size() > length_max)
    return base::fail(base::Errc::invalid_argument, "expression is too large");
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_unique<re2::RE2>(piece(expression), options);
  if (!regex->ok()) return base::fail(base::Errc::invalid_argument, std::string{reason(*regex)});
  return TopicRegex{std::move(regex)};
}

bool TopicRegex::matches(std::string_view topic) const {
  return re2::RE2::FullMatch(piece(topic), *regex_);
}

std::vector<std::string> TopicRegex::matching_topics(const metadata::MetadataImage& image) const {
  std::vector<std::string> names;
  image.for_each_topic([&](const metadata::TopicImage& topic) {
    if (matches(topic.name)) names.push_back(topic.name);
  });
  std::ranges::sort(names);
  return names;
}

}  // namespace moldau::group
