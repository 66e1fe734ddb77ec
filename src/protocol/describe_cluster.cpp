#include "moldau/protocol/describe_cluster.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DescribeClusterRequest>;
template struct moldau::codec::Codec<moldau::protocol::DescribeClusterResponse>;
