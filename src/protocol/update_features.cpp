#include "moldau/protocol/update_features.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::UpdateFeaturesRequest>;
template struct moldau::codec::Codec<moldau::protocol::UpdateFeaturesResponse>;
