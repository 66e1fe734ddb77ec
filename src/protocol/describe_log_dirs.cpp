#include "moldau/protocol/describe_log_dirs.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DescribeLogDirsRequest>;
template struct moldau::codec::Codec<moldau::protocol::DescribeLogDirsResponse>;
