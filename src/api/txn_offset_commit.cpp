// TxnOffsetCommit.  Who may is the group machine's to know, and the transaction's coordinator's.

#include "moldau/api/handlers.hpp"
#include "offset_transaction.hpp"

namespace moldau::api {

void txn_offset_commit(const Services& services, const RequestContext& context,
                       protocol::TxnOffsetCommitRequest request,
                       Reply<protocol::TxnOffsetCommitResponse> reply) {
  OffsetTransaction(services, context, std::move(request), std::move(reply)).run();
}

}  // namespace moldau::api
