#pragma once
// java.lang.String as its hashes see it: its characters, and hashCode(), by which Kafka spreads
// coordinators' keys over the partitions of their topic.

#include <cstdint>
#include <string>
#include <string_view>

namespace moldau::base {

/// The text's UTF-16 code units; bytes that are no UTF-8 count as U+FFFD, as Java decodes them.
[[nodiscard]] std::u16string java_chars(std::string_view utf8);

/// Of java_chars().
[[nodiscard]] std::int32_t java_hash(std::string_view utf8);

/// Utils.abs(hash) % partitions (protocol.md 4.2): abs of the least integer is 0 there.
[[nodiscard]] std::int32_t java_partition(std::string_view key, std::int32_t partitions);

}  // namespace moldau::base
