#include "moldau/protocol/join_group.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::JoinGroupRequest>;
template struct moldau::codec::Codec<moldau::protocol::JoinGroupResponse>;
