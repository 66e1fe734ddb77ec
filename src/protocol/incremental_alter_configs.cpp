#include "moldau/protocol/incremental_alter_configs.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::IncrementalAlterConfigsRequest>;
template struct moldau::codec::Codec<moldau::protocol::IncrementalAlterConfigsResponse>;
