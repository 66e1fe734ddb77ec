#include "moldau/protocol/create_partitions.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::CreatePartitionsRequest>;
template struct moldau::codec::Codec<moldau::protocol::CreatePartitionsResponse>;
