// The topic options.  Sorted by name: find() relies on it, and a test checks it.

#include "metadata/option_builder.hpp"
#include "moldau/metadata/option_table.hpp"

namespace moldau::metadata {
namespace {

constexpr OptionDefinition table[] = {
    Option("cleanup.policy", OptionType::list, "delete")
        .one_of("compact, delete")
        .synonyms("log.cleanup.policy")
        .topic("What happens to old records: \"delete\" removes whole segments by age and size, "
               "\"compact\" keeps the newest record of each key, both do both, and an empty list "
               "keeps everything for ever."),
    Option("compression.gzip.level", OptionType::int32, "-1")
        .min(1)
        .max(9)
        .also(-1)
        .synonyms("compression.gzip.level")
        .topic("Level for gzip when the broker compresses: 1 is fastest, 9 smallest, -1 the "
               "library's own choice."),
    Option("compression.lz4.level", OptionType::int32, "9")
        .min(1)
        .max(17)
        .synonyms("compression.lz4.level")
        .topic("Level for lz4 when the broker compresses: 1 is fastest, 17 smallest."),
    Option("compression.type", OptionType::string, "producer")
        .one_of("uncompressed, zstd, lz4, snappy, gzip, producer")
        .synonyms("compression.type")
        .topic("Codec in which the topic's batches are stored; \"producer\" keeps each batch as it "
               "was sent."),
    Option("compression.zstd.level", OptionType::int32, "3")
        .min(-131072)
        .max(22)
        .synonyms("compression.zstd.level")
        .topic("Level for zstd when the broker compresses; negative levels trade size for speed."),
    Option("delete.retention.ms", OptionType::int64, "86400000")
        .min(0)
        .synonyms("log.cleaner.delete.retention.ms")
        .topic("How long compaction keeps a tombstone, so that a consumer that reads from the "
               "start within this time still sees the deletion."),
    Option("file.delete.delay.ms", OptionType::int64, "60000")
        .min(0)
        .synonyms("log.segment.delete.delay.ms")
        .topic("How long the files of a deleted segment stay on the disk."),
    Option("flush.messages", OptionType::int64, "9223372036854775807")
        .min(1)
        .synonyms("log.flush.interval.messages")
        .topic("Has no part in durability here: acknowledged records are synced whatever it says."),
    Option("flush.ms", OptionType::int64, "9223372036854775807")
        .min(0)
        .synonyms("log.flush.interval.ms log.flush.scheduler.interval.ms")
        .topic("Has no part in durability here: acknowledged records are synced whatever it says."),
    Option("follower.replication.throttled.replicas", OptionType::list, "")
        .no_effect()
        .topic("Replicas whose catching up is throttled on the followers' side, as "
               "partition:broker pairs or \"*\"."),
    Option("index.interval.bytes", OptionType::int32, "4096")
        .min(0)
        .synonyms("log.index.interval.bytes")
        .topic("An entry is added to the offset index after at least this many bytes of the log."),
    Option("internal.segment.bytes", OptionType::int32, nullptr)
        .hidden()
        .no_effect()
        .topic("Segment size for tests, without the lower bound of segment.bytes."),
    Option("leader.replication.throttled.replicas", OptionType::list, "")
        .no_effect()
        .topic("Replicas whose catching up is throttled on the leader's side, as partition:broker "
               "pairs or \"*\"."),
    Option("local.retention.bytes", OptionType::int64, "-2")
        .min(-2)
        .synonyms("log.local.retention.bytes")
        .no_effect()
        .topic("With tiered storage: how much of a partition stays on the local disk; -2 takes "
               "retention.bytes."),
    Option("local.retention.ms", OptionType::int64, "-2")
        .min(-2)
        .synonyms("log.local.retention.ms")
        .no_effect()
        .topic(
            "With tiered storage: how long records stay on the local disk; -2 takes retention.ms."),
    Option("max.compaction.lag.ms", OptionType::int64, "9223372036854775807")
        .min(1)
        .synonyms("log.cleaner.max.compaction.lag.ms")
        .topic("The longest time a record may stay uncompacted."),
    Option("max.message.bytes", OptionType::int32, "1048588")
        .min(0)
        .synonyms("message.max.bytes")
        .topic(
            "The largest batch accepted, with its header, as it arrives (compressed, if it is)."),
    Option("message.timestamp.after.max.ms", OptionType::int64, "3600000")
        .min(0)
        .synonyms("log.message.timestamp.after.max.ms")
        .topic("How far a record's timestamp may lie ahead of the broker's clock; what lies "
               "further is refused."),
    Option("message.timestamp.before.max.ms", OptionType::int64, "9223372036854775807")
        .min(0)
        .synonyms("log.message.timestamp.before.max.ms")
        .topic("How far a record's timestamp may lie behind the broker's clock; what lies further "
               "is refused."),
    Option("message.timestamp.type", OptionType::string, "CreateTime")
        .one_of("CreateTime, LogAppendTime")
        .synonyms("log.message.timestamp.type")
        .topic("Whether a record carries the time its producer gave it (CreateTime) or the time of "
               "the append (LogAppendTime)."),
    Option("min.cleanable.dirty.ratio", OptionType::real, "0.5")
        .min(0)
        .max(1)
        .synonyms("log.cleaner.min.cleanable.ratio")
        .topic("A log is compacted once at least this share of it has not been compacted yet."),
    Option("min.compaction.lag.ms", OptionType::int64, "0")
        .min(0)
        .synonyms("log.cleaner.min.compaction.lag.ms")
        .topic("The shortest time a record stays uncompacted."),
    Option("min.insync.replicas", OptionType::int32, "1")
        .min(1)
        .synonyms("min.insync.replicas")
        .topic("With acks=all, as many replicas must have a record before it is acknowledged; "
               "never more than the partition has."),
    Option("preallocate", OptionType::boolean, "false")
        .synonyms("log.preallocate")
        .topic("Reserves a segment's whole size on the disk when it is made."),
    Option("remote.log.copy.disable", OptionType::boolean, "false")
        .no_effect()
        .topic("With tiered storage: stops copying segments to the remote tier."),
    Option("remote.log.delete.on.disable", OptionType::boolean, "false")
        .no_effect()
        .topic("With tiered storage: deletes the remote data when tiering is switched off."),
    Option("remote.storage.enable", OptionType::boolean, "false")
        .no_effect()
        .topic("Switches tiered storage on for the topic."),
    Option("retention.bytes", OptionType::int64, "-1")
        .synonyms("log.retention.bytes")
        .topic("The oldest segments of a partition go while the rest is still at least this large; "
               "-1 sets no bound."),
    Option("retention.ms", OptionType::int64, "604800000")
        .min(-1)
        .synonyms("log.retention.ms log.retention.minutes log.retention.hours")
        .topic("A segment goes when its newest record is older than this; -1 keeps it for ever."),
    Option("segment.bytes", OptionType::int32, "1073741824")
        .min(1048576)
        .synonyms("log.segment.bytes")
        .topic("Size at which a partition's current file is closed and a new one begun."),
    Option("segment.index.bytes", OptionType::int32, "10485760")
        .min(4)
        .synonyms("log.index.size.max.bytes")
        .topic("Size reserved for a segment's offset index; a full index closes the segment."),
    Option("segment.jitter.ms", OptionType::int64, "0")
        .min(0)
        .synonyms("log.roll.jitter.ms log.roll.jitter.hours")
        .topic("Up to this much is taken off segment.ms at random, so that partitions do not all "
               "begin new segments at once."),
    Option("segment.ms", OptionType::int64, "604800000")
        .min(1)
        .synonyms("log.roll.ms log.roll.hours")
        .topic("Age at which a partition's current file is closed, so that retention and "
               "compaction can reach it."),
    Option("unclean.leader.election.enable", OptionType::boolean, "false")
        .synonyms("unclean.leader.election.enable")
        .topic("Whether a replica that may lack acknowledged records may become leader when no "
               "other is left."),
};

}  // namespace

std::span<const OptionDefinition> topic_options() {
  return table;
}

}  // namespace moldau::metadata
