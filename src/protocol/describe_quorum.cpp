#include "moldau/protocol/describe_quorum.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DescribeQuorumRequest>;
template struct moldau::codec::Codec<moldau::protocol::DescribeQuorumResponse>;
