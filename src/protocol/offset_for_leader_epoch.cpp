#include "moldau/protocol/offset_for_leader_epoch.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::OffsetForLeaderEpochRequest>;
template struct moldau::codec::Codec<moldau::protocol::OffsetForLeaderEpochResponse>;
