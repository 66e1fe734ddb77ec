#include "moldau/protocol/metadata.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::MetadataRequest>;
template struct moldau::codec::Codec<moldau::protocol::MetadataResponse>;
