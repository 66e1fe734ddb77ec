#pragma once
// Messages to bytes and back.  The work is in codec_impl.hpp, instantiated once per message.

#include "moldau/base/result.hpp"
#include "moldau/codec/fields.hpp"
#include "moldau/codec/reader.hpp"
#include "moldau/codec/writer.hpp"

namespace moldau::codec {

/// M declares `flexible` (from which version on it is compact and tagged, KIP-482) and fields().
/// `version` is one that M has: callers gate it.
template <class M>
struct Codec {
  /// Errors: malformed, limit_exceeded; the message names the field: "topics[3].name: length -2".
  /// Bytes after the message are left in the reader.
  static base::Result<M> decode(Reader& reader, Version version);
  static void encode(Writer& writer, const M& message, Version version);
};

}  // namespace moldau::codec
