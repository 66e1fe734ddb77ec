#include "moldau/protocol/txn_offset_commit.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::TxnOffsetCommitRequest>;
template struct moldau::codec::Codec<moldau::protocol::TxnOffsetCommitResponse>;
