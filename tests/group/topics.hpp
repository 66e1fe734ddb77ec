#pragma once
// A cluster's topics for tests of groups: made, grown and deleted as the metadata log would.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "moldau/metadata/image_builder.hpp"

namespace moldau::group {

/// Recognisable in failures, and not in the order of the names.
inline TopicId topic_id(const std::string& name) {
  TopicId id;
  std::ranges::copy(name.substr(0, 15), id.bytes.begin());
  id.bytes[15] = 1;
  std::ranges::reverse(id.bytes);
  return id;
}

class Topics {
 public:
  /// Grows a topic that is there.
  void make(const std::string& name, std::int32_t partitions) {
    make(name, partitions, topic_id(name));
  }
  /// A name that was removed and comes again has another id; that of a topic that is there stays.
  void make(const std::string& name, std::int32_t partitions, TopicId id) {
    const auto* known = image_->find_topic(name);
    const auto first = known == nullptr ? 0 : static_cast<std::int32_t>(known->partitions.size());
    metadata::ImageBuilder builder(image_);
    if (known == nullptr) {
      EXPECT_TRUE(builder.apply(metadata::TopicRecord{name, id}));
    } else {
      id = known->id;
    }
    for (auto i = first; i < partitions; ++i) {
      metadata::PartitionRecord record;
      record.partition_id = i;
      record.topic_id = id;
      record.replicas = record.isr = {1};
      record.leader = 1;
      EXPECT_TRUE(builder.apply(record));
    }
    build(builder);
  }

  void remove(const std::string& name) {
    metadata::ImageBuilder builder(image_);
    EXPECT_TRUE(builder.apply(metadata::RemoveTopicRecord{image_->find_topic(name)->id}));
    build(builder);
  }

  void register_broker(std::int32_t id, const std::string& rack) {
    metadata::RegisterBrokerRecord record;
    record.broker_id = id;
    record.rack = rack;
    metadata::ImageBuilder builder(image_);
    EXPECT_TRUE(builder.apply(record));
    build(builder);
  }

  [[nodiscard]] const metadata::MetadataImage& image() const { return *image_; }
  /// What the last change changed.
  [[nodiscard]] const metadata::MetadataDelta& delta() const { return delta_; }

 private:
  void build(metadata::ImageBuilder& builder) {
    old_ = std::move(image_);
    auto built = builder.build(old_->offset() + 1, 1);
    image_ = std::move(built.image);
    delta_ = std::move(built.delta);
  }

  std::shared_ptr<const metadata::MetadataImage> image_ = metadata::MetadataImage::empty();
  std::shared_ptr<const metadata::MetadataImage> old_;  // a step may still look at it
  metadata::MetadataDelta delta_;
};

}  // namespace moldau::group
