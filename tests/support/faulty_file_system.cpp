#include "tests/support/faulty_file_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <optional>

namespace moldau::support {

using base::ByteView;
using base::Errc;
using base::MutableByteView;
using Operation = FaultyFileSystem::Operation;

struct FaultyFileSystem::Faults {
  struct Rule {
    Operation operation;
    std::uint64_t at;  // of count
    bool and_later;
    Errc code;
    std::optional<std::size_t> bytes_written;  // a write cut short
  };
  mutable std::mutex mutex;
  std::array<std::uint64_t, operation_kinds> counts{};
  std::vector<Rule> rules;
  std::optional<std::uint64_t> bytes_left;
  std::string part;
  std::uint64_t failures = 0;

  std::uint64_t& count_of(Operation operation) {
    return counts[static_cast<std::size_t>(operation)];
  }
  [[nodiscard]] bool concerns(const std::string& path) const {
    return path.find(part) != std::string::npos;
  }
  void add(Operation operation, std::uint64_t n, Rule rule) {
    const std::lock_guard lock(mutex);
    rule.at = count_of(operation) + n;
    rules.push_back(rule);
  }
  /// Counts the operation, and returns the rule that makes it fail.
  std::optional<Rule> count(Operation operation, const std::string& path) {
    const std::lock_guard lock(mutex);
    if (!concerns(path)) return std::nullopt;
    const std::uint64_t number = ++count_of(operation);
    for (const Rule& rule : rules) {
      const bool hit = rule.and_later ? number >= rule.at : number == rule.at;
      if (rule.operation != operation || !hit) continue;
      ++failures;
      return rule;
    }
    return std::nullopt;
  }
  /// Takes room for `growth` bytes; returns how many there are.
  std::uint64_t take_room(std::uint64_t growth, const std::string& path) {
    const std::lock_guard lock(mutex);
    if (!bytes_left || !concerns(path)) return growth;
    const std::uint64_t taken = std::min(growth, *bytes_left);
    *bytes_left -= taken;
    if (taken < growth) ++failures;
    return taken;
  }
};

namespace {

base::Error made_to_fail(Errc code, const std::string& path) {
  return base::fail(code, fmt::format("{}: made to fail", path));
}

/// The first `size` bytes of `parts`.
std::vector<ByteView> first_bytes(const std::vector<ByteView>& parts, std::uint64_t size) {
  std::vector<ByteView> kept;
  for (const ByteView part : parts) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(part.size(), size));
    kept.push_back(part.first(taken));
    size -= taken;
  }
  return kept;
}

std::uint64_t size_of(const std::vector<ByteView>& parts) {
  std::uint64_t size = 0;
  for (const ByteView part : parts) size += part.size();
  return size;
}

/// Thread rule: as the file inside.
class FaultyFile final : public storage::File {
 public:
  FaultyFile(std::shared_ptr<storage::File> inner, std::string path,
             std::shared_ptr<FaultyFileSystem::Faults> faults)
      : inner_(std::move(inner)), path_(std::move(path)), faults_(std::move(faults)) {}

  /// None: sendfile() would go around the faults.
  [[nodiscard]] int descriptor() const override { return -1; }

  std::int64_t read_at(std::uint64_t position, MutableByteView out) const override {
    if (faults_->count(Operation::read, path_)) return -EIO;
    return inner_->read_at(position, out);
  }
  base::Result<std::size_t> read(std::uint64_t position, MutableByteView out) const override {
    MOLDAU_TRY(allowed(Operation::read));
    return inner_->read(position, out);
  }
  base::Result<std::size_t> read_cached(std::uint64_t position,
                                        MutableByteView out) const override {
    MOLDAU_TRY(allowed(Operation::read));
    return inner_->read_cached(position, out);
  }

  base::Status write(std::uint64_t position, const std::vector<ByteView>& parts) override {
    if (const auto rule = faults_->count(Operation::write, path_)) {
      if (rule->bytes_written) {
        MOLDAU_TRY(inner_->write(position, first_bytes(parts, *rule->bytes_written)));
      }
      return made_to_fail(rule->code, path_);
    }
    MOLDAU_ASSIGN(const std::uint64_t size_before, inner_->size());
    const std::uint64_t end = position + size_of(parts);
    const std::uint64_t growth = end > size_before ? end - size_before : 0;
    const std::uint64_t room = faults_->take_room(growth, path_);
    if (room == growth) return inner_->write(position, parts);
    const std::uint64_t end_that_fits = size_before + room;
    if (end_that_fits > position) {
      MOLDAU_TRY(inner_->write(position, first_bytes(parts, end_that_fits - position)));
    }
    return made_to_fail(Errc::no_space, path_);
  }
  using File::write;

  base::Status sync() override {
    MOLDAU_TRY(allowed(Operation::sync));
    return inner_->sync();
  }
  base::Status start_writeback(std::uint64_t position, std::uint64_t size) override {
    MOLDAU_TRY(allowed(Operation::writeback));
    return inner_->start_writeback(position, size);
  }
  base::Result<std::uint64_t> size() const override { return inner_->size(); }
  base::Status truncate(std::uint64_t size) override {
    MOLDAU_TRY(allowed(Operation::truncate));
    return inner_->truncate(size);
  }
  base::Status reserve(std::uint64_t position, std::uint64_t size) override {
    MOLDAU_TRY(allowed(Operation::reserve));
    MOLDAU_ASSIGN(const std::uint64_t size_before, inner_->size());
    const std::uint64_t end = position + size;
    if (end > size_before && !fits(end - size_before)) {
      return made_to_fail(Errc::no_space, path_);
    }
    return inner_->reserve(position, size);
  }

 private:
  [[nodiscard]] base::Status allowed(Operation operation) const {
    const auto rule = faults_->count(operation, path_);
    if (rule) return made_to_fail(rule->code, path_);
    return {};
  }
  [[nodiscard]] bool fits(std::uint64_t growth) const {
    const std::lock_guard lock(faults_->mutex);
    return !faults_->bytes_left || !faults_->concerns(path_) || growth <= *faults_->bytes_left;
  }

  std::shared_ptr<storage::File> inner_;  // shared with whoever else has it open
  std::string path_;
  std::shared_ptr<FaultyFileSystem::Faults> faults_;  // shared with the file system
};

}  // namespace

FaultyFileSystem::FaultyFileSystem(storage::FileSystem& inner)
    : inner_(inner), faults_(std::make_shared<Faults>()) {}
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::fail(Operation operation, std::uint64_t n, Errc code) {
  faults_->add(operation, n, {operation, 0, false, code, std::nullopt});
}
void FaultyFileSystem::fail_from(Operation operation, std::uint64_t n, Errc code) {
  faults_->add(operation, n, {operation, 0, true, code, std::nullopt});
}
void FaultyFileSystem::cut_write(std::uint64_t n, std::size_t bytes, Errc code) {
  faults_->add(Operation::write, n, {Operation::write, 0, false, code, bytes});
}
void FaultyFileSystem::set_bytes_left(std::uint64_t bytes) {
  const std::lock_guard lock(faults_->mutex);
  faults_->bytes_left = bytes;
}
void FaultyFileSystem::only_paths_with(std::string part) {
  const std::lock_guard lock(faults_->mutex);
  faults_->part = std::move(part);
}
void FaultyFileSystem::heal() {
  const std::lock_guard lock(faults_->mutex);
  faults_->rules.clear();
  faults_->bytes_left.reset();
}
std::uint64_t FaultyFileSystem::count(Operation operation) const {
  const std::lock_guard lock(faults_->mutex);
  return faults_->count_of(operation);
}
std::uint64_t FaultyFileSystem::failures() const {
  const std::lock_guard lock(faults_->mutex);
  return faults_->failures;
}

base::Result<std::shared_ptr<storage::File>> FaultyFileSystem::open(const std::string& path,
                                                                    Open mode) {
  if (const auto rule = faults_->count(Operation::open, path)) {
    return made_to_fail(rule->code, path);
  }
  MOLDAU_ASSIGN(auto file, inner_.open(path, mode));
  return std::make_shared<FaultyFile>(std::move(file), path, faults_);
}
base::Status FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  if (const auto rule = faults_->count(Operation::rename, from)) {
    return made_to_fail(rule->code, from);
  }
  return inner_.rename(from, to);
}
base::Status FaultyFileSystem::remove(const std::string& path) {
  if (const auto rule = faults_->count(Operation::remove, path)) {
    return made_to_fail(rule->code, path);
  }
  return inner_.remove(path);
}
base::Status FaultyFileSystem::remove_directory(const std::string& path) {
  if (const auto rule = faults_->count(Operation::remove_directory, path)) {
    return made_to_fail(rule->code, path);
  }
  return inner_.remove_directory(path);
}
base::Status FaultyFileSystem::make_directory(const std::string& path) {
  if (const auto rule = faults_->count(Operation::make_directory, path)) {
    return made_to_fail(rule->code, path);
  }
  return inner_.make_directory(path);
}
base::Status FaultyFileSystem::sync_directory(const std::string& path) {
  if (const auto rule = faults_->count(Operation::sync_directory, path)) {
    return made_to_fail(rule->code, path);
  }
  return inner_.sync_directory(path);
}
base::Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& path) {
  if (const auto rule = faults_->count(Operation::list, path)) {
    return made_to_fail(rule->code, path);
  }
  return inner_.list(path);
}
base::Result<storage::FileInfo> FaultyFileSystem::info(const std::string& path) {
  if (const auto rule = faults_->count(Operation::info, path)) {
    return made_to_fail(rule->code, path);
  }
  return inner_.info(path);
}
base::Result<storage::Space> FaultyFileSystem::space(const std::string& path) {
  if (const auto rule = faults_->count(Operation::space, path)) {
    return made_to_fail(rule->code, path);
  }
  MOLDAU_ASSIGN(storage::Space space, inner_.space(path));
  const std::lock_guard lock(faults_->mutex);
  if (faults_->bytes_left) space.available_bytes = *faults_->bytes_left;
  return space;
}
base::Result<std::unique_ptr<storage::FileLock>> FaultyFileSystem::lock(const std::string& path) {
  if (const auto rule = faults_->count(Operation::lock, path)) {
    return made_to_fail(rule->code, path);
  }
  return inner_.lock(path);
}

}  // namespace moldau::support
