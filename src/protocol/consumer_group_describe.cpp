#include "moldau/protocol/consumer_group_describe.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ConsumerGroupDescribeRequest>;
template struct moldau::codec::Codec<moldau::protocol::ConsumerGroupDescribeResponse>;
