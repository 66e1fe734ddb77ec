#include "moldau/protocol/api_versions.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ApiVersionsRequest>;
template struct moldau::codec::Codec<moldau::protocol::ApiVersionsResponse>;
