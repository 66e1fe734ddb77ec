#include "moldau/protocol/offset_fetch.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::OffsetFetchRequest>;
template struct moldau::codec::Codec<moldau::protocol::OffsetFetchResponse>;
