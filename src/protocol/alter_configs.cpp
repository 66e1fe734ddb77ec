#include "moldau/protocol/alter_configs.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::AlterConfigsRequest>;
template struct moldau::codec::Codec<moldau::protocol::AlterConfigsResponse>;
