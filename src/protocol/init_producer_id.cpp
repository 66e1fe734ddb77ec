#include "moldau/protocol/init_producer_id.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::InitProducerIdRequest>;
template struct moldau::codec::Codec<moldau::protocol::InitProducerIdResponse>;
