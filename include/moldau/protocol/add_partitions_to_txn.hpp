#pragma once
// AddPartitionsToTxn, versions 0 to 5 of Apache Kafka 4.4's protocol.  Clients stay at 3: from 4 on
// it is a broker's, with many transactions in one request.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct AddPartitionsToTxnRequest {
  static constexpr ApiKey api_key = ApiKey::add_partitions_to_txn;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{3, 5};

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  struct Transaction {
    std::string transactional_id;
    ProducerId producer_id{};
    ProducerEpoch producer_epoch{};
    bool verify_only = false;
    std::vector<Topic> topics;

    static constexpr void fields(auto& field, auto& m) {
      field("transactional_id", m.transactional_id, since(4));
      field("producer_id", m.producer_id, since(4));
      field("producer_epoch", m.producer_epoch, since(4));
      field("verify_only", m.verify_only, since(4));
      field("topics", m.topics, since(4));
    }
  };

  std::vector<Transaction> transactions;
  std::string v3_and_below_transactional_id;
  ProducerId v3_and_below_producer_id{};
  ProducerEpoch v3_and_below_producer_epoch{};
  std::vector<Topic> v3_and_below_topics;

  static constexpr void fields(auto& field, auto& m) {
    field("transactions", m.transactions, since(4));
    field("v3_and_below_transactional_id", m.v3_and_below_transactional_id, since(0).until(3));
    field("v3_and_below_producer_id", m.v3_and_below_producer_id, since(0).until(3));
    field("v3_and_below_producer_epoch", m.v3_and_below_producer_epoch, since(0).until(3));
    field("v3_and_below_topics", m.v3_and_below_topics, since(0).until(3));
  }
};

struct AddPartitionsToTxnResponse {
  static constexpr ApiKey api_key = ApiKey::add_partitions_to_txn;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{3, 5};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      ErrorCode partition_error_code = ErrorCode::none;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("partition_error_code", m.partition_error_code, since(0));
      }
    };

    std::string name;
    std::vector<Partition> results_by_partition;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("results_by_partition", m.results_by_partition, since(0));
    }
  };

  struct Transaction {
    std::string transactional_id;
    std::vector<Topic> topic_results;

    static constexpr void fields(auto& field, auto& m) {
      field("transactional_id", m.transactional_id, since(4));
      field("topic_results", m.topic_results, since(4));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Transaction> results_by_transaction;
  std::vector<Topic> results_by_topic_v3_and_below;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(4));
    field("results_by_transaction", m.results_by_transaction, since(4));
    field("results_by_topic_v3_and_below", m.results_by_topic_v3_and_below, since(0).until(3));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::AddPartitionsToTxnRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::AddPartitionsToTxnResponse>;
