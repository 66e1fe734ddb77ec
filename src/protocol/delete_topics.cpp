#include "moldau/protocol/delete_topics.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DeleteTopicsRequest>;
template struct moldau::codec::Codec<moldau::protocol::DeleteTopicsResponse>;
