#include "moldau/protocol/sync_group.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::SyncGroupRequest>;
template struct moldau::codec::Codec<moldau::protocol::SyncGroupResponse>;
