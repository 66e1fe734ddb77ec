#include "group/topic_regex.hpp"

#include <algorithm>

namespace moldau::group {

std::vector<std::string> matching_topics(const base::Pattern& pattern,
                                         const metadata::MetadataImage& image) {
  std::vector<std::string> names;
  image.for_each_topic([&](const metadata::TopicImage& topic) {
    if (pattern.matches(topic.name)) names.push_back(topic.name);
  });
  std::ranges::sort(names);
  return names;
}

}  // namespace moldau::group
