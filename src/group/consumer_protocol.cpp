#include "moldau/group/consumer_protocol.hpp"

#include <algorithm>

#include "moldau/codec/codec_impl.hpp"

namespace moldau::group {
namespace {

codec::Reader reader_of(base::ByteView bytes) {
  return codec::Reader(base::SharedBytes::copy_of(bytes));
}

template <class M>
base::Result<M> decode_as(base::ByteView bytes) {
  codec::Reader reader = reader_of(bytes);
  const auto version = reader.fixed<std::int16_t>();
  if (!reader.ok()) return reader.error();
  if (version < 0)
    return base::fail(base::Errc::unsupported,
                      "version " + std::to_string(version) + " of the consumer protocol");
  return codec::Codec<M>::decode(reader, std::min(version, consumer_protocol_version_max));
}

template <class M>
Bytes encode_as(const M& message, std::int16_t version) {
  version = std::clamp<std::int16_t>(version, 0, consumer_protocol_version_max);
  codec::Writer writer;
  writer.fixed(version);
  codec::Codec<M>::encode(writer, message, version);
  const base::ByteView bytes = writer.view();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

base::Result<std::int16_t> consumer_protocol_version(base::ByteView bytes) {
  if (bytes.size() < sizeof(std::int16_t))
    return base::fail(base::Errc::malformed, "the consumer protocol's version is cut off");
  return base::load_be<std::int16_t>(bytes.data());
}

base::Result<ConsumerSubscription> decode_subscription(base::ByteView bytes) {
  return decode_as<ConsumerSubscription>(bytes);
}

base::Result<ConsumerAssignment> decode_assignment(base::ByteView bytes) {
  return decode_as<ConsumerAssignment>(bytes);
}

base::Result<std::vector<std::string>> subscribed_topics(base::ByteView bytes) {
  codec::Reader reader = reader_of(bytes);
  reader.skip(sizeof(std::int16_t));
  MOLDAU_ASSIGN(ConsumerSubscription subscription,
                codec::Codec<ConsumerSubscription>::decode(reader, 0));
  return std::move(subscription.topics);
}

Bytes encode_subscription(const ConsumerSubscription& subscription, std::int16_t version) {
  return encode_as(subscription, version);
}

Bytes encode_assignment(const ConsumerAssignment& assignment, std::int16_t version) {
  return encode_as(assignment, version);
}

}  // namespace moldau::group
