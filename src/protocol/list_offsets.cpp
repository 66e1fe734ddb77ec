#include "moldau/protocol/list_offsets.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ListOffsetsRequest>;
template struct moldau::codec::Codec<moldau::protocol::ListOffsetsResponse>;
