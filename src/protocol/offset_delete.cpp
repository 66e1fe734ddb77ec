#include "moldau/protocol/offset_delete.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::OffsetDeleteRequest>;
template struct moldau::codec::Codec<moldau::protocol::OffsetDeleteResponse>;
