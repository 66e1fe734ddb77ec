#include "moldau/protocol/offset_commit.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::OffsetCommitRequest>;
template struct moldau::codec::Codec<moldau::protocol::OffsetCommitResponse>;
