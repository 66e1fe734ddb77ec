#include "moldau/protocol/list_transactions.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ListTransactionsRequest>;
template struct moldau::codec::Codec<moldau::protocol::ListTransactionsResponse>;
