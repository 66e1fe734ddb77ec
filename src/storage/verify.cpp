#include "moldau/storage/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "batch_scanner.hpp"
#include "checkpoint.hpp"
#include "directory_files.hpp"
#include "file_names.hpp"
#include "lane_reader.hpp"
#include "leader_epochs.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"
#include "offset_checkpoint.hpp"
#include "offset_index.hpp"
#include "producer_state.hpp"
#include "time_index.hpp"
#include "txn_index.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

namespace {

constexpr std::size_t scan_window_bytes = 1024 * 1024;
constexpr std::string_view offsets_topic = "__consumer_offsets-";

/// What is left to compare of a batch once its segment was read.
struct SeenBatch {
  std::uint64_t position = 0;
  Offset last{};
  std::int64_t max_timestamp_ms = -1;
};

/// One log's files.
class LogVerifier {
 public:
  /// `known`: what a checkpoint says of the log, when the directory was not stopped in order.
  LogVerifier(FileSystem& fs, std::string root, std::string name, const LogState* known, VerifyReport& report)
      : fs_(fs),
        root_(std::move(root)),
        name_(std::move(name)),
        known_(known),
        report_(report),
        has_coordinators_batches_(name_.starts_with(offsets_topic)) {}

  base::Status run() {
    MOLDAU_ASSIGN(const auto names, fs_.list(file_names::join(root_, name_)));
    std::vector<Offset> bases;
    for (const auto& name : names)
      if (const auto base = file_names::parse_offset(name, file_names::log_suffix)) bases.push_back(*base);
    std::sort(bases.begin(), bases.end());
    if (known_ != nullptr && known_->segment.base >= Offset{0} &&
        std::find(bases.begin(), bases.end(), known_->segment.base) == bases.end())
      damage(file_of(known_->segment.base, file_names::log_suffix), {}, {}, "the file is missing");
    log_.first = log_.end = bases.empty() ? Offset{0} : bases.front();
    for (std::size_t i = 0; i < bases.size(); ++i) {
      // What a crash left behind the checkpoint is cut off and comes from the lane.
      if (known_ != nullptr && bases[i] > known_->segment.base) break;
      MOLDAU_TRY(segment(bases[i], i + 1 < bases.size() ? std::optional(bases[i + 1]) : std::nullopt));
    }
    for (const auto& name : names) MOLDAU_TRY(other_file(name));
    return {};
  }
  VerifiedLog& log() { return log_; }

 private:
  base::Status segment(Offset base, std::optional<Offset> next) {
    const auto name = file_of(base, file_names::log_suffix);
    MOLDAU_ASSIGN(const auto file, fs_.open(path_of(name), FileSystem::Open::read));
    MOLDAU_ASSIGN(std::uint64_t size, file->size());
    const bool is_active = known_ != nullptr && base == known_->segment.base;
    if (is_active && size < known_->segment.size)
      damage(name, size, {}, fmt::format("the file ends here; {} bytes were synced", known_->segment.size));
    if (is_active) size = std::min(size, known_->segment.size);
    ++log_.segments;
    log_.bytes += size;
    batches_.clear();
    aborted_.clear();
    BatchScanner scanner(*file, 0, size, true, scan_window_bytes);
    for (;;) {
      MOLDAU_ASSIGN(const auto step, scanner.next());
      if (step == BatchScanner::Step::end) break;
      if (step != BatchScanner::Step::batch) {
        const std::string what = "no whole batch is here, or its offsets do not rise";
        const bool is_torn_end = !report_.orderly && known_ == nullptr && !next;
        if (is_torn_end)
          derived(name, what + ": a torn end, which a start cuts off");
        else
          damage(name, scanner.position(), log_.end, what);
        break;
      }
      MOLDAU_ASSIGN(const auto bytes, scanner.batch_bytes());
      batch(name, base, next, scanner, *bytes);
    }
    if (next && log_.end > *next)
      damage(name, {}, *next, "the next segment begins below the end of this one");
    MOLDAU_TRY(offset_index(base, next.has_value()));
    MOLDAU_TRY(time_index(base, next.has_value()));
    return txn_index(base);
  }

  void batch(const std::string& name, Offset base, std::optional<Offset> next, const BatchScanner& scanner,
             base::ByteView bytes) {
    const BatchHeader& header = scanner.header();
    const auto at = scanner.position();
    batches_.push_back({at, header.last_offset, header.max_timestamp_ms});
    ++log_.batches;
    const auto view = record::BatchView::parse(bytes, record::BatchView::Check::crc);
    if (!view) {
      damage(name, at, header.base_offset, view.error().message);
      log_.end = std::max(log_.end, header.next_offset());
      return;
    }
    log_.records += static_cast<std::uint64_t>(view->record_count());
    if (header.base_offset < log_.end || header.base_offset < base || (next && header.last_offset >= *next))
      damage(name, at, header.base_offset, fmt::format("the offset does not follow {}", log_.end.value()));
    if (header.base_offset > log_.end) has_gaps_ = true;
    if (header.leader_epoch < epoch_)
      damage(name, at, header.base_offset,
             fmt::format("leader epoch {} follows {}", header.leader_epoch.value(), epoch_.value()));
    epoch_ = std::max(epoch_, header.leader_epoch);
    sequence(name, at, header);
    if (const auto facts = ProducerFacts::of(bytes, header); facts && *facts) {
      const auto completed = producers_.apply(**facts);
      if (completed && completed->aborted) aborted_.push_back(completed->entry);
    } else if (!facts) {
      damage(name, at, header.base_offset, facts.error().message);
    }
    log_.end = header.next_offset();
  }

  /// A producer's batches follow each other, unless offsets are missing: compaction may have taken one. What a
  /// coordinator writes in a producer's name has no numbers.
  void sequence(const std::string& name, std::uint64_t at, const BatchHeader& header) {
    if (!header.has_producer() || header.is_control() || has_coordinators_batches_) return;
    auto& [epoch, last] = sequences_.try_emplace(header.producer_id, header.producer_epoch, -1).first->second;
    const std::int64_t wanted = (static_cast<std::int64_t>(last) + 1) & 0x7FFFFFFF;
    if (!has_gaps_ && epoch == header.producer_epoch && last >= 0 && header.base_sequence != wanted)
      damage(name, at, header.base_offset,
             fmt::format("producer {} epoch {}: sequence {} follows {}", header.producer_id.value(), epoch.value(),
                         header.base_sequence, last));
    epoch = header.producer_epoch;
    last = header.last_sequence();
  }

  /// The entries of an index file, without the zeros that Kafka reserves behind them; nullopt: it is not there.
  template <class Format>
  base::Result<std::optional<std::vector<typename Format::Entry>>> entries_of(const std::string& name, bool is_closed) {
    using Entries = std::vector<typename Format::Entry>;
    const auto bytes = read_whole(fs_, path_of(name));
    if (!bytes && bytes.error().code == Errc::not_found) return std::optional<Entries>{};
    if (!bytes) return bytes.error();
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes->data());
    Entries entries;
    for (std::size_t at = 0; at + Format::bytes <= bytes->size(); at += Format::bytes) {
      const bool is_reserved = std::all_of(data + at, data + at + Format::bytes, [](std::uint8_t b) { return b == 0; });
      if (!is_closed && is_reserved && at > 0) break;
      entries.push_back(Format::decode(data + at));
    }
    if (is_closed && bytes->size() % Format::bytes != 0) derived(name, "the file ends within an entry");
    return std::optional<Entries>{std::move(entries)};
  }

  base::Status offset_index(Offset base, bool is_closed) {
    const auto name = file_of(base, file_names::index_suffix);
    MOLDAU_ASSIGN(const auto entries, entries_of<OffsetIndexFormat>(name, is_closed));
    if (!entries || is_crashed()) return {};
    for (const auto& entry : *entries) {
      const auto place = std::lower_bound(batches_.begin(), batches_.end(), entry.position,
                                          [](const SeenBatch& b, std::uint64_t at) { return b.position < at; });
      const bool fits = place != batches_.end() && place->position == entry.position &&
                        place->last == base + entry.relative_offset;
      if (!fits)
        return derived(name, fmt::format("no batch ends with offset {} at byte {}",
                                         (base + entry.relative_offset).value(), entry.position));
    }
    return {};
  }

  base::Status time_index(Offset base, bool is_closed) {
    const auto name = file_of(base, file_names::time_index_suffix);
    MOLDAU_ASSIGN(const auto entries, entries_of<TimeIndexFormat>(name, is_closed));
    if (!entries || is_crashed()) return {};
    std::int64_t before = -1;
    for (const auto& entry : *entries) {
      const auto last = base + entry.relative_offset;
      const auto place = std::lower_bound(batches_.begin(), batches_.end(), last,
                                          [](const SeenBatch& b, Offset at) { return b.last < at; });
      const bool is_empty_segments = batches_.empty() && entry.relative_offset == 0;
      if (entry.timestamp_ms < before || (!is_empty_segments && (place == batches_.end() ||
                                                                 place->max_timestamp_ms < entry.timestamp_ms)))
        return derived(name, fmt::format("no batch up to offset {} has timestamp {}", last.value(),
                                         entry.timestamp_ms));
      before = entry.timestamp_ms;
    }
    return {};
  }

  /// Every aborted transaction whose batches are here has to be in it: who reads would take them for committed.
  base::Status txn_index(Offset base) {
    const auto name = file_of(base, file_names::txn_index_suffix);
    const auto bytes = read_whole(fs_, path_of(name));
    if (!bytes && bytes.error().code != Errc::not_found) return bytes.error();
    if (is_crashed()) return {};
    std::uint64_t size = 0;
    if (bytes) size = bytes->size();
    const auto index = TxnIndex::load(
        fs_, path_of(name), size == 0 ? TxnIndexFacts{} : TxnIndexFacts{TxnIndexFacts::Kind::as_found}, base, log_.end);
    if (!index && index.error().code != Errc::damaged) return index.error();
    if (!index) return derived(name, index.error().message);
    std::vector<TxnIndexEntry> listed;
    index->collect(Offset{0}, log_.end, listed);
    for (const auto& txn : aborted_)
      if (std::none_of(listed.begin(), listed.end(), [&](const TxnIndexEntry& entry) {
            return entry.producer_id == txn.producer_id && entry.last_offset == txn.last_offset;
          }))
        return derived(name, fmt::format("the aborted transaction of producer {} at offset {} is not in it",
                                         txn.producer_id.value(), txn.first_offset.value()));
    return {};
  }

  base::Status other_file(const std::string& name) {
    const auto check = [&](auto decode) -> base::Status {
      const auto bytes = read_whole(fs_, path_of(name));
      if (!bytes) return bytes.error();
      if (const auto decoded = decode(bytes.value()); !decoded) return derived(name, decoded.error().message);
      return {};
    };
    if (name == file_names::leader_epochs) return check([](const auto& text) { return decode_leader_epochs(text); });
    if (name == file_names::partition_metadata) {
      const auto text = read_whole(fs_, path_of(name));
      if (!text) return text.error();
      if (const auto id = decode_partition_metadata(*text); !id) damage(name, {}, {}, id.error().message);
      return {};
    }
    // Those above the checkpoint are not believed.
    if (const auto at = file_names::parse_offset(name, file_names::snapshot_suffix); at && !is_crashed())
      return check([](const auto& bytes) { return ProducerState::decode_snapshot(bytes); });
    return {};
  }

  /// Derived files of a directory that was not stopped in order are checked by the start that uses them.
  [[nodiscard]] bool is_crashed() const { return !report_.orderly; }
  [[nodiscard]] static std::string file_of(Offset base, std::string_view suffix) {
    return fmt::format("{:020}{}", base.value(), suffix);
  }
  [[nodiscard]] std::string path_of(const std::string& name) const {
    return file_names::join(file_names::join(root_, name_), name);
  }
  void damage(const std::string& file, std::optional<std::uint64_t> position, std::optional<Offset> offset,
              std::string what) {
    report_.problems.push_back(
        {VerifyProblem::Kind::damage, file_names::join(name_, file), position, offset, std::move(what)});
  }
  base::Status derived(const std::string& file, std::string what) {
    report_.problems.push_back(
        {VerifyProblem::Kind::derived, file_names::join(name_, file), {}, {}, std::move(what)});
    return {};
  }

  FileSystem& fs_;
  const std::string root_;
  const std::string name_;
  const LogState* known_;
  VerifyReport& report_;
  const bool has_coordinators_batches_;
  VerifiedLog log_;
  LeaderEpoch epoch_ = no_leader_epoch;
  bool has_gaps_ = false;
  ProducerState producers_;
  std::unordered_map<ProducerId, std::pair<ProducerEpoch, std::int32_t>> sequences_;
  std::vector<SeenBatch> batches_;      // of the segment
  std::vector<TxnIndexEntry> aborted_;  // whose marker is in the segment
};

class DirectoryVerifier {
 public:
  DirectoryVerifier(FileSystem& fs, std::string path, const std::function<void(const TopicPartition&)>& on_log)
      : fs_(fs), path_(std::move(path)), on_log_(on_log) {}

  base::Result<VerifyReport> run() {
    MOLDAU_ASSIGN(const auto names, fs_.list(path_));
    const auto has = [&](std::string_view name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (!has(file_names::meta_properties))
      return fail(Errc::foreign_directory,
                  fmt::format("{} has no {}: it is no log directory of a broker", path_, file_names::meta_properties));
    std::unique_ptr<FileLock> lock;
    if (has(file_names::lock)) {
      auto locked = fs_.lock(file_names::join(path_, file_names::lock));
      if (!locked) return locked.error();
      lock = std::move(locked).value();
    }
    report_.orderly = has(file_names::clean_shutdown);
    MOLDAU_TRY(root_files(names));
    MOLDAU_TRY(lane());
    for (const auto& name : names) {
      const auto partition = file_names::parse_partition(name);
      if (!partition) continue;
      MOLDAU_ASSIGN(const auto info, fs_.info(file_names::join(path_, name)));
      if (!info.is_directory) continue;
      if (on_log_) on_log_(*partition);
      const auto* known = state_of(*partition);
      // Made since the checkpoint: a start makes it anew out of the lane.
      if (checkpoint_ && known == nullptr && partition->topic != file_names::metadata_topic) continue;
      LogVerifier verifier(fs_, path_, name, known, report_);
      MOLDAU_TRY(verifier.run());
      verifier.log().name = *partition;
      report_.logs.push_back(verifier.log());
    }
    return std::move(report_);
  }

 private:
  base::Status root_files(const std::vector<std::string>& names) {
    for (const auto& name : names) {
      const bool is_offsets = name == file_names::recovery_points || name == file_names::high_watermarks ||
                              name == file_names::log_starts || name == file_names::cleaner_offsets;
      if (name != file_names::meta_properties && !is_offsets) continue;
      const auto text = read_whole(fs_, file_names::join(path_, name));
      if (!text) return text.error();
      if (is_offsets) {
        if (const auto offsets = decode_offset_checkpoint(*text); !offsets)
          problem(VerifyProblem::Kind::derived, name, offsets.error().message);
      } else if (const auto identity = decode_meta_properties(*text); !identity) {
        problem(VerifyProblem::Kind::damage, name, identity.error().message);
      }
    }
    return {};
  }

  base::Status lane() {
    if (report_.orderly) return {};
    const auto own = file_names::join(path_, file_names::own_directory);
    const auto bytes = read_whole(fs_, file_names::join(own, file_names::own_checkpoint));
    if (!bytes && bytes.error().code == Errc::not_found) return {};  // Kafka's, or not begun
    if (!bytes) return bytes.error();
    const auto name = file_names::join(file_names::own_directory, file_names::own_checkpoint);
    auto decoded = decode_checkpoint(*bytes);
    if (!decoded) {
      problem(VerifyProblem::Kind::damage, name, decoded.error().message);
      return {};
    }
    checkpoint_ = std::move(decoded).value();
    const auto end = read_lane(fs_, own, static_cast<int>(checkpoint_->lane_files), checkpoint_->incarnation,
                               checkpoint_->replay_from, [&](const LaneRecord&) -> base::Status {
                                 ++report_.lane_entries;
                                 return {};
                               });
    if (!end && end.error().code == Errc::io) return end.error();
    if (!end) problem(VerifyProblem::Kind::damage, std::string(file_names::own_directory), end.error().message);
    for (const auto& [id, state] : checkpoint_->logs) states_[state.name] = &state;
    return {};
  }

  [[nodiscard]] const LogState* state_of(const TopicPartition& name) const {
    const auto place = states_.find(name);
    return place == states_.end() ? nullptr : place->second;
  }
  void problem(VerifyProblem::Kind kind, std::string file, std::string what) {
    report_.problems.push_back({kind, std::move(file), {}, {}, std::move(what)});
  }

  FileSystem& fs_;
  const std::string path_;
  const std::function<void(const TopicPartition&)>& on_log_;
  VerifyReport report_;
  std::optional<Checkpoint> checkpoint_;
  std::map<TopicPartition, const LogState*> states_;
};

}  // namespace

bool VerifyReport::is_damaged() const {
  return std::any_of(problems.begin(), problems.end(),
                     [](const VerifyProblem& problem) { return problem.kind == VerifyProblem::Kind::damage; });
}

base::Result<VerifyReport> verify_directory(FileSystem& fs, const std::string& path,
                                            const std::function<void(const TopicPartition&)>& on_log) {
  return DirectoryVerifier(fs, path, on_log).run();
}

}  // namespace moldau::storage
