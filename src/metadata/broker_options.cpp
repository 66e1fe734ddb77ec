// The broker options.  Sorted by name: find() relies on it, and a test checks it.

#include "metadata/option_builder.hpp"
#include "moldau/metadata/option_table.hpp"

namespace moldau::metadata {
namespace {

constexpr OptionDefinition table[] = {
    Option("add.partitions.to.txn.retry.backoff.max.ms", OptionType::int32, "100")
        .min(0)
        .no_effect()
        .broker("Longest wait for a partition to be added to a transaction while the coordinator "
                "is busy."),
    Option("add.partitions.to.txn.retry.backoff.ms", OptionType::int32, "20")
        .min(1)
        .no_effect()
        .broker("Wait between tries to add a partition to a transaction while the coordinator is "
                "busy."),
    Option("advertised.listeners", OptionType::list, nullptr)
        .broker("The addresses that clients are told to connect to; without it each client is told "
                "the address it came in by."),
    Option("alter.config.policy.class.name", OptionType::class_name, nullptr)
        .no_effect()
        .broker("A Java class that judges changes of configuration; Moldau loads no Java classes."),
    Option("alter.log.dirs.replication.quota.window.num", OptionType::int32, "11")
        .min(1)
        .no_effect()
        .broker("Samples kept for the quota on moving replicas between directories."),
    Option("alter.log.dirs.replication.quota.window.size.seconds", OptionType::int32, "1")
        .min(1)
        .no_effect()
        .broker("Length of a sample for the quota on moving replicas between directories."),
    Option("authorizer.class.name", OptionType::string, "")
        .no_effect()
        .broker("Any of Kafka's authorizers means: access is decided by the ACLs in the metadata."),
    Option("auto.create.topics.enable", OptionType::boolean, "true")
        .broker("A topic is made when a client asks for metadata of one that does not exist, and "
                "allows it."),
    Option("auto.leader.rebalance.enable", OptionType::boolean, "true")
        .no_effect()
        .broker("Gives leadership back to the preferred replicas from time to time; one node is "
                "always preferred."),
    Option("background.threads", OptionType::int32, "10")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker(
            "Kafka's count of threads for background work; Moldau sizes its helper pool itself."),
    Option("broker.heartbeat.interval.ms", OptionType::int32, "2000")
        .no_effect()
        .broker("How often a broker tells the controller that it is alive."),
    Option("broker.id", OptionType::int32, "-1").broker("The older name of node.id."),
    Option("broker.rack", OptionType::string, nullptr)
        .broker("Where this broker stands, for clients that read from the nearest replica."),
    Option("broker.session.timeout.ms", OptionType::int32, "9000")
        .no_effect()
        .broker("A broker whose heartbeat is missing for this long is fenced."),
    Option("client.quota.callback.class", OptionType::class_name, nullptr)
        .no_effect()
        .broker("A Java class that computes quotas; Moldau loads no Java classes."),
    Option("compression.gzip.level", OptionType::int32, "-1")
        .min(1)
        .max(9)
        .also(-1)
        .cluster_wide()
        .broker("Default of the topics' compression.gzip.level."),
    Option("compression.lz4.level", OptionType::int32, "9")
        .min(1)
        .max(17)
        .cluster_wide()
        .broker("Default of the topics' compression.lz4.level."),
    Option("compression.type", OptionType::string, "producer")
        .one_of("uncompressed, zstd, lz4, snappy, gzip, producer")
        .cluster_wide()
        .broker("Default of the topics' compression.type."),
    Option("compression.zstd.level", OptionType::int32, "3")
        .min(-131072)
        .max(22)
        .cluster_wide()
        .broker("Default of the topics' compression.zstd.level."),
    Option("config.providers", OptionType::list, "")
        .cluster_wide()
        .no_effect()
        .broker("Names of Java classes that resolve placeholders in values; Moldau's own file has "
                "file: and env: forms."),
    Option("connection.failed.authentication.delay.ms", OptionType::int32, "100")
        .min(0)
        .no_effect()
        .broker("How long a connection is kept after it failed to authenticate, to slow down "
                "guessing."),
    Option("connections.max.idle.ms", OptionType::int64, "600000")
        .broker("A connection without a request for this long is closed."),
    Option("connections.max.reauth.ms", OptionType::int64, "0")
        .no_effect()
        .broker("Longest life of an authenticated session before the client must authenticate "
                "again; 0 sets none."),
    Option("controlled.shutdown.enable", OptionType::boolean, "true")
        .no_effect()
        .broker("Moves leaderships away before a stop; a single node has nowhere to move them to."),
    Option("controller.listener.names", OptionType::list, nullptr)
        .no_effect()
        .broker("Listeners that controllers use; on a single node none is opened."),
    Option("controller.performance.always.log.threshold.ms", OptionType::int64, "2000")
        .min(0)
        .hidden()
        .no_effect()
        .broker("Kafka's controller logs every event slower than this."),
    Option("controller.performance.sample.period.ms", OptionType::int64, "60000")
        .min(100)
        .hidden()
        .no_effect()
        .broker("How often Kafka's controller logs a summary of its events."),
    Option("controller.quorum.append.linger.ms", OptionType::int32, "25")
        .min(0)
        .no_effect()
        .broker("How long a quorum's leader gathers metadata records before it writes them; a "
                "single node groups without waiting."),
    Option("controller.quorum.auto.join.enable", OptionType::boolean, "false")
        .no_effect()
        .broker("Whether a new controller asks to become a voter by itself."),
    Option("controller.quorum.bootstrap.servers", OptionType::list, "")
        .no_effect()
        .broker(
            "Controllers of a quorum to start from; on a single node it names the node itself."),
    Option("controller.quorum.election.backoff.max.ms", OptionType::int32, "1000")
        .min(0)
        .no_effect()
        .broker("Longest wait before a controller stands for election again."),
    Option("controller.quorum.election.timeout.ms", OptionType::int32, "1000")
        .min(0)
        .no_effect()
        .broker("How long a controller waits for votes."),
    Option("controller.quorum.fetch.max.bytes", OptionType::int32, "1048576")
        .min(1)
        .no_effect()
        .broker("Most metadata bytes fetched at once from a quorum's leader."),
    Option("controller.quorum.fetch.snapshot.max.bytes", OptionType::int32, "1048576")
        .min(1)
        .no_effect()
        .broker("Most bytes of a metadata snapshot fetched at once from a quorum's leader."),
    Option("controller.quorum.fetch.timeout.ms", OptionType::int32, "2000")
        .min(0)
        .no_effect()
        .broker("How long a controller waits for its leader before it calls an election."),
    Option("controller.quorum.request.timeout.ms", OptionType::int32, "2000")
        .min(0)
        .no_effect()
        .broker("How long a request between controllers may take."),
    Option("controller.quorum.retry.backoff.ms", OptionType::int32, "20")
        .min(0)
        .no_effect()
        .broker("Wait before a request between controllers is repeated."),
    Option("controller.quorum.voters", OptionType::list, "")
        .no_effect()
        .broker(
            "The voters of a static quorum as id@host:port; a single node accepts only itself."),
    Option("controller.quota.window.num", OptionType::int32, "11")
        .min(1)
        .no_effect()
        .broker("Samples kept for quotas on changes of metadata."),
    Option("controller.quota.window.size.seconds", OptionType::int32, "1")
        .min(1)
        .no_effect()
        .broker("Length of a sample for quotas on changes of metadata."),
    Option("controller.socket.timeout.ms", OptionType::int32, "30000")
        .no_effect()
        .broker("How long a request to a controller may take."),
    Option("cordoned.log.dirs", OptionType::list, "")
        .per_broker()
        .no_effect()
        .broker("Log directories that are given no new partitions."),
    Option("create.topic.policy.class.name", OptionType::class_name, nullptr)
        .no_effect()
        .broker("A Java class that judges new topics; Moldau loads no Java classes."),
    Option("default.replication.factor", OptionType::int32, "1")
        .broker("Replicas of a topic that is made without saying how many."),
    Option("delegation.token.expiry.check.interval.ms", OptionType::int64, "3600000")
        .min(1)
        .no_effect()
        .broker("How often expired delegation tokens are removed."),
    Option("delegation.token.expiry.time.ms", OptionType::int64, "86400000")
        .min(1)
        .no_effect()
        .broker("How long a delegation token is valid unless it is renewed."),
    Option("delegation.token.max.lifetime.ms", OptionType::int64, "604800000")
        .min(1)
        .no_effect()
        .broker("How long a delegation token can be renewed for."),
    Option("delegation.token.secret.key", OptionType::password, nullptr)
        .no_effect()
        .broker("The secret that delegation tokens are signed with."),
    Option("delete.records.purgatory.purge.interval.requests", OptionType::int32, "1")
        .no_effect()
        .broker("Kafka's housekeeping interval for waiting DeleteRecords requests."),
    Option("delete.topic.enable", OptionType::boolean, "true")
        .broker("Whether topics may be deleted."),
    Option("early.start.listeners", OptionType::list, nullptr)
        .no_effect()
        .broker("Listeners that are opened before the authorizer is ready."),
    Option("fetch.max.bytes", OptionType::int32, "57671680")
        .min(1024)
        .broker("Most bytes in the answer to one fetch, whatever the client asks for."),
    Option("fetch.purgatory.purge.interval.requests", OptionType::int32, "1000")
        .no_effect()
        .broker("Kafka's housekeeping interval for waiting fetches."),
    Option("follower.fetch.last.tiered.offset.enable", OptionType::boolean, "false")
        .cluster_wide()
        .no_effect()
        .broker("Lets a new follower start where the remote tier ends."),
    Option("group.consumer.assignment.interval.ms", OptionType::int32, "1000")
        .min(0)
        .cluster_wide()
        .broker("Least time between two assignments computed for a consumer group."),
    Option("group.consumer.assignors", OptionType::list, "uniform,range")
        .broker("Assignors of consumer groups; the first is the default."),
    Option("group.consumer.heartbeat.interval.ms", OptionType::int32, "5000")
        .min(1)
        .broker("How often members of consumer groups send a heartbeat."),
    Option("group.consumer.max.assignment.interval.ms", OptionType::int32, "15000")
        .min(0)
        .broker("Most that a group may set as its assignment interval."),
    Option("group.consumer.max.heartbeat.interval.ms", OptionType::int32, "15000")
        .min(1)
        .broker("Most that a consumer group may set as its heartbeat interval."),
    Option("group.consumer.max.session.timeout.ms", OptionType::int32, "60000")
        .min(1)
        .broker("Most that a consumer group may set as its session timeout."),
    Option("group.consumer.max.size", OptionType::int32, "2147483647")
        .min(1)
        .broker("Most members of one consumer group."),
    Option("group.consumer.migration.policy", OptionType::string, "bidirectional")
        .one_of("DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL")
        .ignore_case()
        .broker("Which way groups may change between the classic and the consumer protocol while "
                "they run."),
    Option("group.consumer.min.assignment.interval.ms", OptionType::int32, "0")
        .min(0)
        .broker("Least that a group may set as its assignment interval."),
    Option("group.consumer.min.heartbeat.interval.ms", OptionType::int32, "5000")
        .min(1)
        .broker("Least that a consumer group may set as its heartbeat interval."),
    Option("group.consumer.min.session.timeout.ms", OptionType::int32, "45000")
        .min(1)
        .broker("Least that a consumer group may set as its session timeout."),
    Option("group.consumer.regex.refresh.interval.ms", OptionType::int32, "600000")
        .min(10000)
        .hidden()
        .broker(
            "How often the topics of a subscription by regular expression are looked up again."),
    Option("group.consumer.session.timeout.ms", OptionType::int32, "45000")
        .min(1)
        .broker("A member of a consumer group that was silent for this long is removed."),
    Option("group.coordinator.append.linger.ms", OptionType::int32, "-1")
        .min(-1)
        .no_effect()
        .broker("How long a group coordinator gathers records before it writes them; -1 adapts to "
                "the load."),
    Option("group.coordinator.background.threads", OptionType::int32, "2")
        .min(1)
        .no_effect()
        .broker("Kafka's count of threads for a group coordinator's longer work."),
    Option("group.coordinator.cached.buffer.max.bytes", OptionType::int32, "1048588")
        .min(524288)
        .cluster_wide()
        .no_effect()
        .broker("Largest write buffer that a group coordinator keeps for the next write."),
    Option("group.coordinator.rebalance.protocols", OptionType::list, "classic,consumer,streams")
        .one_of("consumer, classic, share, streams")
        .broker("Group protocols that are offered."),
    Option("group.coordinator.threads", OptionType::int32, "4")
        .min(1)
        .no_effect()
        .broker("Kafka's count of group coordinator threads."),
    Option("group.initial.rebalance.delay.ms", OptionType::int32, "3000")
        .broker(
            "How long an empty classic group waits for more members before its first rebalance."),
    Option("group.max.session.timeout.ms", OptionType::int32, "1800000")
        .broker("Longest session timeout that members of classic groups may ask for."),
    Option("group.max.size", OptionType::int32, "2147483647")
        .min(1)
        .broker("Most members of one classic group."),
    Option("group.min.session.timeout.ms", OptionType::int32, "6000")
        .broker("Shortest session timeout that members of classic groups may ask for."),
    Option("group.share.assignment.interval.ms", OptionType::int32, "1000")
        .min(0)
        .cluster_wide()
        .no_effect()
        .broker("Least time between two assignments computed for a share group."),
    Option("group.share.assignors", OptionType::list, "simple")
        .no_effect()
        .broker("Assignors of share groups."),
    Option("group.share.delivery.count.limit", OptionType::int32, "5")
        .min(2)
        .max(10)
        .no_effect()
        .broker("How often a record is delivered to a share group at most."),
    Option("group.share.heartbeat.interval.ms", OptionType::int32, "5000")
        .min(1)
        .no_effect()
        .broker("How often members of share groups send a heartbeat."),
    Option("group.share.initialize.retry.interval.ms", OptionType::int32, "30000")
        .min(1)
        .hidden()
        .no_effect()
        .broker("Wait before the state of a share group's new partition is initialised again."),
    Option("group.share.max.assignment.interval.ms", OptionType::int32, "15000")
        .min(0)
        .no_effect()
        .broker("Most that a share group may set as its assignment interval."),
    Option("group.share.max.delivery.count.limit", OptionType::int32, "10")
        .min(5)
        .max(25)
        .no_effect()
        .broker("Most that a share group may set as its delivery count limit."),
    Option("group.share.max.heartbeat.interval.ms", OptionType::int32, "15000")
        .min(1)
        .no_effect()
        .broker("Most that a share group may set as its heartbeat interval."),
    Option("group.share.max.partition.max.record.locks", OptionType::int32, "4000")
        .min(2000)
        .max(10000)
        .no_effect()
        .broker("Most that a share group may set as its count of locked records."),
    Option("group.share.max.record.lock.duration.ms", OptionType::int32, "60000")
        .min(30000)
        .max(3600000)
        .no_effect()
        .broker("Most that a share group may set as its lock duration."),
    Option("group.share.max.session.timeout.ms", OptionType::int32, "60000")
        .min(1)
        .no_effect()
        .broker("Most that a share group may set as its session timeout."),
    Option("group.share.max.share.sessions", OptionType::int32, "2000")
        .min(1)
        .no_effect()
        .broker("Most share sessions of one broker."),
    Option("group.share.max.size", OptionType::int32, "200")
        .min(1)
        .max(1000)
        .no_effect()
        .broker("Most members of one share group."),
    Option("group.share.min.assignment.interval.ms", OptionType::int32, "0")
        .min(0)
        .no_effect()
        .broker("Least that a share group may set as its assignment interval."),
    Option("group.share.min.delivery.count.limit", OptionType::int32, "2")
        .min(2)
        .max(5)
        .no_effect()
        .broker("Least that a share group may set as its delivery count limit."),
    Option("group.share.min.heartbeat.interval.ms", OptionType::int32, "5000")
        .min(1)
        .no_effect()
        .broker("Least that a share group may set as its heartbeat interval."),
    Option("group.share.min.partition.max.record.locks", OptionType::int32, "100")
        .min(100)
        .max(2000)
        .no_effect()
        .broker("Least that a share group may set as its count of locked records."),
    Option("group.share.min.record.lock.duration.ms", OptionType::int32, "15000")
        .min(1000)
        .max(30000)
        .no_effect()
        .broker("Least that a share group may set as its lock duration."),
    Option("group.share.min.session.timeout.ms", OptionType::int32, "45000")
        .min(1)
        .no_effect()
        .broker("Least that a share group may set as its session timeout."),
    Option("group.share.partition.max.record.locks", OptionType::int32, "2000")
        .min(100)
        .max(10000)
        .no_effect()
        .broker("How many records of one partition a share group may hold locked."),
    Option("group.share.persister.class.name", OptionType::string,
           "org.apache.kafka.server.share.persister.DefaultStatePersister")
        .hidden()
        .no_effect()
        .broker("A Java class that stores share groups' state; Moldau has one of its own."),
    Option("group.share.record.lock.duration.ms", OptionType::int32, "30000")
        .min(1000)
        .max(3600000)
        .no_effect()
        .broker("How long a share consumer may hold a record before it is given to another."),
    Option("group.share.session.timeout.ms", OptionType::int32, "45000")
        .min(1)
        .no_effect()
        .broker("A member of a share group that was silent for this long is removed."),
    Option("group.streams.assignment.interval.ms", OptionType::int32, "1000")
        .min(0)
        .cluster_wide()
        .no_effect()
        .broker("Least time between two assignments computed for a streams group."),
    Option("group.streams.heartbeat.interval.ms", OptionType::int32, "5000")
        .min(1)
        .no_effect()
        .broker("How often members of streams groups send a heartbeat."),
    Option("group.streams.initial.rebalance.delay.ms", OptionType::int32, "3000")
        .min(0)
        .no_effect()
        .broker("How long a new streams group waits for more members before its first assignment."),
    Option("group.streams.max.assignment.interval.ms", OptionType::int32, "15000")
        .min(0)
        .no_effect()
        .broker("Most that a streams group may set as its assignment interval."),
    Option("group.streams.max.heartbeat.interval.ms", OptionType::int32, "15000")
        .min(1)
        .no_effect()
        .broker("Most that a streams group may set as its heartbeat interval."),
    Option("group.streams.max.session.timeout.ms", OptionType::int32, "60000")
        .min(1)
        .no_effect()
        .broker("Most that a streams group may set as its session timeout."),
    Option("group.streams.max.size", OptionType::int32, "2147483647")
        .min(1)
        .no_effect()
        .broker("Most members of one streams group."),
    Option("group.streams.max.standby.replicas", OptionType::int32, "2")
        .min(0)
        .no_effect()
        .broker("Most standby copies that a streams group may ask for."),
    Option("group.streams.min.assignment.interval.ms", OptionType::int32, "0")
        .min(0)
        .no_effect()
        .broker("Least that a streams group may set as its assignment interval."),
    Option("group.streams.min.heartbeat.interval.ms", OptionType::int32, "5000")
        .min(1)
        .no_effect()
        .broker("Least that a streams group may set as its heartbeat interval."),
    Option("group.streams.min.session.timeout.ms", OptionType::int32, "45000")
        .min(1)
        .no_effect()
        .broker("Least that a streams group may set as its session timeout."),
    Option("group.streams.num.standby.replicas", OptionType::int32, "0")
        .min(0)
        .no_effect()
        .broker("Standby copies of each state store of a streams group."),
    Option("group.streams.session.timeout.ms", OptionType::int32, "45000")
        .min(1)
        .no_effect()
        .broker("A member of a streams group that was silent for this long is removed."),
    Option("initial.broker.registration.timeout.ms", OptionType::int32, "60000")
        .no_effect()
        .broker("How long a broker tries to register with a quorum before it gives up."),
    Option("inter.broker.listener.name", OptionType::string, nullptr)
        .no_effect()
        .broker("The listener that brokers use among themselves."),
    Option("internal.metadata.delete.delay.millis", OptionType::int64, "60000")
        .hidden()
        .no_effect()
        .broker("How long deleted metadata segments stay on the disk."),
    Option("internal.metadata.log.segment.bytes", OptionType::int32, nullptr)
        .hidden()
        .no_effect()
        .broker("Size of a metadata log segment, for tests."),
    Option("internal.metadata.max.batch.size.in.bytes", OptionType::int32, "8388608")
        .hidden()
        .no_effect()
        .broker("Largest batch written to the metadata log."),
    Option("kafka.metrics.polling.interval.secs", OptionType::int32, "10")
        .min(1)
        .no_effect()
        .broker("How often Kafka's metrics reporters are polled."),
    Option("kafka.metrics.reporters", OptionType::list, "")
        .no_effect()
        .broker("Java classes that report metrics; Moldau serves /metrics."),
    Option("leader.imbalance.check.interval.seconds", OptionType::int64, "300")
        .min(1)
        .no_effect()
        .broker("How often leadership is compared with the preferred replicas."),
    Option("listener.security.protocol.map", OptionType::string,
           "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT")
        .per_broker()
        .broker("Security protocol of each listener by name."),
    Option("listeners", OptionType::list, "PLAINTEXT://:9092")
        .per_broker()
        .broker("The addresses that are listened on, as NAME://HOST:PORT."),
    Option("log.cleaner.backoff.ms", OptionType::int64, "15000")
        .min(0)
        .cluster_wide()
        .broker("Rest between two looks for logs to compact when there was none."),
    Option("log.cleaner.dedupe.buffer.size", OptionType::int64, "134217728")
        .cluster_wide()
        .broker("Most memory for the keys of one round of compaction; a log with more of them takes several."),
    Option("log.cleaner.delete.retention.ms", OptionType::int64, "86400000")
        .min(0)
        .cluster_wide()
        .broker("Default of the topics' delete.retention.ms."),
    Option("log.cleaner.enable", OptionType::boolean, "true")
        .broker("Whether logs are compacted at all."),
    Option("log.cleaner.io.buffer.load.factor", OptionType::real, "0.9")
        .cluster_wide()
        .no_effect()
        .broker("How full Kafka's cleaner fills its memory for keys."),
    Option("log.cleaner.io.buffer.size", OptionType::int32, "524288")
        .min(0)
        .cluster_wide()
        .no_effect()
        .broker("Memory for reading and writing of Kafka's cleaner."),
    Option("log.cleaner.io.max.bytes.per.second", OptionType::real, "1.7976931348623157E308")
        .cluster_wide()
        .broker("Most bytes that compaction reads and writes in a second."),
    Option("log.cleaner.max.compaction.lag.ms", OptionType::int64, "9223372036854775807")
        .min(1)
        .cluster_wide()
        .broker("Default of the topics' max.compaction.lag.ms."),
    Option("log.cleaner.min.cleanable.ratio", OptionType::real, "0.5")
        .min(0)
        .max(1)
        .cluster_wide()
        .broker("Default of the topics' min.cleanable.dirty.ratio."),
    Option("log.cleaner.min.compaction.lag.ms", OptionType::int64, "0")
        .min(0)
        .cluster_wide()
        .broker("Default of the topics' min.compaction.lag.ms."),
    Option("log.cleaner.threads", OptionType::int32, "1")
        .min(0)
        .cluster_wide()
        .no_effect()
        .broker("Kafka's count of cleaner threads."),
    Option("log.cleanup.policy", OptionType::list, "delete")
        .one_of("compact, delete")
        .cluster_wide()
        .broker("Default of the topics' cleanup.policy."),
    Option("log.dir", OptionType::list, "/tmp/kafka-logs")
        .broker("The directory of the data when log.dirs is not set."),
    Option("log.dir.failure.timeout.ms", OptionType::int64, "30000")
        .min(1)
        .no_effect()
        .broker("A broker that cannot report a failed directory within this time stops."),
    Option("log.dirs", OptionType::list, nullptr)
        .broker("The directories of the data, separated by commas."),
    Option("log.flush.interval.messages", OptionType::int64, "9223372036854775807")
        .min(1)
        .cluster_wide()
        .broker("Default of the topics' flush.messages."),
    Option("log.flush.interval.ms", OptionType::int64, nullptr)
        .synonyms("log.flush.interval.ms log.flush.scheduler.interval.ms")
        .cluster_wide()
        .broker("Default of the topics' flush.ms; log.flush.scheduler.interval.ms when not set."),
    Option("log.flush.offset.checkpoint.interval.ms", OptionType::int32, "60000")
        .min(0)
        .no_effect()
        .broker("How often Kafka notes how far logs are synced; Moldau notes it with every "
                "checkpoint of its lane."),
    Option("log.flush.scheduler.interval.ms", OptionType::int64, "9223372036854775807")
        .broker("Used as log.flush.interval.ms when that is not set."),
    Option("log.flush.start.offset.checkpoint.interval.ms", OptionType::int32, "60000")
        .min(0)
        .no_effect()
        .broker("How often Kafka notes where logs start; Moldau notes it with every checkpoint of "
                "its lane."),
    Option("log.index.interval.bytes", OptionType::int32, "4096")
        .min(0)
        .cluster_wide()
        .broker("Default of the topics' index.interval.bytes."),
    Option("log.index.size.max.bytes", OptionType::int32, "10485760")
        .min(4)
        .cluster_wide()
        .broker("Default of the topics' segment.index.bytes."),
    Option("log.initial.task.delay.ms", OptionType::int64, "30000")
        .min(0)
        .hidden()
        .no_effect()
        .broker("How long after the start Kafka's background work on logs begins."),
    Option("log.local.retention.bytes", OptionType::int64, "-2")
        .min(-2)
        .cluster_wide()
        .no_effect()
        .broker("Default of the topics' local.retention.bytes."),
    Option("log.local.retention.ms", OptionType::int64, "-2")
        .min(-2)
        .cluster_wide()
        .no_effect()
        .broker("Default of the topics' local.retention.ms."),
    Option("log.message.timestamp.after.max.ms", OptionType::int64, "3600000")
        .min(0)
        .cluster_wide()
        .broker("Default of the topics' message.timestamp.after.max.ms."),
    Option("log.message.timestamp.before.max.ms", OptionType::int64, "9223372036854775807")
        .min(0)
        .cluster_wide()
        .broker("Default of the topics' message.timestamp.before.max.ms."),
    Option("log.message.timestamp.type", OptionType::string, "CreateTime")
        .one_of("CreateTime, LogAppendTime")
        .cluster_wide()
        .broker("Default of the topics' message.timestamp.type."),
    Option("log.preallocate", OptionType::boolean, "false")
        .cluster_wide()
        .broker("Default of the topics' preallocate."),
    Option("log.retention.bytes", OptionType::int64, "-1")
        .cluster_wide()
        .broker("Default of the topics' retention.bytes."),
    Option("log.retention.check.interval.ms", OptionType::int64, "300000")
        .min(1)
        .broker("How often logs are looked through for segments to delete."),
    Option("log.retention.hours", OptionType::int32, "168")
        .synonyms("log.retention.ms log.retention.minutes log.retention.hours")
        .broker("Default of the topics' retention.ms, in hours; log.retention.minutes and "
                "log.retention.ms go before it."),
    Option("log.retention.minutes", OptionType::int32, nullptr)
        .synonyms("log.retention.ms log.retention.minutes log.retention.hours")
        .broker(
            "Default of the topics' retention.ms, in minutes; log.retention.ms goes before it."),
    Option("log.retention.ms", OptionType::int64, nullptr)
        .synonyms("log.retention.ms log.retention.minutes log.retention.hours")
        .cluster_wide()
        .broker("Default of the topics' retention.ms."),
    Option("log.roll.hours", OptionType::int32, "168")
        .min(1)
        .synonyms("log.roll.ms log.roll.hours")
        .broker("Default of the topics' segment.ms, in hours; log.roll.ms goes before it."),
    Option("log.roll.jitter.hours", OptionType::int32, "0")
        .min(0)
        .synonyms("log.roll.jitter.ms log.roll.jitter.hours")
        .broker("Default of the topics' segment.jitter.ms, in hours; log.roll.jitter.ms goes "
                "before it."),
    Option("log.roll.jitter.ms", OptionType::int64, nullptr)
        .synonyms("log.roll.jitter.ms log.roll.jitter.hours")
        .cluster_wide()
        .broker("Default of the topics' segment.jitter.ms."),
    Option("log.roll.ms", OptionType::int64, nullptr)
        .synonyms("log.roll.ms log.roll.hours")
        .cluster_wide()
        .broker("Default of the topics' segment.ms."),
    Option("log.segment.bytes", OptionType::int32, "1073741824")
        .min(1048576)
        .cluster_wide()
        .broker("Default of the topics' segment.bytes."),
    Option("log.segment.delete.delay.ms", OptionType::int64, "60000")
        .min(0)
        .cluster_wide()
        .broker("Default of the topics' file.delete.delay.ms."),
    Option("max.connection.creation.rate", OptionType::int32, "2147483647")
        .min(0)
        .cluster_wide()
        .no_effect()
        .broker("Most new connections in a second."),
    Option("max.connections", OptionType::int32, "2147483647")
        .min(0)
        .cluster_wide()
        .no_effect()
        .broker("Most connections at a time; Moldau's own limits.connections_max stands for it."),
    Option("max.connections.per.ip", OptionType::int32, "2147483647")
        .min(0)
        .cluster_wide()
        .no_effect()
        .broker("Most connections at a time from one address; Moldau's own "
                "limits.connections_per_ip_max stands for it."),
    Option("max.connections.per.ip.overrides", OptionType::string, "")
        .cluster_wide()
        .no_effect()
        .broker("Exceptions from max.connections.per.ip, as address:count pairs."),
    Option("max.incremental.fetch.session.cache.slots", OptionType::int32, "1000")
        .min(0)
        .broker("Most fetch sessions that are remembered."),
    Option("max.request.partition.size.limit", OptionType::int32, "2000")
        .min(1)
        .broker("Most partitions in one answer of DescribeTopicPartitions."),
    Option("message.max.bytes", OptionType::int32, "1048588")
        .min(0)
        .cluster_wide()
        .broker("Default of the topics' max.message.bytes."),
    Option("metadata.log.dir", OptionType::string, nullptr)
        .no_effect()
        .broker("The directory of the metadata log; the first of log.dirs when not set."),
    Option("metadata.log.max.record.bytes.between.snapshots", OptionType::int64, "20971520")
        .min(1)
        .broker("A snapshot of the metadata is written after this many bytes of new records."),
    Option("metadata.log.max.snapshot.interval.ms", OptionType::int64, "3600000")
        .min(0)
        .broker("A snapshot of the metadata is written after this time when there are new records; "
                "0 sets none."),
    Option("metadata.log.segment.bytes", OptionType::int32, "1073741824")
        .min(8388608)
        .no_effect()
        .broker("Size of a metadata log segment."),
    Option("metadata.log.segment.ms", OptionType::int64, "604800000")
        .no_effect()
        .broker("Age at which a new metadata log segment is begun."),
    Option("metadata.max.idle.interval.ms", OptionType::int32, "500")
        .min(0)
        .no_effect()
        .broker("How often an idle quorum's leader writes a record that does nothing; a single "
                "node writes none."),
    Option("metadata.max.retention.bytes", OptionType::int64, "104857600")
        .no_effect()
        .broker("Metadata logs and snapshots above this size are deleted, the oldest first, once a "
                "newer snapshot exists."),
    Option("metadata.max.retention.ms", OptionType::int64, "604800000")
        .no_effect()
        .broker("Metadata logs and snapshots older than this are deleted once a newer snapshot "
                "exists."),
    Option("metric.reporters", OptionType::list, "org.apache.kafka.common.metrics.JmxReporter")
        .cluster_wide()
        .no_effect()
        .broker("Java classes that report metrics; Moldau serves /metrics."),
    Option("metrics.num.samples", OptionType::int32, "2")
        .min(1)
        .no_effect()
        .broker("Samples that Kafka keeps for its metrics."),
    Option("metrics.recording.level", OptionType::string, "INFO")
        .no_effect()
        .broker("How much detail Kafka's metrics have."),
    Option("metrics.sample.window.ms", OptionType::int64, "30000")
        .min(1)
        .no_effect()
        .broker("Length of a sample of Kafka's metrics."),
    Option("min.insync.replicas", OptionType::int32, "1")
        .min(1)
        .cluster_wide()
        .broker("Default of the topics' min.insync.replicas."),
    Option("node.id", OptionType::int32, nullptr)
        .min(0)
        .broker("The number of this node in its cluster."),
    Option("num.io.threads", OptionType::int32, "8")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("Kafka's count of request threads; Moldau handles requests on its event loops."),
    Option("num.network.threads", OptionType::int32, "3")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("Kafka's count of network threads; Moldau has one event loop per core."),
    Option("num.partitions", OptionType::int32, "1")
        .min(1)
        .broker("Partitions of a topic that is made without saying how many."),
    Option("num.recovery.threads.per.data.dir", OptionType::int32, "2")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("Kafka's count of threads that recover logs at the start."),
    Option("num.replica.alter.log.dirs.threads", OptionType::int32, nullptr)
        .no_effect()
        .broker("Kafka's count of threads that move replicas between directories."),
    Option("num.replica.fetchers", OptionType::int32, "1")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("Kafka's count of threads that copy from one other broker."),
    Option("offset.metadata.max.bytes", OptionType::int32, "4096")
        .broker("Longest text that a consumer may store with a committed offset."),
    Option("offsets.commit.timeout.ms", OptionType::int32, "5000")
        .min(1)
        .broker("How long a commit of offsets may wait for the replicas."),
    Option("offsets.load.buffer.size", OptionType::int32, "5242880")
        .min(1)
        .no_effect()
        .broker("Bytes read at a time when a group coordinator loads its state."),
    Option("offsets.retention.check.interval.ms", OptionType::int64, "600000")
        .min(1)
        .broker("How often expired offsets are looked for."),
    Option("offsets.retention.minutes", OptionType::int32, "10080")
        .min(1)
        .broker("How long the offsets of a group without members are kept."),
    Option("offsets.topic.compression.codec", OptionType::int32, "0")
        .broker("Codec of batches in __consumer_offsets, as a number."),
    Option("offsets.topic.num.partitions", OptionType::int32, "50")
        .min(1)
        .broker("Partitions of __consumer_offsets."),
    Option("offsets.topic.replication.factor", OptionType::int16, "3")
        .min(1)
        .broker("Replicas of __consumer_offsets; never more than there are brokers."),
    Option("offsets.topic.segment.bytes", OptionType::int32, "104857600")
        .min(1)
        .broker("Segment size of __consumer_offsets."),
    Option("principal.builder.class", OptionType::class_name,
           "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder")
        .per_broker()
        .no_effect()
        .broker("A Java class that derives principals; Moldau loads no Java classes."),
    Option("process.roles", OptionType::list, nullptr)
        .one_of("broker, controller")
        .broker("What the node is: broker, or broker and controller; a controller alone is Apache "
                "Kafka's."),
    Option("producer.id.expiration.check.interval.ms", OptionType::int32, "600000")
        .min(1)
        .hidden()
        .no_effect()
        .broker("How often producers that were not seen for long are looked for."),
    Option("producer.id.expiration.ms", OptionType::int32, "86400000")
        .min(1)
        .cluster_wide()
        .broker("A partition forgets a producer that was not seen for this long."),
    Option("producer.purgatory.purge.interval.requests", OptionType::int32, "1000")
        .no_effect()
        .broker("Kafka's housekeeping interval for waiting produce requests."),
    Option("queued.max.request.bytes", OptionType::int64, "-1")
        .no_effect()
        .broker("Bytes of requests that Kafka queues before it reads no more; Moldau bounds memory "
                "per connection and in all."),
    Option("queued.max.requests", OptionType::int32, "500")
        .min(1)
        .no_effect()
        .broker("Requests that Kafka queues before it reads no more."),
    Option("quota.window.num", OptionType::int32, "11")
        .min(1)
        .no_effect()
        .broker("Samples kept for client quotas."),
    Option("quota.window.size.seconds", OptionType::int32, "1")
        .min(1)
        .no_effect()
        .broker("Length of a sample for client quotas."),
    Option("remote.fetch.max.wait.ms", OptionType::int32, "500")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("With tiered storage: how long a fetch waits for the remote tier."),
    Option("remote.list.offsets.request.timeout.ms", OptionType::int64, "30000")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("With tiered storage: how long ListOffsets waits for the remote tier."),
    Option("remote.log.index.file.cache.total.size.bytes", OptionType::int64, "1073741824")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("With tiered storage: disk space for remote indexes."),
    Option("remote.log.index.file.cache.ttl.ms", OptionType::int64, "900000")
        .min(-1)
        .hidden()
        .no_effect()
        .broker("With tiered storage: how long unused remote indexes are kept."),
    Option("remote.log.manager.copier.thread.pool.size", OptionType::int32, "10")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("With tiered storage: threads that copy segments out."),
    Option("remote.log.manager.copy.max.bytes.per.second", OptionType::int64, "9223372036854775807")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("With tiered storage: most bytes copied out in a second."),
    Option("remote.log.manager.copy.quota.window.num", OptionType::int32, "11")
        .min(1)
        .no_effect()
        .broker("With tiered storage: samples kept for the quota on copying."),
    Option("remote.log.manager.copy.quota.window.size.seconds", OptionType::int32, "1")
        .min(1)
        .no_effect()
        .broker("With tiered storage: length of a sample for the quota on copying."),
    Option("remote.log.manager.expiration.thread.pool.size", OptionType::int32, "10")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("With tiered storage: threads that delete remote segments."),
    Option("remote.log.manager.fetch.max.bytes.per.second", OptionType::int64,
           "9223372036854775807")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("With tiered storage: most bytes fetched back in a second."),
    Option("remote.log.manager.fetch.quota.window.num", OptionType::int32, "11")
        .min(1)
        .no_effect()
        .broker("With tiered storage: samples kept for the quota on fetching."),
    Option("remote.log.manager.fetch.quota.window.size.seconds", OptionType::int32, "1")
        .min(1)
        .no_effect()
        .broker("With tiered storage: length of a sample for the quota on fetching."),
    Option("remote.log.manager.follower.thread.pool.size", OptionType::int32, "2")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("With tiered storage: threads that do followers' work."),
    Option("remote.log.manager.task.interval.ms", OptionType::int64, "30000")
        .min(1)
        .no_effect()
        .broker("With tiered storage: how often each partition's work is looked at."),
    Option("remote.log.manager.task.retry.backoff.max.ms", OptionType::int64, "30000")
        .min(1)
        .hidden()
        .no_effect()
        .broker("With tiered storage: longest wait before failed work is repeated."),
    Option("remote.log.manager.task.retry.backoff.ms", OptionType::int64, "500")
        .min(1)
        .hidden()
        .no_effect()
        .broker("With tiered storage: first wait before failed work is repeated."),
    Option("remote.log.manager.task.retry.jitter", OptionType::real, "0.2")
        .min(0)
        .max(0.5)
        .hidden()
        .no_effect()
        .broker("With tiered storage: share of that wait that is random."),
    Option("remote.log.manager.thread.pool.size", OptionType::int32, "2")
        .min(1)
        .no_effect()
        .broker("With tiered storage: threads that schedule the work."),
    Option("remote.log.metadata.custom.metadata.max.bytes", OptionType::int32, "128")
        .min(0)
        .no_effect()
        .broker("With tiered storage: most custom metadata of one segment."),
    Option("remote.log.metadata.manager.class.name", OptionType::string,
           "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager")
        .no_effect()
        .broker("With tiered storage: a Java class; Moldau loads none."),
    Option("remote.log.metadata.manager.class.path", OptionType::string, nullptr)
        .no_effect()
        .broker("With tiered storage: a Java class path; Moldau loads none."),
    Option("remote.log.metadata.manager.impl.prefix", OptionType::string, "rlmm.config.")
        .no_effect()
        .broker("With tiered storage: prefix of options for a Java class."),
    Option("remote.log.metadata.manager.listener.name", OptionType::string, nullptr)
        .no_effect()
        .broker("With tiered storage: listener used for the remote metadata."),
    Option("remote.log.reader.max.pending.tasks", OptionType::int32, "100")
        .min(1)
        .no_effect()
        .broker("With tiered storage: most reads that wait."),
    Option("remote.log.reader.threads", OptionType::int32, "10")
        .min(1)
        .cluster_wide()
        .no_effect()
        .broker("With tiered storage: threads that read."),
    Option("remote.log.storage.manager.class.name", OptionType::string, nullptr)
        .no_effect()
        .broker("With tiered storage: a Java class; Moldau loads none."),
    Option("remote.log.storage.manager.class.path", OptionType::string, nullptr)
        .no_effect()
        .broker("With tiered storage: a Java class path; Moldau loads none."),
    Option("remote.log.storage.manager.impl.prefix", OptionType::string, "rsm.config.")
        .no_effect()
        .broker("With tiered storage: prefix of options for a Java class."),
    Option("remote.log.storage.system.enable", OptionType::boolean, "false")
        .no_effect()
        .broker("Switches tiered storage on for the broker."),
    Option("replica.fetch.backoff.ms", OptionType::int32, "1000")
        .min(0)
        .no_effect()
        .broker("Wait of a follower after a failed fetch."),
    Option("replica.fetch.max.bytes", OptionType::int32, "1048576")
        .min(0)
        .no_effect()
        .broker("Most bytes that a follower fetches of one partition at a time."),
    Option("replica.fetch.min.bytes", OptionType::int32, "1")
        .no_effect()
        .broker("Fewest bytes that a follower waits for."),
    Option("replica.fetch.response.max.bytes", OptionType::int32, "10485760")
        .min(0)
        .no_effect()
        .broker("Most bytes that a follower fetches at a time."),
    Option("replica.fetch.wait.max.ms", OptionType::int32, "500")
        .no_effect()
        .broker("Longest wait of a follower's fetch."),
    Option("replica.high.watermark.checkpoint.interval.ms", OptionType::int64, "5000")
        .no_effect()
        .broker("How often Kafka notes high watermarks; Moldau notes them with every checkpoint of "
                "its lane."),
    Option("replica.lag.time.max.ms", OptionType::int64, "30000")
        .no_effect()
        .broker("A follower that has not caught up for this long leaves the in-sync replicas."),
    Option("replica.selector.class", OptionType::string, nullptr)
        .no_effect()
        .broker("A Java class that picks the replica to read from; Moldau loads no Java classes."),
    Option("replica.socket.receive.buffer.bytes", OptionType::int32, "65536")
        .no_effect()
        .broker("Receive buffer of a follower's connection."),
    Option("replica.socket.timeout.ms", OptionType::int32, "30000")
        .no_effect()
        .broker("How long a follower waits for an answer."),
    Option("replication.quota.window.num", OptionType::int32, "11")
        .min(1)
        .no_effect()
        .broker("Samples kept for replication quotas."),
    Option("replication.quota.window.size.seconds", OptionType::int32, "1")
        .min(1)
        .no_effect()
        .broker("Length of a sample for replication quotas."),
    Option("request.timeout.ms", OptionType::int32, "30000")
        .no_effect()
        .broker("How long a request to another broker may take."),
    Option("sasl.client.callback.handler.class", OptionType::class_name, nullptr)
        .no_effect()
        .broker("A Java class; Moldau loads none."),
    Option("sasl.enabled.mechanisms", OptionType::list, "GSSAPI")
        .per_broker()
        .no_effect()
        .broker("SASL mechanisms that clients may use."),
    Option("sasl.jaas.config", OptionType::password, nullptr)
        .per_broker()
        .no_effect()
        .broker("Credentials in JAAS form for a listener and mechanism."),
    Option("sasl.kerberos.kinit.cmd", OptionType::string, "/usr/bin/kinit")
        .per_broker()
        .no_effect()
        .broker("Path of kinit."),
    Option("sasl.kerberos.min.time.before.relogin", OptionType::int64, "60000")
        .per_broker()
        .no_effect()
        .broker("Least time between two Kerberos logins."),
    Option("sasl.kerberos.principal.to.local.rules", OptionType::list, "DEFAULT")
        .per_broker()
        .no_effect()
        .broker("Rules from Kerberos principals to user names, the first that fits."),
    Option("sasl.kerberos.service.name", OptionType::string, nullptr)
        .per_broker()
        .no_effect()
        .broker("The Kerberos service name of the brokers."),
    Option("sasl.kerberos.ticket.renew.jitter", OptionType::real, "0.05")
        .per_broker()
        .no_effect()
        .broker("Share of the renewal time that is random."),
    Option("sasl.kerberos.ticket.renew.window.factor", OptionType::real, "0.8")
        .per_broker()
        .no_effect()
        .broker("Share of a ticket's life after which it is renewed."),
    Option("sasl.login.callback.handler.class", OptionType::class_name, nullptr)
        .no_effect()
        .broker("A Java class; Moldau loads none."),
    Option("sasl.login.class", OptionType::class_name, nullptr)
        .no_effect()
        .broker("A Java class; Moldau loads none."),
    Option("sasl.login.connect.timeout.ms", OptionType::int32, nullptr)
        .no_effect()
        .broker("How long connecting to an identity provider may take."),
    Option("sasl.login.read.timeout.ms", OptionType::int32, nullptr)
        .no_effect()
        .broker("How long an identity provider may take to answer."),
    Option("sasl.login.refresh.buffer.seconds", OptionType::int16, "300")
        .per_broker()
        .no_effect()
        .broker("Time before a credential's end at which it is renewed at the latest."),
    Option("sasl.login.refresh.min.period.seconds", OptionType::int16, "60")
        .per_broker()
        .no_effect()
        .broker("Least time between two renewals of a credential."),
    Option("sasl.login.refresh.window.factor", OptionType::real, "0.8")
        .per_broker()
        .no_effect()
        .broker("Share of a credential's life after which it is renewed."),
    Option("sasl.login.refresh.window.jitter", OptionType::real, "0.05")
        .per_broker()
        .no_effect()
        .broker("Share of the renewal time that is random."),
    Option("sasl.login.retry.backoff.max.ms", OptionType::int64, "10000")
        .no_effect()
        .broker("Longest wait between two tries at an identity provider."),
    Option("sasl.login.retry.backoff.ms", OptionType::int64, "100")
        .no_effect()
        .broker("First wait between two tries at an identity provider."),
    Option("sasl.mechanism.controller.protocol", OptionType::string, "GSSAPI")
        .no_effect()
        .broker("SASL mechanism used towards controllers."),
    Option("sasl.mechanism.inter.broker.protocol", OptionType::string, "GSSAPI")
        .per_broker()
        .no_effect()
        .broker("SASL mechanism used among brokers."),
    Option("sasl.oauthbearer.assertion.algorithm", OptionType::string, "RS256")
        .one_of("ES256, RS256")
        .ignore_case()
        .no_effect()
        .broker("Algorithm that assertions for an identity provider are signed with."),
    Option("sasl.oauthbearer.assertion.claim.aud", OptionType::string, nullptr)
        .no_effect()
        .broker("Audience claimed in an assertion."),
    Option("sasl.oauthbearer.assertion.claim.exp.seconds", OptionType::int32, "300")
        .min(0)
        .max(86400)
        .no_effect()
        .broker("Life of an assertion."),
    Option("sasl.oauthbearer.assertion.claim.iss", OptionType::string, nullptr)
        .no_effect()
        .broker("Issuer claimed in an assertion."),
    Option("sasl.oauthbearer.assertion.claim.jti.include", OptionType::boolean, "false")
        .no_effect()
        .broker("Whether an assertion has an id of its own."),
    Option("sasl.oauthbearer.assertion.claim.nbf.seconds", OptionType::int32, "60")
        .min(0)
        .max(3600)
        .no_effect()
        .broker("How long before now an assertion begins to be valid."),
    Option("sasl.oauthbearer.assertion.claim.sub", OptionType::string, nullptr)
        .no_effect()
        .broker("Subject claimed in an assertion."),
    Option("sasl.oauthbearer.assertion.file", OptionType::string, nullptr)
        .no_effect()
        .broker("File with a ready-made assertion."),
    Option("sasl.oauthbearer.assertion.private.key.file", OptionType::string, nullptr)
        .no_effect()
        .broker("File with the key that assertions are signed with."),
    Option("sasl.oauthbearer.assertion.private.key.passphrase", OptionType::password, nullptr)
        .no_effect()
        .broker("Passphrase of that key."),
    Option("sasl.oauthbearer.assertion.template.file", OptionType::string, nullptr)
        .no_effect()
        .broker("File with a template for assertions."),
    Option("sasl.oauthbearer.client.credentials.client.id", OptionType::string, nullptr)
        .no_effect()
        .broker("Client id towards an identity provider."),
    Option("sasl.oauthbearer.client.credentials.client.secret", OptionType::password, nullptr)
        .no_effect()
        .broker("Client secret towards an identity provider."),
    Option("sasl.oauthbearer.clock.skew.seconds", OptionType::int32, "30")
        .no_effect()
        .broker("How far an identity provider's clock may be off."),
    Option("sasl.oauthbearer.expected.audience", OptionType::list, "")
        .no_effect()
        .broker("Audiences of which a token must name one."),
    Option("sasl.oauthbearer.expected.issuer", OptionType::string, nullptr)
        .no_effect()
        .broker("Issuer that a token must name."),
    Option("sasl.oauthbearer.jwks.endpoint.refresh.ms", OptionType::int64, "3600000")
        .no_effect()
        .broker("How often an identity provider's keys are read again."),
    Option("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", OptionType::int64, "10000")
        .no_effect()
        .broker("Longest wait between two tries to read the keys."),
    Option("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", OptionType::int64, "100")
        .no_effect()
        .broker("First wait between two tries to read the keys."),
    Option("sasl.oauthbearer.jwks.endpoint.url", OptionType::string, nullptr)
        .no_effect()
        .broker("Where an identity provider's keys are."),
    Option("sasl.oauthbearer.jwt.retriever.class", OptionType::class_name,
           "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever")
        .no_effect()
        .broker("A Java class; Moldau loads none."),
    Option("sasl.oauthbearer.jwt.validator.class", OptionType::class_name,
           "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator")
        .no_effect()
        .broker("A Java class; Moldau loads none."),
    Option("sasl.oauthbearer.scope", OptionType::string, nullptr)
        .no_effect()
        .broker("Scope asked for in a token."),
    Option("sasl.oauthbearer.scope.claim.name", OptionType::string, "scope")
        .no_effect()
        .broker("Claim that holds a token's scope."),
    Option("sasl.oauthbearer.sub.claim.name", OptionType::string, "sub")
        .no_effect()
        .broker("Claim that holds a token's subject."),
    Option("sasl.oauthbearer.token.endpoint.url", OptionType::string, nullptr)
        .no_effect()
        .broker("Where tokens are fetched."),
    Option("sasl.server.callback.handler.class", OptionType::class_name, nullptr)
        .no_effect()
        .broker("A Java class; Moldau loads none."),
    Option("sasl.server.max.receive.size", OptionType::int32, "524288")
        .no_effect()
        .broker("Largest SASL message accepted before a client is authenticated."),
    Option("security.inter.broker.protocol", OptionType::string, "PLAINTEXT")
        .one_of("PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")
        .no_effect()
        .broker("Security protocol used among brokers when inter.broker.listener.name is not set."),
    Option("security.providers", OptionType::string, nullptr)
        .no_effect()
        .broker("Java security providers; Moldau loads none."),
    Option("server.max.startup.time.ms", OptionType::int64, "9223372036854775807")
        .min(0)
        .hidden()
        .no_effect()
        .broker("How long a start may take."),
    Option("share.coordinator.append.linger.ms", OptionType::int32, "-1")
        .min(-1)
        .no_effect()
        .broker("How long a share coordinator gathers records before it writes them; -1 adapts to "
                "the load."),
    Option("share.coordinator.cached.buffer.max.bytes", OptionType::int32, "1048588")
        .min(524288)
        .cluster_wide()
        .no_effect()
        .broker("Largest write buffer that a share coordinator keeps for the next write."),
    Option("share.coordinator.cold.partition.snapshot.interval.ms", OptionType::int32, "300000")
        .min(1)
        .hidden()
        .no_effect()
        .broker("How often the state of quiet share partitions is written anew."),
    Option("share.coordinator.load.buffer.size", OptionType::int32, "5242880")
        .min(1)
        .no_effect()
        .broker("Bytes read at a time when a share coordinator loads its state."),
    Option("share.coordinator.snapshot.update.records.per.snapshot", OptionType::int32, "500")
        .min(0)
        .max(500)
        .no_effect()
        .broker("Updates written between two snapshots of a share partition's state."),
    Option("share.coordinator.state.topic.compression.codec", OptionType::int32, "0")
        .no_effect()
        .broker("Codec of batches in __share_group_state, as a number."),
    Option("share.coordinator.state.topic.min.isr", OptionType::int16, "2")
        .min(1)
        .no_effect()
        .broker("The min.insync.replicas of __share_group_state."),
    Option("share.coordinator.state.topic.num.partitions", OptionType::int32, "50")
        .min(1)
        .no_effect()
        .broker("Partitions of __share_group_state."),
    Option("share.coordinator.state.topic.prune.interval.ms", OptionType::int32, "300000")
        .min(1)
        .hidden()
        .no_effect()
        .broker("How often __share_group_state is cut."),
    Option("share.coordinator.state.topic.replication.factor", OptionType::int16, "3")
        .min(1)
        .no_effect()
        .broker("Replicas of __share_group_state; never more than there are brokers."),
    Option("share.coordinator.state.topic.segment.bytes", OptionType::int32, "104857600")
        .min(1)
        .no_effect()
        .broker("Segment size of __share_group_state."),
    Option("share.coordinator.threads", OptionType::int32, "1")
        .min(1)
        .no_effect()
        .broker("Kafka's count of share coordinator threads."),
    Option("share.coordinator.write.timeout.ms", OptionType::int32, "5000")
        .min(1)
        .no_effect()
        .broker("How long a share coordinator's write may wait for the replicas."),
    Option("share.fetch.purgatory.purge.interval.requests", OptionType::int32, "1000")
        .no_effect()
        .broker("Kafka's housekeeping interval for waiting share fetches."),
    Option("socket.connection.setup.timeout.max.ms", OptionType::int64, "30000")
        .no_effect()
        .broker("Longest wait for a connection to another node."),
    Option("socket.connection.setup.timeout.ms", OptionType::int64, "10000")
        .no_effect()
        .broker("First wait for a connection to another node."),
    Option("socket.listen.backlog.size", OptionType::int32, "50")
        .min(1)
        .no_effect()
        .broker("Connections that the kernel queues before they are accepted."),
    Option("socket.receive.buffer.bytes", OptionType::int32, "102400")
        .no_effect()
        .broker("Receive buffer of a connection; -1 leaves it to the kernel."),
    Option("socket.request.max.bytes", OptionType::int32, "104857600")
        .min(1)
        .broker("Largest request accepted; a larger one closes its connection."),
    Option("socket.send.buffer.bytes", OptionType::int32, "102400")
        .no_effect()
        .broker("Send buffer of a connection; -1 leaves it to the kernel."),
    Option("ssl.allow.dn.changes", OptionType::boolean, "false")
        .no_effect()
        .broker("Whether a new certificate may name another subject."),
    Option("ssl.allow.san.changes", OptionType::boolean, "false")
        .no_effect()
        .broker("Whether a new certificate may name other hosts."),
    Option("ssl.cipher.suites", OptionType::list, "")
        .per_broker()
        .no_effect()
        .broker("Cipher suites that are offered."),
    Option("ssl.client.auth", OptionType::string, "none")
        .one_of("required, requested, none")
        .per_broker()
        .no_effect()
        .broker("Whether clients must, may or need not show a certificate."),
    Option("ssl.enabled.protocols", OptionType::list, "TLSv1.2,TLSv1.3")
        .per_broker()
        .no_effect()
        .broker("TLS versions that are accepted."),
    Option("ssl.endpoint.identification.algorithm", OptionType::string, "https")
        .per_broker()
        .no_effect()
        .broker("How a server's certificate is held against its host name."),
    Option("ssl.engine.factory.class", OptionType::class_name, nullptr)
        .per_broker()
        .no_effect()
        .broker("A Java class; Moldau loads none."),
    Option("ssl.key.password", OptionType::password, nullptr)
        .per_broker()
        .no_effect()
        .broker("Password of the private key."),
    Option("ssl.keymanager.algorithm", OptionType::string, "SunX509")
        .per_broker()
        .no_effect()
        .broker("Java's key manager; Moldau uses OpenSSL."),
    Option("ssl.keystore.certificate.chain", OptionType::password, nullptr)
        .per_broker()
        .no_effect()
        .broker("The certificate and its chain, as PEM."),
    Option("ssl.keystore.key", OptionType::password, nullptr)
        .per_broker()
        .no_effect()
        .broker("The private key, as PEM."),
    Option("ssl.keystore.location", OptionType::string, nullptr)
        .per_broker()
        .no_effect()
        .broker("File with the certificate and the private key."),
    Option("ssl.keystore.password", OptionType::password, nullptr)
        .per_broker()
        .no_effect()
        .broker("Password of that file."),
    Option("ssl.keystore.type", OptionType::string, "JKS")
        .per_broker()
        .no_effect()
        .broker("Format of that file: PEM, PKCS12 or JKS."),
    Option("ssl.principal.mapping.rules", OptionType::string, "DEFAULT")
        .no_effect()
        .broker("Rules from certificates' subjects to user names, the first that fits."),
    Option("ssl.protocol", OptionType::string, "TLSv1.3")
        .per_broker()
        .no_effect()
        .broker("TLS version preferred."),
    Option("ssl.provider", OptionType::string, nullptr)
        .per_broker()
        .no_effect()
        .broker("Java's security provider; Moldau uses OpenSSL."),
    Option("ssl.secure.random.implementation", OptionType::string, nullptr)
        .per_broker()
        .no_effect()
        .broker("Java's random generator; Moldau uses the system's."),
    Option("ssl.trustmanager.algorithm", OptionType::string, "PKIX")
        .per_broker()
        .no_effect()
        .broker("Java's trust manager; Moldau uses OpenSSL."),
    Option("ssl.truststore.certificates", OptionType::password, nullptr)
        .per_broker()
        .no_effect()
        .broker("Certificates that are trusted, as PEM."),
    Option("ssl.truststore.location", OptionType::string, nullptr)
        .per_broker()
        .no_effect()
        .broker("File with the certificates that are trusted."),
    Option("ssl.truststore.password", OptionType::password, nullptr)
        .per_broker()
        .no_effect()
        .broker("Password of that file."),
    Option("ssl.truststore.type", OptionType::string, "JKS")
        .per_broker()
        .no_effect()
        .broker("Format of that file: PEM, PKCS12 or JKS."),
    Option("telemetry.max.bytes", OptionType::int32, "1048576")
        .min(1)
        .no_effect()
        .broker("Largest telemetry message accepted from a client."),
    Option("transaction.abort.timed.out.transaction.cleanup.interval.ms", OptionType::int32,
           "10000")
        .min(1)
        .no_effect()
        .broker("How often transactions that ran out of time are looked for."),
    Option("transaction.max.timeout.ms", OptionType::int32, "900000")
        .min(1)
        .broker("Longest time that a producer may ask for its transactions."),
    Option("transaction.partition.verification.enable", OptionType::boolean, "true")
        .cluster_wide()
        .broker("Whether a partition asks the coordinator before it takes the first batch of a "
                "transaction."),
    Option("transaction.remove.expired.transaction.cleanup.interval.ms", OptionType::int32,
           "3600000")
        .min(1)
        .broker("How often transactional ids that were not used for long are looked for."),
    Option("transaction.state.log.load.buffer.size", OptionType::int32, "5242880")
        .min(1)
        .no_effect()
        .broker("Bytes read at a time when a transaction coordinator loads its state."),
    Option("transaction.state.log.min.isr", OptionType::int32, "2")
        .min(1)
        .broker("The min.insync.replicas of __transaction_state."),
    Option("transaction.state.log.num.partitions", OptionType::int32, "50")
        .min(1)
        .broker("Partitions of __transaction_state."),
    Option("transaction.state.log.replication.factor", OptionType::int16, "3")
        .min(1)
        .broker("Replicas of __transaction_state; never more than there are brokers."),
    Option("transaction.state.log.segment.bytes", OptionType::int32, "104857600")
        .min(1)
        .broker("Segment size of __transaction_state."),
    Option("transaction.two.phase.commit.enable", OptionType::boolean, "false")
        .no_effect()
        .broker("Whether transactions may take part in a two-phase commit."),
    Option("transactional.id.expiration.ms", OptionType::int32, "604800000")
        .min(1)
        .broker("A transactional id that was not used for this long is forgotten."),
    Option("unclean.leader.election.enable", OptionType::boolean, "false")
        .cluster_wide()
        .broker("Default of the topics' unclean.leader.election.enable."),
    Option("unclean.leader.election.interval.ms", OptionType::int64, "300000")
        .min(1)
        .hidden()
        .no_effect()
        .broker("How often partitions without a leader are looked for when unclean election is "
                "allowed."),
    Option("unstable.api.versions.enable", OptionType::boolean, "false")
        .hidden()
        .no_effect()
        .broker("Whether versions of the protocol that are still being worked on are offered."),
    Option("unstable.feature.versions.enable", OptionType::boolean, "false")
        .hidden()
        .no_effect()
        .broker("Whether levels of features that are still being worked on are offered."),
};

}  // namespace

std::span<const OptionDefinition> broker_options() {
  return table;
}

}  // namespace moldau::metadata
