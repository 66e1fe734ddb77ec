#include "moldau/protocol/sasl_handshake.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::SaslHandshakeRequest>;
template struct moldau::codec::Codec<moldau::protocol::SaslHandshakeResponse>;
