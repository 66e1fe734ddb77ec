#include "moldau/protocol/list_partition_reassignments.hpp"

#include "moldau/codec/codec_impl.hpp"

template struct moldau::codec::Codec<moldau::protocol::ListPartitionReassignmentsRequest>;
template struct moldau::codec::Codec<moldau::protocol::ListPartitionReassignmentsResponse>;
