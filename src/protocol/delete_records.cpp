#include "moldau/protocol/delete_records.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::DeleteRecordsRequest>;
template struct moldau::codec::Codec<moldau::protocol::DeleteRecordsResponse>;
