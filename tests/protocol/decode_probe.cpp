#include "tests/protocol/decode_probe.hpp"

#include "moldau/base/limits.hpp"
#include "moldau/protocol/headers.hpp"
#include "tests/protocol/allocation_counter.hpp"

namespace moldau::test {
namespace {

/// Empty when `decode` took no more memory than `frame_bytes` allow.
std::string check_memory(const char* what, std::size_t frame_bytes, const auto& decode) {
  const std::size_t bound =
      frame_bytes * limits::decode_memory_factor + limits::decode_memory_slack_bytes;
  const std::size_t before = allocated_bytes();
  decode();
  const std::size_t taken = allocated_bytes() - before;
  if (taken <= bound) return "";
  return std::string(what) + ": decoding " + std::to_string(frame_bytes) + " bytes took " +
         std::to_string(taken) + " bytes, more than " + std::to_string(bound);
}

const MessageEntry& choose(bool is_request, std::int16_t key, std::int16_t& version) {
  const auto& all = all_messages();
  const auto number = static_cast<std::uint16_t>(key);
  const MessageEntry* entry = &all[number % (all.size() / 2) * 2 + (is_request ? 0 : 1)];
  for (const auto& candidate : all) {
    if (candidate.is_request == is_request && static_cast<std::int16_t>(candidate.api_key) == key)
      entry = &candidate;
  }
  if (!entry->versions.contains(version)) {
    const int count = entry->versions.last - entry->versions.first + 1;
    version = static_cast<std::int16_t>(entry->versions.first +
                                        static_cast<std::uint16_t>(version) % count);
  }
  return *entry;
}

}  // namespace

std::string probe(const MessageEntry& entry, codec::Version version,
                  const base::SharedBytes& bytes) {
  auto wrong = check_memory("a message", bytes.size(), [&] {
    codec::Reader reader(bytes);
    (void)entry.decode(reader, version);
  });
  if (!wrong.empty()) return file_stem(entry, version) + ": " + wrong;
  codec::Reader reader(bytes);
  const auto first = entry.recode(reader, version);
  if (!first) return first.error().message.empty() ? "an error without a text" : "";
  // What was accepted may have been written in another way (unknown tags); ours must be stable.  It
  // can be over the memory bound where the original was not: that is refused, and no fault.
  codec::Reader again(*first);
  const auto second = entry.recode(again, version);
  if (!second)
    return second.error().code == base::Errc::limit_exceeded
               ? ""
               : file_stem(entry, version) + ": ours is refused: " + to_string(second.error());
  if (base::as_text(first->view()) != base::as_text(second->view()))
    return file_stem(entry, version) + ": not stable";
  return "";
}

std::string probe_request(base::ByteView frame) {
  const auto bytes = base::SharedBytes::copy_of(frame);
  std::size_t body_at = 0;
  std::int16_t key = 0;
  std::int16_t version = 0;
  (void)all_messages();  // The list is made when first asked for: not by the decoder.
  auto wrong = check_memory("a header", bytes.size(), [&] {
    codec::Reader reader(bytes);
    const auto header = protocol::decode_request_header(reader);
    if (!header) return;
    key = header->api_key;
    version = header->version;
    const auto& entry = choose(true, key, version);
    if (entry.flexible.contains(version) && !protocol::decode_request_header_tags(reader)) return;
    body_at = reader.position();
    (void)entry.decode(reader, version);
  });
  if (!wrong.empty() || body_at == 0) return wrong;
  return probe(choose(true, key, version), version, bytes.slice(body_at, bytes.size() - body_at));
}

std::string probe_response(base::ByteView input) {
  if (input.size() < 4) return "";
  auto version = base::load_be<std::int16_t>(input.data() + 2);
  const auto& entry = choose(false, base::load_be<std::int16_t>(input.data()), version);
  const auto bytes = base::SharedBytes::copy_of(input.subspan(4));
  codec::Reader reader(bytes);
  if (!protocol::decode_response_header(reader, entry.api_key, entry.flexible.contains(version)))
    return "";
  return probe(entry, version, bytes.slice(reader.position(), reader.remaining()));
}

}  // namespace moldau::test
