#include "moldau/protocol/create_topics.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::CreateTopicsRequest>;
template struct moldau::codec::Codec<moldau::protocol::CreateTopicsResponse>;
