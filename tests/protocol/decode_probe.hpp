#pragma once
// Decodes bytes nobody vouches for, and holds the memory that takes against its bound: what the memory
// test and the fuzz targets have in common.

#include <string>

#include "tests/protocol/message_list.hpp"

namespace moldau::test {

/// Empty, or what is wrong: more memory than 8 x the bytes + 16 KiB (reliability.md F2), or a message that
/// was accepted and does not survive being written and read again.
std::string probe(const MessageEntry& entry, codec::Version version, const base::SharedBytes& bytes);

/// The same for bytes that begin with an api key and a version, as requests and the corpus do; empty also
/// when there is no such message.
std::string probe_frame(bool is_request, base::ByteView bytes);

}  // namespace moldau::test
