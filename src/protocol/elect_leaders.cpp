#include "moldau/protocol/elect_leaders.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ElectLeadersRequest>;
template struct moldau::codec::Codec<moldau::protocol::ElectLeadersResponse>;
