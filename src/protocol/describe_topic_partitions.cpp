#include "moldau/protocol/describe_topic_partitions.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DescribeTopicPartitionsRequest>;
template struct moldau::codec::Codec<moldau::protocol::DescribeTopicPartitionsResponse>;
