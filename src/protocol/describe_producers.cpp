#include "moldau/protocol/describe_producers.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DescribeProducersRequest>;
template struct moldau::codec::Codec<moldau::protocol::DescribeProducersResponse>;
