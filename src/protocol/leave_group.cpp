#include "moldau/protocol/leave_group.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::LeaveGroupRequest>;
template struct moldau::codec::Codec<moldau::protocol::LeaveGroupResponse>;
