#include "moldau/protocol/find_coordinator.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::FindCoordinatorRequest>;
template struct moldau::codec::Codec<moldau::protocol::FindCoordinatorResponse>;
