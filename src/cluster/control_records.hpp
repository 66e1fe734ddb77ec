#pragma once
// The raft's own records in the metadata log and its snapshots (KIP-595, KIP-630, KIP-853).  Each
// begins with its version, so its bytes say how to read it.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/uuid.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/record/batch_format.hpp"

namespace moldau::cluster {

using codec::since;

struct LeaderChangeRecord {
  struct Voter {
    static constexpr codec::VersionRange flexible{0, codec::never};
    std::int32_t voter_id = 0;
    base::Uuid voter_directory_id{};
    static constexpr void fields(auto& field, auto& m) {
      field("voter_id", m.voter_id, since(0));
      field("voter_directory_id", m.voter_directory_id, since(1));
    }
  };
  static constexpr record::ControlType type = record::ControlType::leader_change;
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int16_t version = 0;
  std::int32_t leader_id = 0;
  std::vector<Voter> voters;
  std::vector<Voter> granting_voters;
  static constexpr void fields(auto& field, auto& m) {
    field("version", m.version, since(0));
    field("leader_id", m.leader_id, since(0));
    field("voters", m.voters, since(0));
    field("granting_voters", m.granting_voters, since(0));
  }
};

struct KRaftVersionRecord {
  static constexpr record::ControlType type = record::ControlType::kraft_version;
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int16_t version = 0;
  std::int16_t kraft_version = 0;
  static constexpr void fields(auto& field, auto& m) {
    field("version", m.version, since(0));
    field("kraft_version", m.kraft_version, since(0));
  }
};

struct VotersRecord {
  struct Endpoint {
    static constexpr codec::VersionRange flexible{0, codec::never};
    std::string name;
    std::string host;
    std::uint16_t port = 0;
    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("host", m.host, since(0));
      field("port", m.port, since(0));
    }
  };
  struct Feature {
    static constexpr codec::VersionRange flexible{0, codec::never};
    std::int16_t min_supported_version = 0;
    std::int16_t max_supported_version = 0;
    static constexpr void fields(auto& field, auto& m) {
      field("min_supported_version", m.min_supported_version, since(0));
      field("max_supported_version", m.max_supported_version, since(0));
    }
  };
  struct Voter {
    static constexpr codec::VersionRange flexible{0, codec::never};
    std::int32_t voter_id = 0;
    base::Uuid voter_directory_id{};
    std::vector<Endpoint> endpoints;
    Feature kraft_version_feature;
    static constexpr void fields(auto& field, auto& m) {
      field("voter_id", m.voter_id, since(0));
      field("voter_directory_id", m.voter_directory_id, since(0));
      field("endpoints", m.endpoints, since(0));
      field("kraft_version_feature", m.kraft_version_feature, since(0));
    }
  };
  static constexpr record::ControlType type = record::ControlType::kraft_voters;
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int16_t version = 0;
  std::vector<Voter> voters;
  static constexpr void fields(auto& field, auto& m) {
    field("version", m.version, since(0));
    field("voters", m.voters, since(0));
  }
};

struct SnapshotHeaderRecord {
  static constexpr record::ControlType type = record::ControlType::snapshot_header;
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int16_t version = 0;
  std::int64_t last_contained_log_timestamp = 0;
  static constexpr void fields(auto& field, auto& m) {
    field("version", m.version, since(0));
    field("last_contained_log_timestamp", m.last_contained_log_timestamp, since(0));
  }
};

struct SnapshotFooterRecord {
  static constexpr record::ControlType type = record::ControlType::snapshot_footer;
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int16_t version = 0;
  static constexpr void fields(auto& field, auto& m) { field("version", m.version, since(0)); }
};

}  // namespace moldau::cluster
