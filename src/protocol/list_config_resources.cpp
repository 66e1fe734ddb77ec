#include "moldau/protocol/list_config_resources.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ListConfigResourcesRequest>;
template struct moldau::codec::Codec<moldau::protocol::ListConfigResourcesResponse>;
