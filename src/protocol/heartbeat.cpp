#include "moldau/protocol/heartbeat.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::HeartbeatRequest>;
template struct moldau::codec::Codec<moldau::protocol::HeartbeatResponse>;
