#include "moldau/group/consumer_protocol.hpp"

#include <gtest/gtest.h>

namespace moldau::group {
namespace {

using base::Errc;

Bytes operator+(Bytes head, const Bytes& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}
Bytes operator+(Bytes head, std::string_view text) {
  const auto tail = base::as_bytes(text);
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

ConsumerSubscription full_subscription() {
  return {.topics = {"a", "b"},
          .user_data = Bytes{7},
          .owned_partitions = {{.topic = "a", .partitions = {0, 3}}},
          .generation = 5,
          .rack_id = "r1"};
}

// Bytes as Kafka's schema lays them out: int16 version, then the fields.
Bytes subscription_v0() {
  return Bytes{0, 0, 0, 0, 0, 2, 0, 1} + "a" + Bytes{0, 1} + "b" + Bytes{0, 0, 0, 1, 7};
}

TEST(ConsumerSubscription, EachVersionHasItsFieldsAndNoLaterOnes) {
  const Bytes owned = Bytes{0, 0, 0, 1, 0, 1} + "a" + Bytes{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3};
  Bytes v3 = subscription_v0() + owned + Bytes{0, 0, 0, 5} + Bytes{0, 2} + "r1";
  v3[1] = 3;
  EXPECT_EQ(encode_subscription(full_subscription(), 3), v3);
  EXPECT_EQ(decode_subscription(v3).value(), full_subscription());

  Bytes v2 = subscription_v0() + owned + Bytes{0, 0, 0, 5};
  v2[1] = 2;
  EXPECT_EQ(encode_subscription(full_subscription(), 2), v2);
  EXPECT_EQ(decode_subscription(v2).value().rack_id, std::nullopt);

  Bytes v1 = subscription_v0() + owned;
  v1[1] = 1;
  EXPECT_EQ(encode_subscription(full_subscription(), 1), v1);
  EXPECT_EQ(decode_subscription(v1).value().generation, -1);

  EXPECT_EQ(encode_subscription(full_subscription(), 0), subscription_v0());
  EXPECT_TRUE(decode_subscription(subscription_v0()).value().owned_partitions.empty());
}

TEST(ConsumerSubscription, UserDataAndRackMayBeNull) {
  ConsumerSubscription subscription;
  subscription.topics = {"t"};
  for (std::int16_t version = 0; version <= consumer_protocol_version_max; ++version)
    EXPECT_EQ(decode_subscription(encode_subscription(subscription, version)).value(),
              subscription);
}

TEST(ConsumerSubscription, NewerVersionIsReadAsTheNewestKnown) {
  Bytes bytes = encode_subscription(full_subscription(), 3);
  bytes[1] = 9;
  bytes.push_back(42);  // a field that this version would have
  EXPECT_EQ(decode_subscription(bytes).value(), full_subscription());
  EXPECT_EQ(consumer_protocol_version(bytes).value(), 9);
}

TEST(ConsumerSubscription, IsWrittenInAVersionThatExists) {
  EXPECT_EQ(encode_subscription(full_subscription(), 9),
            encode_subscription(full_subscription(), 3));
  EXPECT_EQ(encode_subscription(full_subscription(), -1), subscription_v0());
}

TEST(ConsumerSubscription, NegativeVersionIsRefused) {
  EXPECT_EQ(decode_subscription(Bytes{0xFF, 0xFF} + subscription_v0()).error().code,
            Errc::unsupported);
}

TEST(ConsumerSubscription, EveryTruncationIsMalformed) {
  const Bytes whole = encode_subscription(full_subscription(), 3);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(decode_subscription(part).error().code, Errc::malformed) << size;
  }
}

TEST(ConsumerSubscription, ImpossibleCountIsMalformed) {
  EXPECT_EQ(decode_subscription(Bytes{0, 0, 0x7F, 0xFF, 0xFF, 0xFF}).error().code, Errc::malformed);
  EXPECT_EQ(decode_subscription(Bytes{0, 0, 0xFF, 0xFF, 0xFF, 0xFF}).error().code, Errc::malformed);
}

TEST(SubscribedTopics, AreReadWhateverFollowsThem) {
  Bytes bytes = subscription_v0() + Bytes{1, 2, 3};  // no owned partitions look like this
  bytes[1] = 3;
  EXPECT_EQ(subscribed_topics(bytes).value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(subscribed_topics(encode_subscription(full_subscription(), 3)).value(),
            (std::vector<std::string>{"a", "b"}));
}

TEST(SubscribedTopics, BytesThatAreNoSubscriptionAreMalformed) {
  EXPECT_EQ(subscribed_topics(Bytes{}).error().code, Errc::malformed);
  EXPECT_EQ(subscribed_topics(Bytes{1}).error().code, Errc::malformed);
  EXPECT_EQ(subscribed_topics(Bytes{} + "not a subscription at all").error().code, Errc::malformed);
}

TEST(ConsumerProtocolVersion, NeedsTwoBytes) {
  EXPECT_EQ(consumer_protocol_version(Bytes{0}).error().code, Errc::malformed);
  EXPECT_EQ(consumer_protocol_version(Bytes{0, 2}).value(), 2);
}

TEST(ConsumerAssignment, HasTheSameFormInEveryVersion) {
  const ConsumerAssignment assignment{.partitions = {{.topic = "a", .partitions = {1}}},
                                      .user_data = Bytes{9}};
  const Bytes body =
      Bytes{0, 0, 0, 1, 0, 1} + "a" + Bytes{0, 0, 0, 1, 0, 0, 0, 1} + Bytes{0, 0, 0, 1, 9};
  EXPECT_EQ(encode_assignment(assignment, 0), (Bytes{0, 0} + body));
  EXPECT_EQ(encode_assignment(assignment, 3), (Bytes{0, 3} + body));
  EXPECT_EQ(encode_assignment(assignment, 7), (Bytes{0, 3} + body));
  EXPECT_EQ(decode_assignment(Bytes{0, 1} + body).value(), assignment);
}

TEST(ConsumerAssignment, NullUserDataStaysNull) {
  const ConsumerAssignment none;
  EXPECT_EQ(encode_assignment(none, 0), (Bytes{0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}));
  EXPECT_EQ(decode_assignment(encode_assignment(none, 0)).value(), none);
}

TEST(ConsumerAssignment, MalformedBytesAreRefused) {
  EXPECT_EQ(decode_assignment(Bytes{}).error().code, Errc::malformed);
  EXPECT_EQ(decode_assignment(Bytes{0, 0, 0, 0, 0, 1, 0, 5}).error().code, Errc::malformed);
}

}  // namespace
}  // namespace moldau::group
