#include "moldau/protocol/consumer_group_heartbeat.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ConsumerGroupHeartbeatRequest>;
template struct moldau::codec::Codec<moldau::protocol::ConsumerGroupHeartbeatResponse>;
