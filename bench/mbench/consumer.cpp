#include "consumer.hpp"

#include <algorithm>
#include <stdexcept>

#include "admin.hpp"

namespace moldau::mbench {
namespace {

constexpr std::int16_t session_not_found = 70, session_epoch_invalid = 71;
// Enough for a batch's header and its first record up to the stamp.
constexpr std::size_t first_record_bytes = 64;

std::size_t used(const Reader& reader, const std::uint8_t* data) {
  return reader.ok() ? static_cast<std::size_t>(reader.at() - data) : 0;
}

}  // namespace

Consumer::Consumer(Loop& loop, const FetchSpec& spec, std::vector<Position> positions)
    : Connection(loop, spec.endpoint),
      spec_(spec),
      positions_(std::move(positions)),
      named_at_(positions_.size(), -1) {
  for (std::size_t i = 0; i < positions_.size(); ++i) {
    const auto partition = static_cast<std::size_t>(positions_[i].partition);
    if (index_of_.size() <= partition) index_of_.resize(partition + 1);
    index_of_[partition] = i;
  }
}

void Consumer::send_fetch() {
  Writer out = request_head(api_fetch, 12, ++correlation_);
  out.be(std::int32_t{-1}).be(spec_.max_wait_ms).be(std::int32_t{1}).be(spec_.max_bytes);
  out.be(static_cast<std::int8_t>(spec_.committed_only ? 1 : 0)).be(session_id_).be(spec_.session ? session_epoch_ : std::int32_t{-1});
  const bool all = !spec_.session || session_epoch_ == 0;
  std::vector<std::size_t> named;
  done_ = true;
  for (std::size_t i = 0; i < positions_.size(); ++i) {
    const bool finished = positions_[i].next >= positions_[i].end;
    done_ = done_ && finished;
    if (all ? !finished : named_at_[i] != positions_[i].next) named.push_back(i);
  }
  if (done_ || stopped_) return;
  out.compact_array(named.empty() ? 0 : 1);
  if (!named.empty()) {
    out.compact_string(spec_.topic).compact_array(named.size());
    for (const std::size_t i : named) {
      out.be(positions_[i].partition).be(std::int32_t{-1}).be(positions_[i].next);
      out.be(std::int32_t{-1}).be(std::int64_t{-1}).be(spec_.partition_max_bytes).no_tags();
      named_at_[i] = positions_[i].next;
    }
    out.no_tags();
  }
  out.compact_array(0).compact_string("").no_tags();
  finish_frame(out.bytes());
  request_ = std::move(out.bytes());
  queue(request_.data(), request_.size());
  flush();
}

std::size_t Consumer::on_data(const std::uint8_t* data, std::size_t size) {
  const std::int64_t now = now_ns();
  std::size_t at = 0;
  while (at < size && open()) {
    if (skip_left_ > 0) {
      at += pass_over(data + at, size - at);
      continue;
    }
    const std::size_t taken = step(data + at, size - at, now);
    if (taken == 0 && skip_left_ == 0) break;
    at += taken;
  }
  tally_.wire_bytes += at;
  return at;
}

std::size_t Consumer::step(const std::uint8_t* data, std::size_t size, std::int64_t now) {
  const Reader reader(data, size);
  switch (expect_) {
    case Expect::head:
      return head(reader, data);
    case Expect::topic:
      return topic(reader, data);
    case Expect::partition:
      return partition(reader, data);
    case Expect::batch:
      return batch(data, size, now);
    case Expect::tail:
      return tail(reader, data);
    case Expect::end:
      return end(reader, data);
  }
  return 0;
}

std::size_t Consumer::head(Reader reader, const std::uint8_t* data) {
  reader.be<std::int32_t>();
  const auto correlation = reader.be<std::int32_t>();
  reader.tags();
  reader.be<std::int32_t>();
  const auto error = reader.be<std::int16_t>();
  const auto session_id = reader.be<std::int32_t>();
  const std::size_t topics = reader.compact_size();
  if (!reader.ok()) return 0;
  if (correlation != correlation_) throw std::runtime_error("an answer to another fetch");
  if (topics > 1) throw std::runtime_error("more topics than were asked for");
  if (error != 0) fetch_error(error);
  if (error == 0 && spec_.session && session_epoch_ == 0) session_id_ = session_id;
  if (error == 0 && spec_.session && session_id_ != 0) ++session_epoch_;
  expect_ = topics == 1 ? Expect::topic : Expect::end;
  return used(reader, data);
}

std::size_t Consumer::topic(Reader reader, const std::uint8_t* data) {
  reader.compact_string();
  const std::size_t partitions = reader.compact_size();
  if (partitions == 0) reader.tags();
  if (!reader.ok()) return 0;
  partitions_left_ = partitions;
  expect_ = partitions == 0 ? Expect::end : Expect::partition;
  return used(reader, data);
}

std::size_t Consumer::partition(Reader reader, const std::uint8_t* data) {
  const auto index = static_cast<std::size_t>(reader.be<std::int32_t>());
  const auto error = reader.be<std::int16_t>();
  for (int offsets = 0; offsets < 3; ++offsets) reader.be<std::int64_t>();
  std::uint64_t named_aborted = 0;
  for (std::size_t aborted = reader.compact_size(); aborted > 0 && reader.ok(); --aborted) {
    reader.skip(16);
    reader.tags();
    ++named_aborted;
  }
  reader.be<std::int32_t>();
  const std::size_t records = reader.compact_size();
  if (!reader.ok()) return 0;
  if (index >= index_of_.size()) throw std::runtime_error("a partition that was not asked for");
  if (error != 0) partition_error(error);
  tally_.aborted += named_aborted;
  current_ = index_of_[index];
  records_left_ = records;
  expect_ = records > 0 ? Expect::batch : Expect::tail;
  return used(reader, data);
}

std::size_t Consumer::batch(const std::uint8_t* data, std::size_t size, std::int64_t now) {
  const std::size_t wanted = std::min(records_left_, batch_at::records + first_record_bytes);
  if (size < wanted) return 0;
  const std::size_t total =
      records_left_ < batch_at::records
          ? SIZE_MAX
          : 12 + static_cast<std::size_t>(load_be<std::uint32_t>(data + batch_at::length));
  crc_active_ = false;
  skip_left_ = std::min(total, records_left_);
  records_left_ -= skip_left_;
  expect_ = records_left_ > 0 ? Expect::batch : Expect::tail;
  if (total > skip_left_) return 0;  // The batch is cut by the fetch's limit: it comes again.

  Position& position = positions_[current_];
  const auto base = load_be<std::int64_t>(data);
  if (base != position.next) ++tally_.gaps;
  position.next = base + load_be<std::int32_t>(data + batch_at::last_offset_delta) + 1;
  ++tally_.batches;
  tally_.batch_bytes += total;
  const auto records = load_be<std::uint32_t>(data + batch_at::records_count);
  if ((load_be<std::int16_t>(data + batch_at::attributes) & control_bit) != 0) {
    tally_.markers += records;
  } else {
    tally_.records += records;
  }
  if (spec_.stamped) note_end_to_end(data, size, now);
  if (spec_.check_crc) {
    crc_active_ = true;
    crc_skip_ = batch_at::checked_from;
    crc_state_ = crc_begin;
    crc_wanted_ = load_be<std::uint32_t>(data + batch_at::crc);
  }
  return 0;  // pass_over takes the bytes.
}

void Consumer::note_end_to_end(const std::uint8_t* data, std::size_t size, std::int64_t now) {
  Reader record(data + batch_at::records, size - batch_at::records);
  record.varint();
  record.be<std::int8_t>();
  for (int fields = 0; fields < 4; ++fields) record.varint();  // deltas, key and value lengths
  const auto due = record.be<std::int64_t>();
  if (record.ok()) tally_.end_to_end.record(now - due);
}

std::size_t Consumer::pass_over(const std::uint8_t* data, std::size_t size) {
  const std::size_t taken = std::min(size, skip_left_);
  if (crc_active_) {
    const std::size_t outside = std::min(taken, crc_skip_);
    crc_skip_ -= outside;
    crc_state_ = crc_add(crc_state_, data + outside, taken - outside);
    if (taken == skip_left_ && crc_end(crc_state_) != crc_wanted_) ++tally_.crc_bad;
  }
  skip_left_ -= taken;
  return taken;
}

std::size_t Consumer::tail(Reader reader, const std::uint8_t* data) {
  reader.tags();
  const bool last = partitions_left_ == 1;
  if (last) reader.tags();  // those of the topic
  if (!reader.ok()) return 0;
  --partitions_left_;
  expect_ = last ? Expect::end : Expect::partition;
  return used(reader, data);
}

std::size_t Consumer::end(Reader reader, const std::uint8_t* data) {
  reader.tags();
  if (!reader.ok()) return 0;
  ++tally_.responses;
  expect_ = Expect::head;
  send_fetch();
  return used(reader, data);
}

void Consumer::fetch_error(std::int16_t error) {
  // The session was evicted: begin a new one, as a client does. Anything else is counted.
  if (error != session_not_found && error != session_epoch_invalid) partition_error(error);
  session_id_ = 0;
  session_epoch_ = 0;
}

void Consumer::partition_error(std::int16_t error) {
  // Asking again would spin; one error ends this consumer.
  ++tally_.errors[error];
  stopped_ = true;
}

}  // namespace moldau::mbench
