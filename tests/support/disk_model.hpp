#pragma once
// The state of the strict disk behind MemoryFileSystem: files, directories and what is not synced yet.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/clock.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::support {

constexpr std::size_t sector_bytes = 512;

struct Node;
using NodePtr = std::shared_ptr<Node>;
using Bytes = std::vector<std::uint8_t>;

/// One change of a file that may or may not survive a power cut.
struct FileChange {
  enum class Kind {
    sector,    // this sector gets `image`; the file reaches at least to its end
    grow,      // the file reaches at least to `at`
    set_size,  // the file ends at `at`
  };
  std::uint64_t operation = 0;
  Kind kind = Kind::sector;
  std::uint64_t at = 0;  // position in bytes
  Bytes image;           // the sector as it was in memory after the write
};

/// One change of a directory: `remove` goes (if it still is `node`, when that is given), `add` becomes
/// `node`.  A rename within a directory is both, and atomic.
struct DirectoryChange {
  std::uint64_t operation = 0;
  std::optional<std::string> remove;
  std::optional<std::string> add;
  NodePtr node;
};

struct Node {
  bool is_directory = false;
  std::int64_t modified_ms = 0;
  // A file: what programs see, what is safe, and the changes that lead from one to the other.
  Bytes contents;
  Bytes durable;
  std::vector<FileChange> file_changes;
  // A directory: the same.
  std::map<std::string, NodePtr> entries;
  std::map<std::string, NodePtr> durable_entries;
  std::vector<DirectoryChange> directory_changes;

  void write(std::uint64_t operation, std::uint64_t position, base::ByteView bytes);
  void set_size(std::uint64_t operation, std::uint64_t size);
  void sync();
};

/// How much of one sector survives: all, nothing, or the first bytes.
using SectorFate = std::function<std::size_t(const FileChange& change)>;
/// Whether a change that is no sector survives.
using ChangeFate = std::function<bool(std::uint64_t operation)>;

struct DiskState {
  mutable std::mutex mutex;
  const base::Clock* clock = nullptr;
  NodePtr root;
  MemoryFileSystem::Counts counts;
  std::uint64_t operations = 0;
  std::uint64_t crash_at = 0;  // 0: never
  bool crashed = false;
  bool ignore_syncs = false;
  std::vector<std::string> trace;  // of operation n at n - 1
  std::set<std::string> locks;
  struct ReadError {
    const Node* node;
    std::uint64_t begin;
    std::uint64_t end;
  };
  std::vector<ReadError> read_errors;

  DiskState();
  /// Counts an operation; returns its number, or nothing when the process is dead.  The one that kills
  /// it is counted and begins: see `crashed` afterwards.
  std::optional<std::uint64_t> begin(std::string description);
  [[nodiscard]] std::int64_t now_ms() const;
  /// The node at `path`; nullptr when there is none.
  [[nodiscard]] NodePtr find(const std::string& path) const;
  /// Every node that may be reached now or after a crash.
  [[nodiscard]] std::vector<const Node*> all_nodes() const;
  [[nodiscard]] std::vector<std::uint64_t> unsynced_operations() const;
  /// A copy with its unsynced changes.
  [[nodiscard]] std::shared_ptr<DiskState> copy() const;
  /// What a power cut leaves when it deals with unsynced changes like this.
  [[nodiscard]] std::shared_ptr<DiskState> cut(const SectorFate& sector,
                                               const ChangeFate& change) const;
};

/// "a/b/c" as its parts, without empty ones and ".".
std::vector<std::string> parts_of(const std::string& path);

}  // namespace moldau::support
