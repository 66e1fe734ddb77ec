#include "moldau/protocol/fetch.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::FetchRequest>;
template struct moldau::codec::Codec<moldau::protocol::FetchResponse>;
