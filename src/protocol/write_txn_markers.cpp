#include "moldau/protocol/write_txn_markers.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::WriteTxnMarkersRequest>;
template struct moldau::codec::Codec<moldau::protocol::WriteTxnMarkersResponse>;
