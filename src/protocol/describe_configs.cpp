#include "moldau/protocol/describe_configs.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DescribeConfigsRequest>;
template struct moldau::codec::Codec<moldau::protocol::DescribeConfigsResponse>;
