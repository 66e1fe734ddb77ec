#include "tests/support/memory_file_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "moldau/base/check.hpp"
#include "tests/support/disk_model.hpp"

namespace moldau::support {

using base::ByteView;
using base::Errc;
using base::fail;
using base::MutableByteView;
using Lock = std::lock_guard<std::mutex>;

namespace {

constexpr std::uint64_t direct_alignment_bytes = 4096;

base::Error dead() { return fail(Errc::cancelled, "the process died here"); }
base::Error not_found(const std::string& path) { return fail(Errc::not_found, path); }

bool is_aligned(std::uint64_t value) { return value % direct_alignment_bytes == 0; }

/// Thread rule: any thread.
class MemoryFile final : public storage::File {
 public:
  struct Access {
    bool writable = false;
    bool direct = false;
  };
  MemoryFile(std::shared_ptr<DiskState> disk, NodePtr node, std::string path, Access access)
      : disk_(std::move(disk)), node_(std::move(node)), path_(std::move(path)), access_(access) {}

  [[nodiscard]] int descriptor() const override { return -1; }

  std::int64_t read_at(std::uint64_t position, MutableByteView out) const override {
    const auto read = this->read(position, out);
    if (read.has_value()) return static_cast<std::int64_t>(read.value());
    return read.error().code == Errc::cancelled ? -ECANCELED : -EIO;
  }

  base::Result<std::size_t> read(std::uint64_t position, MutableByteView out) const override {
    const Lock lock(disk_->mutex);
    ++disk_->counts.reads;
    if (disk_->crashed) return dead();
    const std::uint64_t end = position + out.size();
    for (const auto& error : disk_->read_errors) {
      if (error.node == node_.get() && position < error.end && end > error.begin) {
        return fail(Errc::io, fmt::format("read {}: bad sector", path_));
      }
    }
    if (position >= node_->contents.size()) return std::size_t{0};
    const auto size =
        std::min(out.size(), static_cast<std::size_t>(node_->contents.size() - position));
    std::copy_n(node_->contents.begin() + static_cast<std::ptrdiff_t>(position), size, out.begin());
    return size;
  }

  base::Result<std::size_t> read_cached(std::uint64_t position,
                                        MutableByteView out) const override {
    return read(position, out);
  }

  base::Status write(std::uint64_t position, const std::vector<ByteView>& parts) override {
    const Lock lock(disk_->mutex);
    Bytes bytes;
    for (const ByteView part : parts) {
      if (access_.direct && !(is_aligned(part.size()) &&
                              is_aligned(reinterpret_cast<std::uintptr_t>(part.data())))) {
        return fail(Errc::io, fmt::format("write {}: not aligned for direct writing", path_));
      }
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
    if (!access_.writable || (access_.direct && !is_aligned(position))) {
      return fail(Errc::io, fmt::format("write {}: read only, or not aligned", path_));
    }
    ++disk_->counts.writes;
    disk_->counts.written_bytes += bytes.size();
    const auto operation =
        disk_->begin(fmt::format("write {} {}+{}", path_, position, bytes.size()));
    if (!operation) return dead();
    node_->write(*operation, position, bytes);
    node_->modified_ms = disk_->now_ms();
    return finished();
  }
  using File::write;

  base::Status sync() override {
    const Lock lock(disk_->mutex);
    ++disk_->counts.syncs;
    const auto operation = disk_->begin(fmt::format("sync {}", path_));
    if (!operation || disk_->crashed) return dead();
    if (!disk_->ignore_syncs) node_->sync();
    return {};
  }

  base::Result<std::uint64_t> size() const override {
    const Lock lock(disk_->mutex);
    if (disk_->crashed) return dead();
    return std::uint64_t{node_->contents.size()};
  }

  base::Status truncate(std::uint64_t size) override {
    const Lock lock(disk_->mutex);
    if (!access_.writable) return fail(Errc::io, fmt::format("truncate {}: read only", path_));
    ++disk_->counts.truncates;
    const auto operation = disk_->begin(fmt::format("truncate {} {}", path_, size));
    if (!operation) return dead();
    node_->set_size(*operation, size);
    node_->modified_ms = disk_->now_ms();
    return finished();
  }

  base::Status start_writeback(std::uint64_t, std::uint64_t) override {
    const Lock lock(disk_->mutex);
    return finished();
  }

  base::Status reserve(std::uint64_t, std::uint64_t) override {
    const Lock lock(disk_->mutex);
    return finished();
  }

 private:
  [[nodiscard]] base::Status finished() const {
    if (disk_->crashed) return dead();
    return {};
  }

  std::shared_ptr<DiskState> disk_;  // shared with the file system, which may go first
  NodePtr node_;                     // shared with its directories
  std::string path_;
  Access access_;
};

class MemoryLock final : public storage::FileLock {
 public:
  MemoryLock(std::shared_ptr<DiskState> disk, std::string path)
      : disk_(std::move(disk)), path_(std::move(path)) {}
  ~MemoryLock() override {
    const Lock lock(disk_->mutex);
    disk_->locks.erase(path_);
  }

 private:
  std::shared_ptr<DiskState> disk_;  // shared with the file system, which may go first
  std::string path_;
};

/// A name in its directory; the directory is null when there is none.
struct Place {
  NodePtr directory;
  std::string name;
  [[nodiscard]] NodePtr node() const {
    if (directory == nullptr) return nullptr;
    const auto found = directory->entries.find(name);
    return found == directory->entries.end() ? nullptr : found->second;
  }
};

Place place_of(const DiskState& disk, const std::string& path) {
  auto parts = parts_of(path);
  if (parts.empty()) return {};
  const std::string name = parts.back();
  parts.pop_back();
  NodePtr directory = disk.root;
  for (const std::string& part : parts) {
    const auto found = directory->entries.find(part);
    if (found == directory->entries.end()) return {};
    directory = found->second;
  }
  if (!directory->is_directory) return {};
  return {directory, name};
}

NodePtr add_node(DiskState& disk, const Place& place, std::uint64_t operation, bool is_directory) {
  const auto node = std::make_shared<Node>();
  node->is_directory = is_directory;
  node->modified_ms = disk.now_ms();
  place.directory->entries[place.name] = node;
  place.directory->directory_changes.push_back({operation, std::nullopt, place.name, node});
  return node;
}

void unlink(const Place& place, std::uint64_t operation) {
  const NodePtr node = place.node();
  place.directory->entries.erase(place.name);
  place.directory->directory_changes.push_back({operation, place.name, std::nullopt, node});
}

/// Removes a file, or a directory from its leaves up, one operation each.
base::Status remove_tree(DiskState& disk, const Place& place, const std::string& path) {
  const NodePtr node = place.node();
  if (node->is_directory) {
    const auto entries = node->entries;
    for (const auto& [name, entry] : entries) {
      MOLDAU_TRY(remove_tree(disk, {node, name}, path + "/" + name));
    }
  }
  ++disk.counts.removes;
  const auto operation = disk.begin(fmt::format("remove {}", path));
  if (!operation) return dead();
  unlink(place, *operation);
  if (disk.crashed) return dead();
  return {};
}

}  // namespace

MemoryFileSystem::MemoryFileSystem(const base::Clock* clock)
    : state_(std::make_shared<DiskState>()) {
  state_->clock = clock;
}
MemoryFileSystem::MemoryFileSystem(std::shared_ptr<DiskState> state) : state_(std::move(state)) {}
MemoryFileSystem::~MemoryFileSystem() = default;

base::Result<std::shared_ptr<storage::File>> MemoryFileSystem::open(const std::string& path,
                                                                    Open mode) {
  const Lock lock(state_->mutex);
  if (state_->crashed) return dead();
  const Place place = place_of(*state_, path);
  if (place.directory == nullptr) return not_found(path);
  NodePtr node = place.node();
  const bool may_create = mode == Open::create || mode == Open::create_new || mode == Open::direct;
  if (node != nullptr && node->is_directory) return fail(Errc::io, path + " is a directory");
  if (node != nullptr && mode == Open::create_new) return fail(Errc::already_exists, path);
  if (node == nullptr) {
    if (!may_create) return not_found(path);
    ++state_->counts.creates;
    const auto operation = state_->begin(fmt::format("create {}", path));
    node = add_node(*state_, place, *operation, false);
    if (state_->crashed) return dead();
  }
  return std::make_shared<MemoryFile>(
      state_, node, path,
      MemoryFile::Access{.writable = mode != Open::read, .direct = mode == Open::direct});
}

base::Status MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const Lock lock(state_->mutex);
  if (state_->crashed) return dead();
  const Place source = place_of(*state_, from);
  const Place target = place_of(*state_, to);
  const NodePtr node = source.node();
  if (node == nullptr || target.directory == nullptr) return not_found(from + " or " + to);
  const NodePtr replaced = target.node();
  if (replaced == node) return {};
  if (replaced != nullptr && replaced->is_directory && !replaced->entries.empty()) {
    return fail(Errc::already_exists, to);
  }
  ++state_->counts.renames;
  const auto operation = state_->begin(fmt::format("rename {} to {}", from, to));
  source.directory->entries.erase(source.name);
  target.directory->entries[target.name] = node;
  if (source.directory == target.directory) {
    source.directory->directory_changes.push_back({*operation, source.name, target.name, node});
  } else {
    source.directory->directory_changes.push_back({*operation, source.name, std::nullopt, node});
    target.directory->directory_changes.push_back({*operation, std::nullopt, target.name, node});
  }
  if (state_->crashed) return dead();
  return {};
}

base::Status MemoryFileSystem::remove(const std::string& path) {
  const Lock lock(state_->mutex);
  if (state_->crashed) return dead();
  const Place place = place_of(*state_, path);
  if (place.node() == nullptr) return not_found(path);
  if (place.node()->is_directory) return fail(Errc::io, path + " is a directory");
  return remove_tree(*state_, place, path);
}

base::Status MemoryFileSystem::remove_directory(const std::string& path) {
  const Lock lock(state_->mutex);
  if (state_->crashed) return dead();
  const Place place = place_of(*state_, path);
  if (place.node() == nullptr) return not_found(path);
  return remove_tree(*state_, place, path);
}

base::Status MemoryFileSystem::make_directory(const std::string& path) {
  const Lock lock(state_->mutex);
  if (state_->crashed) return dead();
  const NodePtr there = state_->find(path);
  if (there != nullptr) {
    return there->is_directory ? base::Status{} : fail(Errc::already_exists, path);
  }
  const Place place = place_of(*state_, path);
  if (place.directory == nullptr) return not_found(path);
  ++state_->counts.creates;
  const auto operation = state_->begin(fmt::format("make directory {}", path));
  add_node(*state_, place, *operation, true);
  if (state_->crashed) return dead();
  return {};
}

base::Status MemoryFileSystem::sync_directory(const std::string& path) {
  const Lock lock(state_->mutex);
  if (state_->crashed) return dead();
  const NodePtr node = state_->find(path);
  if (node == nullptr || !node->is_directory) return not_found(path);
  ++state_->counts.directory_syncs;
  state_->begin(fmt::format("sync directory {}", path));
  if (state_->crashed) return dead();
  if (!state_->ignore_syncs) node->sync();
  return {};
}

base::Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& path) {
  const Lock lock(state_->mutex);
  if (state_->crashed) return dead();
  const NodePtr node = state_->find(path);
  if (node == nullptr || !node->is_directory) return not_found(path);
  std::vector<std::string> names;
  for (const auto& [name, entry] : node->entries) names.push_back(name);
  return names;
}

base::Result<storage::FileInfo> MemoryFileSystem::info(const std::string& path) {
  const Lock lock(state_->mutex);
  if (state_->crashed) return dead();
  const NodePtr node = state_->find(path);
  if (node == nullptr) return not_found(path);
  return storage::FileInfo{.size = node->contents.size(),
                           .modified_ms = node->modified_ms,
                           .is_directory = node->is_directory};
}

base::Result<storage::Space> MemoryFileSystem::space(const std::string& path) {
  const Lock lock(state_->mutex);
  if (state_->crashed) return dead();
  if (state_->find(path) == nullptr) return not_found(path);
  constexpr std::uint64_t total_bytes = std::uint64_t{1} << 40;
  return storage::Space{.total_bytes = total_bytes, .available_bytes = total_bytes / 2};
}

base::Result<std::unique_ptr<storage::FileLock>> MemoryFileSystem::lock(const std::string& path) {
  MOLDAU_TRY(open(path, Open::create));
  const Lock lock(state_->mutex);
  if (!state_->locks.insert(path).second) {
    return fail(Errc::locked, fmt::format("{} is locked: the directory is in use", path));
  }
  return std::make_unique<MemoryLock>(state_, path);
}

MemoryFileSystem::Counts MemoryFileSystem::counts() const {
  const Lock lock(state_->mutex);
  return state_->counts;
}

std::uint64_t MemoryFileSystem::operations() const {
  const Lock lock(state_->mutex);
  return state_->operations;
}

void MemoryFileSystem::crash_in(std::uint64_t n) {
  const Lock lock(state_->mutex);
  MOLDAU_CHECK(n >= 1, "the next operation is number one");
  state_->crash_at = state_->operations + n;
}

bool MemoryFileSystem::crashed() const {
  const Lock lock(state_->mutex);
  return state_->crashed;
}

std::vector<std::uint64_t> MemoryFileSystem::unsynced_operations() const {
  const Lock lock(state_->mutex);
  return state_->unsynced_operations();
}

std::string MemoryFileSystem::describe(std::uint64_t operation) const {
  const Lock lock(state_->mutex);
  if (operation == 0 || operation > state_->trace.size()) return "nothing";
  return state_->trace[operation - 1];
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::after_kill() const {
  const Lock lock(state_->mutex);
  return std::make_unique<MemoryFileSystem>(state_->copy());
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::after_power_cut(
    const std::vector<std::uint64_t>& survivors) const {
  const Lock lock(state_->mutex);
  const auto survives = [&](std::uint64_t operation) {
    return std::find(survivors.begin(), survivors.end(), operation) != survivors.end();
  };
  return std::make_unique<MemoryFileSystem>(state_->cut(
      [&](const FileChange& c) { return survives(c.operation) ? c.image.size() : 0; }, survives));
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::after_power_cut(std::uint64_t seed) const {
  const Lock lock(state_->mutex);
  std::mt19937_64 engine(seed);
  const auto one_in = [&](std::uint64_t n) { return engine() % n == 0; };
  const auto unsynced = state_->unsynced_operations();
  // Everything up to here survives; what follows does with this chance, operation by operation or
  // sector by sector.
  const std::uint64_t prefix_end =
      unsynced.empty() || one_in(2) ? 0 : unsynced[engine() % unsynced.size()];
  constexpr std::uint64_t chances_percent[] = {0, 10, 50, 90, 100};
  const std::uint64_t chance = chances_percent[engine() % std::size(chances_percent)];
  const bool by_sector = one_in(2);
  std::vector<std::uint64_t> lucky;
  for (const std::uint64_t operation : unsynced) {
    if (engine() % 100 < chance) lucky.push_back(operation);
  }
  bool may_tear = one_in(4);
  const auto change_survives = [&](std::uint64_t operation) {
    if (operation <= prefix_end) return true;
    if (by_sector) return engine() % 100 < chance;
    return std::find(lucky.begin(), lucky.end(), operation) != lucky.end();
  };
  const auto sector = [&](const FileChange& change) -> std::size_t {
    if (change_survives(change.operation)) return change.image.size();
    if (!may_tear || !one_in(4)) return 0;
    may_tear = false;
    return engine() % change.image.size();
  };
  return std::make_unique<MemoryFileSystem>(state_->cut(sector, change_survives));
}

void MemoryFileSystem::fail_reads(const std::string& path, std::uint64_t position,
                                  std::uint64_t size) {
  const Lock lock(state_->mutex);
  const NodePtr node = state_->find(path);
  MOLDAU_CHECK(node != nullptr, "the file exists");
  state_->read_errors.push_back({node.get(), position, position + size});
}

void MemoryFileSystem::clear_read_errors() {
  const Lock lock(state_->mutex);
  state_->read_errors.clear();
}

void MemoryFileSystem::flip_bit(const std::string& path, std::uint64_t position, int bit) {
  const Lock lock(state_->mutex);
  const NodePtr node = state_->find(path);
  MOLDAU_CHECK(node != nullptr && position < node->contents.size(), "the byte exists");
  const auto mask = static_cast<std::uint8_t>(1 << bit);
  node->contents[position] ^= mask;
  if (position < node->durable.size()) node->durable[position] ^= mask;
}

void MemoryFileSystem::ignore_syncs(bool ignore) {
  const Lock lock(state_->mutex);
  state_->ignore_syncs = ignore;
}

void for_each_power_cut(const MemoryFileSystem& fs, const CrashOptions& options,
                        const CrashCheck& check) {
  const auto unsynced = fs.unsynced_operations();
  const std::string where = fmt::format("operation {} ({})", fs.operations(),
                                        fs.describe(fs.operations()));
  const bool exhaustive = unsynced.size() <= options.exhaustive_operations_max;
  const std::uint64_t subsets = exhaustive ? std::uint64_t{1} << unsynced.size() : 2;
  for (std::uint64_t subset = 0; subset < subsets; ++subset) {
    std::vector<std::uint64_t> survivors;
    for (std::size_t i = 0; i < unsynced.size(); ++i) {
      const bool chosen = exhaustive ? (subset >> i & 1) != 0 : subset == 1;  // none, or all
      if (chosen) survivors.push_back(unsynced[i]);
    }
    const auto left = fs.after_power_cut(survivors);
    check(*left, fmt::format("power cut in {}, of {} unsynced operations survive {{{}}}", where,
                             unsynced.size(), fmt::join(survivors, ",")));
  }
  if (unsynced.empty()) return;
  for (std::uint64_t i = 0; i < options.samples; ++i) {
    const std::uint64_t seed = options.seed + i * 1'000'003 + fs.operations();
    const auto left = fs.after_power_cut(seed);
    check(*left, fmt::format("power cut in {}, seed {}", where, seed));
  }
}

std::uint64_t for_each_crash(const CrashOptions& options,
                             const std::function<void(MemoryFileSystem&)>& work,
                             const CrashCheck& check) {
  for (std::uint64_t point = 1;; point += options.stride) {
    MemoryFileSystem fs;
    fs.crash_in(point);
    work(fs);
    const bool ran_through = !fs.crashed();
    for_each_power_cut(fs, options, check);
    const auto killed = fs.after_kill();
    check(*killed, fmt::format("killed in operation {} ({})", fs.operations(),
                               fs.describe(fs.operations())));
    if (ran_through) return point;
  }
}

}  // namespace moldau::support
