// Subscriptions by regular expression: which topics each matches is part of the group's records, so
// that all members and all that read the log see the same.

#include <algorithm>

#include "group/consumer_group.hpp"
#include "group/topic_regex.hpp"

namespace moldau::group {
namespace {

/// Kafka's REGEX_BATCH_REFRESH_MIN_INTERVAL_MS: many new topics make one refresh.
constexpr std::int64_t refresh_interval_min_ms = 10'000;

}  // namespace

bool ConsumerGroup::resolve(Step& step, const std::string& regex) {
  RegularExpressionRecord::Value resolved;
  // An expression of the log that does not compile matches nothing.
  if (const auto compiled = base::Pattern::compile(regex))
    resolved.topics = matching_topics(*compiled, step.image);
  resolved.version = step.image.offset().value();
  resolved.timestamp_ms = step.now.wall_ms;
  const auto before = regexes_.find(regex);
  const bool is_same = before != regexes_.end() && before->second.topics == resolved.topics;
  emit(step, RegularExpressionRecord{id(), regex, std::move(resolved)});
  return !is_same;
}

void ConsumerGroup::follow_regex(Step& step, const std::string& before, const std::string& after) {
  if (regexes_.contains(before) && !regex_members_.contains(before))
    emit(step, RegularExpressionRecord{id(), before, std::nullopt});
  if (!after.empty() && !regexes_.contains(after)) resolve(step, after);
}

bool ConsumerGroup::maybe_refresh_regexes(Step& step) {
  if (regex_members_.empty()) return false;
  bool changed = false;
  auto oldest_ms = step.now.wall_ms;
  auto newest_ms = oldest_ms;
  for (const auto& [regex, unused] : regex_members_) {
    if (!regexes_.contains(regex)) changed |= resolve(step, regex);
    const auto resolved_ms = regexes_.find(regex)->second.timestamp_ms;
    oldest_ms = std::min(oldest_ms, resolved_ms);
    newest_ms = std::max(newest_ms, resolved_ms);
  }
  const auto age_ms = step.now.wall_ms - oldest_ms;
  const auto interval_ms = step.options.consumer_regex_refresh_interval.count();
  const bool was_set_back = newest_ms > step.now.wall_ms;  // the clock: nothing is known of the age
  const bool is_due = was_set_back || age_ms > interval_ms ||
                      (regexes_outdated_ && age_ms > refresh_interval_min_ms);
  if (!is_due) return changed;
  regexes_outdated_ = false;
  for (const auto& [regex, unused] : regex_members_) changed |= resolve(step, regex);
  return changed;
}

}  // namespace moldau::group
