#include "moldau/protocol/delete_groups.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DeleteGroupsRequest>;
template struct moldau::codec::Codec<moldau::protocol::DeleteGroupsResponse>;
