#include <gtest/gtest.h>

#include "moldau/base/random.hpp"
#include "tests/protocol/message_list.hpp"

namespace moldau::test {
namespace {

/// Calls `check` for each version of each message.
template <class Check>
void for_each_version(Check&& check) {
  for (const auto& entry : all_messages()) {
    for (codec::Version v = entry.versions.first; v <= entry.versions.last; ++v) {
      SCOPED_TRACE(file_stem(entry, v));
      check(entry, v);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Messages, DecodeToWhatWasEncoded) {
  base::SeededRandom random(1);
  for_each_version([&](const MessageEntry& entry, codec::Version v) {
    for (int i = 0; i < 20; ++i) ASSERT_EQ(entry.round_trip(random, v), "");
  });
}

TEST(Messages, DeclareEachMemberOnce) {
  for (const auto& entry : all_messages()) EXPECT_EQ(entry.repeated_members(), "") << entry.name();
}

TEST(Messages, DecodeFromTheirDefaults) {
  for_each_version([](const MessageEntry& entry, codec::Version v) {
    const auto bytes = entry.default_bytes(v);
    codec::Reader reader(bytes);
    const auto again = entry.recode(reader, v);
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(reader.remaining(), 0U);
    EXPECT_EQ(base::as_text(again->view()), base::as_text(bytes.view()));
  });
}

TEST(Messages, WithDefaultsHaveNoTaggedFields) {
  for_each_version([](const MessageEntry& entry, codec::Version v) {
    if (!entry.flexible.contains(v)) return;
    const auto bytes = entry.default_bytes(v);
    ASSERT_FALSE(bytes.empty());
    EXPECT_EQ(bytes.view().back(), 0) << "the count of tagged fields";
  });
}

TEST(Messages, CutOffAreErrors) {
  base::SeededRandom random(2);
  for_each_version([&](const MessageEntry& entry, codec::Version v) {
    const auto bytes = entry.random_bytes(random, v);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      codec::Reader reader(bytes.slice(0, size));
      const auto status = entry.decode(reader, v);
      ASSERT_FALSE(status) << "decoded from " << size << " of " << bytes.size() << " bytes";
      ASSERT_EQ(status.error().code, base::Errc::malformed) << to_string(status.error());
    }
  });
}

TEST(Messages, SkipTaggedFieldsTheyDoNotKnow) {
  for_each_version([](const MessageEntry& entry, codec::Version v) {
    if (!entry.flexible.contains(v)) return;
    const auto bytes = entry.default_bytes(v);
    auto longer = base::SharedBytes::allocate(bytes.size() + 5);
    auto out = longer.mutable_view();
    std::copy(bytes.view().begin(), bytes.view().end(), out.begin());
    // One tagged field with number 9999, two bytes long.
    const std::uint8_t unknown[] = {1, 0x8F, 0x4E, 2, 'h', 'i'};
    std::copy(std::begin(unknown), std::end(unknown), out.end() - 6);
    codec::Reader reader(longer);
    const auto again = entry.recode(reader, v);
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(base::as_text(again->view()), base::as_text(bytes.view()));
  });
}

}  // namespace
}  // namespace moldau::test
