#pragma once
// Decodes bytes nobody vouches for, and holds the memory that takes against its bound: what the memory
// test and the fuzz targets have in common.

#include <string>

#include "tests/protocol/message_list.hpp"

namespace moldau::test {

/// Empty, or what is wrong: more memory than 8 x the bytes + 16 KiB (reliability.md F2), or a message that
/// was accepted and does not survive being written and read again.
std::string probe(const MessageEntry& entry, codec::Version version, const base::SharedBytes& bytes);

/// The same for a request's frame, header included.
std::string probe_request(base::ByteView frame);

/// The same for a response's frame with the api key and the version it has in front (two bytes each).
/// Numbers that are none of ours stand for some message of ours, so that no input is wasted.
std::string probe_response(base::ByteView bytes);

}  // namespace moldau::test
