#include "group/target_assignment.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <unordered_map>

namespace moldau::group {
namespace {

const std::vector<std::string>& topics_of_regex(const ConsumerMember& member,
                                                const Regexes& regexes) {
  static const std::vector<std::string> none;
  if (member.regex().empty()) return none;
  const auto place = regexes.find(member.regex());
  return place == regexes.end() ? none : place->second.topics;
}

/// Members of a group mostly subscribe to the same: each different subscription is resolved once.
class Subscriptions {
 public:
  explicit Subscriptions(const TargetInput& input) : input_(input) {}

  std::span<const std::uint32_t> of(const ConsumerMember& member) {
    const Key key{&member.subscription.subscribed_topic_names, member.regex()};
    const auto [place, is_new] = lists_.try_emplace(key);
    if (is_new) place->second = resolve(member);
    return place->second;
  }

  [[nodiscard]] bool is_homogeneous() const {
    // Names and a regular expression together count as different, as in Kafka.
    return lists_.size() <= 1 && std::ranges::all_of(lists_, [](const auto& list) {
             return list.first.names->empty() || list.first.regex.empty();
           });
  }

  std::vector<AssignorTopic> take_topics() { return std::move(topics_); }

 private:
  struct Key {
    const std::vector<std::string>* names = nullptr;
    std::string_view regex;
    bool operator<(const Key& other) const {
      return std::tie(*names, regex) < std::tie(*other.names, other.regex);
    }
  };

  std::vector<std::uint32_t> resolve(const ConsumerMember& member) {
    std::vector<std::uint32_t> places;
    for (const auto name : subscribed_names(member, input_.regexes)) {
      const auto* topic = input_.image.find_topic(name);
      if (topic == nullptr) continue;
      const auto [place, is_new] =
          places_.try_emplace(topic->id, static_cast<std::uint32_t>(topics_.size()));
      if (is_new)
        topics_.push_back({topic->id, static_cast<std::int32_t>(topic->partitions.size())});
      places.push_back(place->second);
    }
    std::ranges::sort(places);
    return places;
  }

  const TargetInput& input_;
  std::map<Key, std::vector<std::uint32_t>> lists_;
  std::unordered_map<TopicId, std::uint32_t> places_;
  std::vector<AssignorTopic> topics_;
};

}  // namespace

std::vector<std::string_view> subscribed_names(const ConsumerMember& member,
                                               const Regexes& regexes) {
  std::vector<std::string_view> names;
  std::ranges::set_union(member.subscription.subscribed_topic_names,
                         topics_of_regex(member, regexes), std::back_inserter(names));
  return names;
}

bool subscribes_to(const ConsumerMember& member, const Regexes& regexes, std::string_view topic) {
  return std::ranges::binary_search(member.subscription.subscribed_topic_names, topic,
                                    std::less<>{}) ||
         std::ranges::binary_search(topics_of_regex(member, regexes), topic, std::less<>{});
}

AssignorOutput compute_target(const TargetInput& input, Assignor assignor) {
  Subscriptions subscriptions(input);
  AssignorInput question;
  question.members.reserve(input.members.size());
  for (const auto& [id, member] : input.members) {
    AssignorMember asked{
        .id = id, .instance_id = {}, .topics = subscriptions.of(member), .assigned = {}};
    if (member.subscription.instance_id) asked.instance_id = *member.subscription.instance_id;
    if (const auto target = input.targets.find(id); target != input.targets.end())
      asked.assigned = target->second;
    question.members.push_back(asked);
  }
  question.topics = subscriptions.take_topics();
  question.homogeneous = subscriptions.is_homogeneous();
  return assignor(question);
}

}  // namespace moldau::group
