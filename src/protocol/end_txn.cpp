#include "moldau/protocol/end_txn.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::EndTxnRequest>;
template struct moldau::codec::Codec<moldau::protocol::EndTxnResponse>;
