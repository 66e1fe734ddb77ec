#include "moldau/protocol/describe_transactions.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DescribeTransactionsRequest>;
template struct moldau::codec::Codec<moldau::protocol::DescribeTransactionsResponse>;
