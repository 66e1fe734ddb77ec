#pragma once
// Where committed metadata come from: the log of this node (SoloController), later the log of a
// KRaft quorum that this broker observes.

#include <memory>

#include "moldau/metadata/image.hpp"

namespace moldau::cluster {

/// Told of every new image, in order.  Thread rule: called on the source's executor, one call at a
/// time, after the records are durable and before the mutation that wrote them is answered: whoever
/// waits for a createTopics finds its partitions made.
class MetadataListener {
 public:
  virtual ~MetadataListener() = default;
  virtual void on_metadata(const std::shared_ptr<const metadata::MetadataImage>& before,
                           const std::shared_ptr<const metadata::MetadataImage>& after,
                           const metadata::MetadataDelta& delta) = 0;
};

/// Thread rule: any thread.
class MetadataSource {
 public:
  virtual ~MetadataSource() = default;
  /// The newest image; never nullptr.  A mutation that was answered is in it.
  [[nodiscard]] virtual std::shared_ptr<const metadata::MetadataImage> image() const = 0;
  /// The first call comes on the executor soon after: from the empty image to the present one, so
  /// that a listener needs no code of its own for the start.  Listeners are called in the order in
  /// which they were added: who builds on another's work is added after it.  `listener` outlives
  /// this source, or is removed.
  virtual void add_listener(MetadataListener& listener) = 0;
  /// After this returns the listener is called no more.  Not from inside on_metadata.
  virtual void remove_listener(MetadataListener& listener) = 0;
};

}  // namespace moldau::cluster
