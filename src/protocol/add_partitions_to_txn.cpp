#include "moldau/protocol/add_partitions_to_txn.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::AddPartitionsToTxnRequest>;
template struct moldau::codec::Codec<moldau::protocol::AddPartitionsToTxnResponse>;
