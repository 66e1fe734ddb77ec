#include "moldau/protocol/add_offsets_to_txn.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::AddOffsetsToTxnRequest>;
template struct moldau::codec::Codec<moldau::protocol::AddOffsetsToTxnResponse>;
