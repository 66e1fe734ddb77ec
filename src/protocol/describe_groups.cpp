#include "moldau/protocol/describe_groups.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DescribeGroupsRequest>;
template struct moldau::codec::Codec<moldau::protocol::DescribeGroupsResponse>;
