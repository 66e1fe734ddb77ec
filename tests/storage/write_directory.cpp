// Writes a log directory for Kafka's own tools to read: several segments, all codecs, producers,
// transactions; then stops in order.  Usage: write_directory DIRECTORY

#include <cstdio>
#include <map>
#include <string>

#include "moldau/storage/log_directory.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/record_maker.hpp"

namespace moldau::storage {
namespace {

base::SharedBytes marker(ProducerId id, ProducerEpoch epoch, record::ControlType type) {
  record::BatchOptions options;
  options.producer_id = id;
  options.producer_epoch = epoch;
  options.transactional = options.control = true;
  record::BatchBuilder builder(options);
  std::uint8_t key[4] = {};
  base::store_be(key + 2, static_cast<std::int16_t>(type));
  const std::uint8_t value[6] = {0, 0, 0, 0, 0, 3};
  builder.append(1'700'000'000'000, base::ByteView(key), base::ByteView(value));
  return std::move(builder.build()).value();
}

base::Status append_transactions(Log& log, std::int64_t now_ms) {
  for (int i = 0; i < 6; ++i) {
    record::BatchOptions options;
    options.producer_id = ProducerId{1000 + i % 2};
    options.producer_epoch = ProducerEpoch{0};
    options.base_sequence = i / 2 * 3;
    options.transactional = true;
    MOLDAU_TRY(log.append_as_leader(support::plain_batch(3, 50, options),
                                    {LeaderEpoch{1}, now_ms, AppendOrigin::client}));
    const auto type = i % 3 == 0 ? record::ControlType::abort : record::ControlType::commit;
    MOLDAU_TRY(log.append_as_leader(marker(options.producer_id, options.producer_epoch, type),
                                    {LeaderEpoch{1}, now_ms, AppendOrigin::coordinator}));
  }
  return {};
}

base::Status run(const std::string& path) {
  const auto fs = make_real_file_system();
  support::ManualClock clock;
  base::SystemRandom random;
  support::RecordMaker maker(7);
  LogOptions small;
  small.segment_bytes = 40'000;
  small.index_interval_bytes = 1000;
  LogDirectoryOptions options;
  options.lane_file_bytes = 1024 * 1024;
  const DirectoryIdentity identity{"MkU3OEVBNTcwNTJENDM2Qk", BrokerId{1}, {}};
  for (int life = 0; life < 2; ++life) {
    MOLDAU_ASSIGN(const auto directory,
                  LogDirectory::open(*fs, path, identity, options, clock, random));
    std::vector<std::shared_ptr<Log>> logs = directory->logs();
    for (int p = 0; logs.size() < 4; ++p) {
      const auto topic = *base::Uuid::parse(p < 3 ? "AAAAAAAAAAAAAAAAAAAABQ"
                                                  : "AAAAAAAAAAAAAAAAAAAABg");
      MOLDAU_ASSIGN(auto log,
                    directory->create_log({p < 3 ? "many" : "empty", PartitionIndex{p % 3}}, topic,
                                          small));
      logs.push_back(std::move(log));
    }
    for (const auto& log : logs) {
      if (log->topic_partition().topic == "empty") continue;
      log->set_options(small);
      MOLDAU_TRY(log->begin_leader_epoch(LeaderEpoch{life}));
      for (int i = 0; i < 200; ++i) {
        support::RecordMaker::Shape shape;
        shape.timestamp_ms = clock.wall_ms();
        record::BatchOptions batch;
        batch.compression = static_cast<record::Compression>(i % 5);
        if (log->topic_partition().partition.value() == 1) {
          batch.producer_id = ProducerId{i % 4};
          batch.producer_epoch = ProducerEpoch{static_cast<std::int16_t>(life * 200 + i)};
          batch.base_sequence = 0;
        }
        MOLDAU_TRY(log->append_as_leader(maker.batch(batch, shape).bytes,
                                         {LeaderEpoch{life}, clock.wall_ms(), AppendOrigin::client}));
        if (i % 10 == 0) MOLDAU_TRY(directory->commit());
        if (i % 30 == 0) MOLDAU_TRY(directory->write_behind());
        clock.advance(base::Milliseconds(200));
      }
      if (life == 1 && log->topic_partition().partition.value() == 2)
        MOLDAU_TRY(append_transactions(*log, clock.wall_ms()));
    }
    MOLDAU_TRY(directory->commit());
    for (const auto& log : logs)
      std::printf("%s-%d %lld\n", log->topic_partition().topic.c_str(),
                  log->topic_partition().partition.value(),
                  static_cast<long long>(log->end_offset().value()));
    MOLDAU_TRY(directory->close(life));
  }
  return {};
}

}  // namespace
}  // namespace moldau::storage

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto status = moldau::storage::run(argv[1]);
  if (!status) std::fprintf(stderr, "%s\n", moldau::base::to_string(status.error()).c_str());
  return status ? 0 : 1;
}
