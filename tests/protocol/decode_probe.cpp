#include "tests/protocol/decode_probe.hpp"

#include "moldau/base/limits.hpp"
#include "tests/protocol/allocation_counter.hpp"

namespace moldau::test {
namespace {

std::string check_memory(const MessageEntry& entry, codec::Version version,
                         const base::SharedBytes& bytes) {
  const std::size_t bound =
      bytes.size() * limits::decode_memory_factor + limits::decode_memory_slack_bytes;
  const std::size_t before = allocated_bytes();
  {
    codec::Reader reader(bytes);
    (void)entry.decode(reader, version);
  }
  const std::size_t taken = allocated_bytes() - before;
  if (taken <= bound) return "";
  return file_stem(entry, version) + ": decoding " + std::to_string(bytes.size()) +
         " bytes took " + std::to_string(taken) + " bytes, more than " + std::to_string(bound);
}

}  // namespace

std::string probe(const MessageEntry& entry, codec::Version version,
                  const base::SharedBytes& bytes) {
  if (auto wrong = check_memory(entry, version, bytes); !wrong.empty()) return wrong;
  codec::Reader reader(bytes);
  const auto first = entry.recode(reader, version);
  if (!first) return first.error().message.empty() ? "an error without a text" : "";
  // What was accepted may have been written in another way (unknown tags); ours must be stable.  It can
  // be over the memory bound where the original was not: that is refused, and no fault.
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

std::string probe_frame(bool is_request, base::ByteView bytes) {
  if (bytes.size() < 4) return "";
  const auto key = base::load_be<std::int16_t>(bytes.data());
  const auto version = base::load_be<std::int16_t>(bytes.data() + 2);
  for (const auto& entry : all_messages()) {
    if (entry.is_request == is_request && static_cast<std::int16_t>(entry.api_key) == key &&
        entry.versions.contains(version))
      return probe(entry, version, base::SharedBytes::copy_of(bytes.subspan(4)));
  }
  return "";
}

}  // namespace moldau::test
