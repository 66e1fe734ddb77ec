// The group options.  Sorted by name: find() relies on it, and a test checks it.

#include "metadata/option_builder.hpp"
#include "moldau/metadata/option_table.hpp"

namespace moldau::metadata {
namespace {

constexpr OptionDefinition table[] = {
    Option("consumer.assignment.interval.ms", OptionType::int32, "1000")
        .synonyms("group.consumer.assignment.interval.ms")
        .min(0)
        .group("Least time between two assignments computed for the group."),
    Option("consumer.heartbeat.interval.ms", OptionType::int32, "5000")
        .synonyms("group.consumer.heartbeat.interval.ms")
        .min(1)
        .group("How often members of a consumer group send a heartbeat."),
    Option("consumer.session.timeout.ms", OptionType::int32, "45000")
        .synonyms("group.consumer.session.timeout.ms")
        .min(1)
        .group("A member of a consumer group that was silent for this long is removed."),
    Option("share.assignment.interval.ms", OptionType::int32, "1000")
        .synonyms("group.share.assignment.interval.ms")
        .min(0)
        .no_effect()
        .group("Least time between two assignments computed for the share group."),
    Option("share.auto.offset.reset", OptionType::string, "latest")
        .no_effect()
        .group("Where a share group starts that has no position yet: latest, earliest or "
               "by_duration:DURATION."),
    Option("share.delivery.count.limit", OptionType::int32, "5")
        .synonyms("group.share.delivery.count.limit")
        .min(2)
        .no_effect()
        .group("How often a record is delivered to a share group at most."),
    Option("share.heartbeat.interval.ms", OptionType::int32, "5000")
        .synonyms("group.share.heartbeat.interval.ms")
        .min(1)
        .no_effect()
        .group("How often members of a share group send a heartbeat."),
    Option("share.isolation.level", OptionType::string, "read_uncommitted")
        .one_of("read_committed, read_uncommitted")
        .no_effect()
        .group("Whether a share group sees records of transactions that are not committed."),
    Option("share.partition.max.record.locks", OptionType::int32, "2000")
        .synonyms("group.share.partition.max.record.locks")
        .min(100)
        .no_effect()
        .group("How many records of one partition a share group may hold locked."),
    Option("share.record.lock.duration.ms", OptionType::int32, "30000")
        .synonyms("group.share.record.lock.duration.ms")
        .min(1000)
        .no_effect()
        .group("How long a share consumer may hold a record before it is given to another."),
    Option("share.renew.acknowledge.enable", OptionType::boolean, "true")
        .no_effect()
        .group("Whether share consumers may prolong the lock of a record."),
    Option("share.session.timeout.ms", OptionType::int32, "45000")
        .synonyms("group.share.session.timeout.ms")
        .min(1)
        .no_effect()
        .group("A member of a share group that was silent for this long is removed."),
    Option("streams.assignment.interval.ms", OptionType::int32, "1000")
        .synonyms("group.streams.assignment.interval.ms")
        .min(0)
        .no_effect()
        .group("Least time between two assignments computed for the streams group."),
    Option("streams.heartbeat.interval.ms", OptionType::int32, "5000")
        .synonyms("group.streams.heartbeat.interval.ms")
        .min(1)
        .no_effect()
        .group("How often members of a streams group send a heartbeat."),
    Option("streams.initial.rebalance.delay.ms", OptionType::int32, "3000")
        .synonyms("group.streams.initial.rebalance.delay.ms")
        .min(0)
        .no_effect()
        .group("How long a new streams group waits for more members before its first assignment."),
    Option("streams.num.standby.replicas", OptionType::int32, "0")
        .synonyms("group.streams.num.standby.replicas")
        .min(0)
        .no_effect()
        .group("Standby copies of each state store of a streams group."),
    Option("streams.session.timeout.ms", OptionType::int32, "45000")
        .synonyms("group.streams.session.timeout.ms")
        .min(1)
        .no_effect()
        .group("A member of a streams group that was silent for this long is removed."),
};

}  // namespace

std::span<const OptionDefinition> group_options() {
  return table;
}

}  // namespace moldau::metadata
