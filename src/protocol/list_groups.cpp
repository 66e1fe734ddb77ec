#include "moldau/protocol/list_groups.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ListGroupsRequest>;
template struct moldau::codec::Codec<moldau::protocol::ListGroupsResponse>;
