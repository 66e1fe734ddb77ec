#include "moldau/protocol/produce.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ProduceRequest>;
template struct moldau::codec::Codec<moldau::protocol::ProduceResponse>;
