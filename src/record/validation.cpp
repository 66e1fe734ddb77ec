#include "moldau/record/validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "moldau/base/crc32c.hpp"
#include "moldau/base/limits.hpp"
#include "moldau/record/compression.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::record {

using base::Errc;
using base::fail;
using base::load_be;
using base::store_be;

namespace {

constexpr std::int64_t no_timestamp_ms = -1;
constexpr std::int16_t produce_version_of_zstd = 7;

/// The size of the batch or old message at the start of `bytes`; 0 when no whole one is there.
/// Errors: corrupt_message.  As Kafka's ByteBufferLogInputStream.
base::Result<std::size_t> next_size(ByteView bytes) {
  if (bytes.size() < batch_format::length_overhead) return std::size_t{0};
  const auto length = load_be<std::int32_t>(bytes.data() + batch_format::length_at);
  constexpr std::int32_t length_min = 14;  // of a message of format 0
  if (length < length_min) {
    return fail(Errc::corrupt_message,
                fmt::format("Record size {} is less than the minimum record overhead ({})", length,
                            length_min));
  }
  if (bytes.size() <= batch_format::magic_at) return std::size_t{0};
  const auto magic = static_cast<std::int8_t>(bytes[batch_format::magic_at]);
  if (magic < 0 || magic > batch_format::magic) {
    return fail(Errc::corrupt_message, fmt::format("Invalid magic found in record: {}", magic));
  }
  const std::size_t size = static_cast<std::size_t>(length) + batch_format::length_overhead;
  return size > bytes.size() ? 0 : size;
}

/// The bytes of the one batch that a request may hold.
base::Result<ByteView> only_batch(ByteView bytes) {
  MOLDAU_ASSIGN(const std::size_t size, next_size(bytes));
  if (size == 0) {
    return fail(Errc::invalid_record, fmt::format("no whole record batch in {} bytes", bytes.size()));
  }
  const auto magic = static_cast<std::int8_t>(bytes[batch_format::magic_at]);
  if (magic != batch_format::magic) {
    return fail(Errc::invalid_record,
                fmt::format("record format of magic {}: only {} is accepted", magic,
                            batch_format::magic));
  }
  MOLDAU_ASSIGN(const std::size_t next, next_size(bytes.subspan(size)));
  if (next != 0) {
    return fail(Errc::invalid_record, "more than one record batch for a partition");
  }
  return bytes.first(size);
}

base::Status check_compression(ByteView batch, const ProduceRules& rules) {
  if (batch.size() < batch_format::header_bytes) return {};  // refused by what follows
  const int codec = load_be<std::int16_t>(batch.data() + batch_format::attributes_at) &
                    attribute::compression_mask;
  if (codec > compression_last) {
    return fail(Errc::unsupported_compression, fmt::format("compression codec {}", codec));
  }
  if (static_cast<Compression>(codec) == Compression::zstd &&
      rules.produce_version < produce_version_of_zstd) {
    return fail(Errc::unsupported_compression,
                fmt::format("Produce version {} is older than zstd", rules.produce_version));
  }
  return {};
}

/// What LogValidator.validateBatch demands of a client.
base::Status check_header(const BatchView& batch) {
  const std::int64_t count = batch.record_count();
  if (count <= 0 || count != std::int64_t{batch.last_offset_delta()} + 1) {
    return fail(Errc::invalid_record,
                fmt::format("{} records and a last offset delta of {}", count,
                            batch.last_offset_delta()));
  }
  if (batch.is_control()) {
    return fail(Errc::invalid_record, "clients are not allowed to write control records");
  }
  if (batch.has_producer_id()) {
    if (batch.base_sequence() < 0) {
      return fail(Errc::invalid_record,
                  fmt::format("sequence {} in a batch of producer {}", batch.base_sequence(),
                              batch.producer_id().value()));
    }
    if (batch.producer_epoch() < no_producer_epoch) {
      return fail(Errc::invalid_producer_epoch,
                  fmt::format("epoch {} in a batch of producer {}", batch.producer_epoch().value(),
                              batch.producer_id().value()));
    }
  } else if (batch.is_transactional()) {
    return fail(Errc::invalid_record, "a transactional batch without a producer id");
  }
  return {};
}

std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<std::int64_t>::min()
               : std::numeric_limits<std::int64_t>::max();
}

struct TimestampRange {
  std::int64_t first_ms;
  std::int64_t last_ms;
  explicit TimestampRange(const ProduceRules& rules)
      : first_ms(saturating_add(rules.now_ms, -rules.timestamp_before_max_ms)),
        last_ms(saturating_add(rules.now_ms, rules.timestamp_after_max_ms)) {}
  [[nodiscard]] bool contains(std::int64_t timestamp_ms) const {
    return timestamp_ms == no_timestamp_ms ||
           (timestamp_ms >= first_ms && timestamp_ms <= last_ms);
  }
};

std::size_t size_or_zero(const std::optional<ByteView>& bytes) {
  return bytes ? bytes->size() : 0;
}

/// Goes through records one by one and gathers what is wrong with them.
class RecordChecker {
 public:
  RecordChecker(const BatchView& batch, const ProduceRules& rules)
      : batch_(batch), rules_(rules), range_(rules) {}

  void check(const Record& record) {
    if (rules_.compacted && !record.key) {
      add(fmt::format("Compacted topic cannot accept message without key in topic partition {}",
                      rules_.partition));
    } else {
      check_timestamp(record);
    }
    max_timestamp_ms_ = std::max(max_timestamp_ms_, record.timestamp_ms);
    ++index_;
  }
  [[nodiscard]] std::int32_t index() const { return index_; }

  [[nodiscard]] RecordsVerdict verdict() && {
    RecordsVerdict verdict;
    verdict.max_timestamp_ms = max_timestamp_ms_;
    if (any_timestamp_) {
      verdict.status = fail(Errc::invalid_timestamp,
                            "One or more records have been rejected due to invalid timestamp");
    } else if (!errors_.empty()) {
      verdict.status = fail(Errc::invalid_record, summary());
    }
    verdict.record_errors = std::move(errors_);
    return verdict;
  }

 private:
  void check_timestamp(const Record& record) {
    if (rules_.timestamp_type == TimestampType::create_time &&
        record.timestamp_ms != no_timestamp_ms) {
      if (range_.contains(record.timestamp_ms)) return;
      add(fmt::format("Timestamp {} of message with offset {} is out of range. The timestamp should "
                      "be within [{}, {}]",
                      record.timestamp_ms, record.offset.value(), range_.first_ms, range_.last_ms));
    } else if (batch_.timestamp_type() == TimestampType::log_append_time) {
      add(fmt::format("Invalid timestamp type in message DefaultRecord(offset={}, timestamp={}, "
                      "key={} bytes, value={} bytes). Producer should not set timestamp type to "
                      "LogAppendTime.",
                      record.offset.value(), record.timestamp_ms, size_or_zero(record.key),
                      size_or_zero(record.value)));
    } else {
      return;
    }
    any_timestamp_ = true;
  }
  void add(std::string message) {
    ++failed_;
    if (errors_.size() < limits::record_errors_max) errors_.push_back({index_, std::move(message)});
  }
  [[nodiscard]] std::string summary() const {
    constexpr std::size_t shown_max = 3;
    std::string shown;
    for (std::size_t i = 0; i < std::min(errors_.size(), shown_max); ++i) {
      shown += fmt::format("{}RecordError(batchIndex={}, message='{}')", i == 0 ? "" : ", ",
                           errors_[i].batch_index, errors_[i].message);
    }
    return fmt::format("One or more records have been rejected due to {} record errors in total, and "
                       "only showing the first three errors at most: [{}]",
                       failed_, shown);
  }

  const BatchView& batch_;
  const ProduceRules& rules_;
  TimestampRange range_;
  std::int32_t index_ = 0;
  std::int64_t max_timestamp_ms_ = no_timestamp_ms;
  std::vector<RecordError> errors_;
  std::size_t failed_ = 0;
  bool any_timestamp_ = false;
};

/// Records under a good CRC that cannot be read are the client's mistake and no damage on the way:
/// invalid_record, which clients do not retry.
base::Error unreadable(base::Error error) {
  if (error.code == Errc::corrupt_message) error.code = Errc::invalid_record;
  if (error.code == Errc::limit_exceeded) error.code = Errc::message_too_large;
  return error;
}

RecordsVerdict refused(base::Error error) {
  RecordsVerdict verdict;
  verdict.status = std::move(error);
  return verdict;
}

base::Error too_large(std::size_t size, const ProduceRules& rules) {
  return fail(Errc::message_too_large,
              fmt::format("The record batch size in the append to {} is {} bytes which exceeds the "
                          "maximum configured value of {}.",
                          rules.partition, size, rules.batch_bytes_max));
}

/// Gives the batch the timestamps that the topic wants.  `max_timestamp_ms` is set when the records
/// were looked at.
void stamp(MutableByteView bytes, const BatchView& batch, const ProduceRules& rules,
           std::optional<std::int64_t> max_timestamp_ms) {
  if (rules.timestamp_type == TimestampType::log_append_time) {
    set_log_append_time(bytes, rules.now_ms);
  } else if (max_timestamp_ms && (*max_timestamp_ms != batch.max_timestamp_ms() ||
                                  batch.timestamp_type() == TimestampType::log_append_time)) {
    set_max_timestamp(bytes, *max_timestamp_ms);
  }
}

}  // namespace

base::Result<BatchView> validate_produced(ByteView bytes, const ProduceRules& rules) {
  MOLDAU_ASSIGN(const ByteView one, only_batch(bytes));
  MOLDAU_TRY(check_compression(one, rules));
  const auto base_offset = load_be<std::int64_t>(one.data() + batch_format::base_offset_at);
  if (base_offset != 0) {
    return fail(Errc::invalid_record,
                fmt::format("base offset is {}, a producer's is 0", base_offset));
  }
  if (one.size() > rules.batch_bytes_max) return too_large(one.size(), rules);
  MOLDAU_ASSIGN(const BatchView batch, BatchView::parse(one, BatchView::Check::crc));
  MOLDAU_TRY(check_header(batch));
  return batch;
}

bool needs_record_check(const BatchView& batch, const ProduceRules& rules) {
  if (rules.compacted || rules.strict) return true;
  if (batch.timestamp_type() == TimestampType::log_append_time) return true;
  if (rules.timestamp_type == TimestampType::log_append_time) return false;
  const TimestampRange range(rules);
  return !range.contains(batch.base_timestamp_ms()) || !range.contains(batch.max_timestamp_ms()) ||
         batch.max_timestamp_ms() < batch.base_timestamp_ms();
}

RecordsVerdict validate_records(const BatchView& batch, const ProduceRules& rules) {
  auto records = RecordIterator::open(batch);
  if (records.has_error()) return refused(unreadable(std::move(records).error()));
  RecordChecker checker(batch, rules);
  while (true) {
    auto next = records.value().next();
    if (next.has_error()) return refused(std::move(next).error());
    if (!next.value()) return std::move(checker).verdict();
    const Record& record = *next.value();
    if (record.offset != batch.base_offset() + checker.index()) {
      return refused(fail(Errc::invalid_record,
                          fmt::format("record {} has offset delta {}", checker.index(),
                                      record.offset - batch.base_offset())));
    }
    checker.check(record);
  }
}

base::Result<base::SharedBytes> recompress(const BatchView& batch, Compression compression,
                                           std::optional<int> level) {
  const std::size_t decompressed_max =
      std::max(limits::decompression_floor_bytes, batch.size() * limits::decompression_factor_max);
  MOLDAU_ASSIGN(const auto records,
                decompress(batch.compression(), batch.records(), decompressed_max));
  MOLDAU_ASSIGN(const auto packed, compress(compression, records, level));
  const std::size_t size = batch_format::header_bytes + packed.size();
  if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return fail(Errc::message_too_large, fmt::format("a batch of {} bytes", size));
  }
  base::SharedBytes made = base::SharedBytes::allocate(size);
  std::uint8_t* const to = made.mutable_view().data();
  std::memcpy(to, batch.bytes().data(), batch_format::header_bytes);
  if (!packed.empty()) std::memcpy(to + batch_format::header_bytes, packed.data(), packed.size());
  store_be(to + batch_format::length_at,
           static_cast<std::int32_t>(size - batch_format::length_overhead));
  const int attributes = (batch.attributes() & ~attribute::compression_mask) |
                         static_cast<int>(compression);
  store_be(to + batch_format::attributes_at, static_cast<std::int16_t>(attributes));
  store_be(to + batch_format::crc_at,
           base::crc32c(made.view().subspan(batch_format::attributes_at)));
  return made;
}

PreparedBatch prepare_produced(base::SharedBytes bytes, const ProduceRules& rules) {
  const auto valid = validate_produced(bytes.view(), rules);
  if (valid.has_error()) return {valid.error(), {}};
  const BatchView batch = valid.value();
  const bool recompresses = rules.compression && *rules.compression != batch.compression();
  std::optional<std::int64_t> max_timestamp_ms;
  if (recompresses || needs_record_check(batch, rules)) {
    auto verdict = validate_records(batch, rules);
    if (verdict.status.has_error()) {
      return {std::move(verdict.status).error(), std::move(verdict.record_errors)};
    }
    max_timestamp_ms = verdict.max_timestamp_ms;
  }
  if (!recompresses) {
    bytes = bytes.slice(0, batch.size());
    stamp(bytes.mutable_view(), batch, rules, max_timestamp_ms);
    return {std::move(bytes), {}};
  }
  auto made = recompress(batch, *rules.compression, rules.compression_level);
  if (made.has_error()) return {unreadable(std::move(made).error()), {}};
  if (made.value().size() > rules.batch_bytes_max) {
    return {too_large(made.value().size(), rules), {}};
  }
  stamp(made.value().mutable_view(), batch, rules, max_timestamp_ms);
  return {std::move(made), {}};
}

}  // namespace moldau::record
