#include "producer_load.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "file_names.hpp"
#include "moldau/base/log.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

base::Status apply_batches(Segment& segment, Offset from, Offset end, ProducerState& state,
                           const std::function<void(const CompletedTransaction&)>& completed) {
  MOLDAU_ASSIGN(const auto first, segment.locate(from, true));
  if (!first.found) return {};
  MOLDAU_TRY(segment.verify(first.position, segment.size(), true));
  MOLDAU_ASSIGN(auto scanner, segment.scan(first.position));
  for (;;) {
    MOLDAU_ASSIGN(const auto step, scanner.next());
    if (step == BatchScanner::Step::corrupt)
      return fail(Errc::damaged, fmt::format("{} has no batch at byte {}",
                                             segment.path(file_names::log_suffix), scanner.position()));
    if (step != BatchScanner::Step::batch || scanner.header().base_offset >= end) return {};
    if (!scanner.header().has_producer() || scanner.header().base_offset < from) continue;
    MOLDAU_ASSIGN(const auto bytes, scanner.batch_bytes());
    MOLDAU_ASSIGN(const auto facts, ProducerFacts::of(*bytes, scanner.header()));
    if (!facts) continue;
    const auto done = state.apply(*facts);
    if (done && completed) completed(*done);
  }
}

base::Result<ProducerState> load_producers(FileSystem& fs, const std::string& directory,
                                           const std::vector<std::shared_ptr<Segment>>& segments,
                                           Offset end, bool clean) {
  ProducerState state;
  Offset from{0};
  MOLDAU_ASSIGN(const auto names, fs.list(directory));
  std::vector<Offset> snapshots;
  for (const auto& name : names)
    if (const auto at = file_names::parse_offset(name, file_names::snapshot_suffix); at && *at <= end)
      snapshots.push_back(*at);
  if (clean && snapshots.empty()) return state;
  std::sort(snapshots.rbegin(), snapshots.rend());
  for (const Offset at : snapshots) {
    const auto path = file_names::of_offset(directory, at, file_names::snapshot_suffix);
    MOLDAU_ASSIGN(const auto bytes, read_whole(fs, path));
    auto decoded = ProducerState::decode_snapshot(bytes);
    if (decoded) {
      state = std::move(decoded).value();
      from = at;
      break;
    }
    log::warn("storage.snapshot_dropped", "{}: {}", path, decoded.error().message);
  }
  for (const auto& segment : segments)
    if (segment->end_offset() > from && segment->base_offset() < end)
      MOLDAU_TRY(apply_batches(*segment, from, end, state));
  return state;
}

}  // namespace moldau::storage
