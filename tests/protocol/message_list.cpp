#include "tests/protocol/message_list.hpp"

#include <cctype>
#include <cstdlib>

#include "moldau/protocol/messages.hpp"
#include "tests/protocol/message_visitors.hpp"

namespace moldau::test {
namespace {

template <class M>
base::SharedBytes bytes_of(const M& message, codec::Version version) {
  codec::Writer writer;
  codec::Codec<M>::encode(writer, message, version);
  return std::move(writer).finish().flatten();
}

template <class M>
base::Status decode(codec::Reader& reader, codec::Version version) {
  MOLDAU_TRY(codec::Codec<M>::decode(reader, version));
  return {};
}

template <class M>
base::Result<base::SharedBytes> recode(codec::Reader& reader, codec::Version version) {
  MOLDAU_ASSIGN(const M message, codec::Codec<M>::decode(reader, version));
  return bytes_of(message, version);
}

template <class M>
M random_message(base::Random& random, codec::Version version) {
  M message{};
  RandomFill fill(random, version);
  M::fields(fill, message);
  return message;
}

template <class M>
base::SharedBytes random_bytes(base::Random& random, codec::Version version) {
  return bytes_of(random_message<M>(random, version), version);
}

template <class M>
std::string round_trip(base::Random& random, codec::Version version) {
  const M before = random_message<M>(random, version);
  const auto bytes = bytes_of(before, version);
  codec::Reader reader(bytes);
  const auto after = codec::Codec<M>::decode(reader, version);
  if (!after) return "does not decode: " + to_string(after.error());
  if (reader.remaining() != 0) return std::to_string(reader.remaining()) + " bytes were not read";
  if (text_of(before) != text_of(*after))
    return "became another:\n" + text_of(before) + '\n' + text_of(*after);
  const auto again = bytes_of(*after, version);
  return base::as_text(bytes.view()) == base::as_text(again.view()) ? "" : "other bytes";
}

template <class M>
base::SharedBytes default_bytes(codec::Version version) {
  return bytes_of(M{}, version);
}

template <class M>
std::string schema() {
  std::string text;
  SchemaDump dump(text, 1);
  M::fields(dump, codec::detail::prototype<M>);
  return text;
}

template <class M>
std::string repeated_members() {
  AddressCheck check;
  M::fields(check, codec::detail::prototype<M>);
  return check.repeated;
}

template <class M>
MessageEntry entry(bool is_request) {
  return {.api_key = M::api_key,
          .is_request = is_request,
          .versions = M::versions,
          .flexible = M::flexible,
          .decode = decode<M>,
          .recode = recode<M>,
          .random_bytes = random_bytes<M>,
          .round_trip = round_trip<M>,
          .default_bytes = default_bytes<M>,
          .schema = schema<M>,
          .repeated_members = repeated_members<M>};
}

std::string snake_case(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (std::isupper(c) != 0 && !result.empty()) result += '_';
    result += static_cast<char>(std::tolower(c));
  }
  return result;
}

}  // namespace

std::string MessageEntry::name() const {
  return std::string(protocol::name(api_key)) + (is_request ? "Request" : "Response");
}

const std::vector<MessageEntry>& all_messages() {
  static const std::vector<MessageEntry> entries = [] {
    std::vector<MessageEntry> all;
    protocol::for_each_api([&]<class Request, class Response>() {
      all.push_back(entry<Request>(true));
      all.push_back(entry<Response>(false));
    });
    return all;
  }();
  return entries;
}

std::string file_stem(const MessageEntry& entry, codec::Version version) {
  return snake_case(protocol::name(entry.api_key)) + "_v" + std::to_string(version) +
         (entry.is_request ? "_request" : "_response");
}

const MessageEntry* find_message(std::string_view stem, codec::Version& version) {
  for (const auto& entry : all_messages()) {
    for (version = entry.versions.first; version <= entry.versions.last; ++version) {
      if (file_stem(entry, version) == stem) return &entry;
    }
  }
  return nullptr;
}

}  // namespace moldau::test
