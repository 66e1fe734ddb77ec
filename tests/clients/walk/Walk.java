import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

/** Every request that Java's producer, groupless consumer and Admin can send. Walk.java BOOTSTRAP */
public class Walk {
  static void attempt(String what, java.util.concurrent.Callable<?> body) {
    try {
      body.call();
    } catch (Throwable e) {
      System.err.println(what + ": " + e);
    }
  }

  static void produce(String bootstrap, String topic, Map<String, Object> extra) {
    Map<String, Object> config = new HashMap<>(extra);
    config.put("bootstrap.servers", bootstrap);
    try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < 3; i++)
        producer.send(new ProducerRecord<>(topic, i % 2, "key" + i, "a value " + i));
      producer.flush();
    }
  }

  static void consume(String bootstrap, String topic) {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "auto.offset.reset", "earliest");
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
      var zero = new TopicPartition(topic, 0);
      consumer.assign(List.of(zero, new TopicPartition(topic, 1)));
      for (int seen = 0; seen < 3; ) seen += consumer.poll(Duration.ofSeconds(5)).count();
      consumer.seek(zero, new OffsetAndMetadata(1, Optional.of(0), ""));
      consumer.poll(Duration.ofSeconds(5));
      consumer.beginningOffsets(List.of(zero));
      consumer.offsetsForTimes(Map.of(zero, 1L));
    }
  }

  public static void main(String[] args) {
    String bootstrap = args[0], topic = "walk-java";
    var partition = new TopicPartition(topic, 0);
    var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap))) {
      attempt("create", () -> admin.createTopics(List.of(
          new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "3600000")))).all().get());
      attempt("produce", () -> { produce(bootstrap, topic, Map.of()); return 0; });
      attempt("produce", () -> {
        produce(bootstrap, topic, Map.of("enable.idempotence", false, "acks", "1",
                                         "compression.type", "gzip"));
        return 0;
      });
      attempt("consume", () -> { consume(bootstrap, topic); return 0; });
      attempt("describe", () -> admin.describeTopics(List.of(topic, "no-such-topic")).allTopicNames().get());
      for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.maxTimestamp(),
          OffsetSpec.forTimestamp(1), OffsetSpec.earliestLocal(), OffsetSpec.latestTiered(),
          OffsetSpec.earliestPendingUpload()))
        attempt("offsets", () -> admin.listOffsets(Map.of(partition, spec)).all().get());
      attempt("partitions", () -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get());
      attempt("configs", () -> admin.describeConfigs(List.of(resource)).all().get());
      attempt("configs", () -> admin.describeConfigs(List.of(
          new ConfigResource(ConfigResource.Type.BROKER, "1"))).all().get());
      attempt("alter", () -> admin.incrementalAlterConfigs(Map.of(resource, List.of(
          new AlterConfigOp(new ConfigEntry("retention.bytes", "1000000"), AlterConfigOp.OpType.SET)))).all().get());
      attempt("records", () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(1))).all().get());
      attempt("log dirs", () -> admin.describeLogDirs(List.of(1)).allDescriptions().get());
      attempt("cluster", () -> admin.describeCluster().nodes().get());
      attempt("producers", () -> admin.describeProducers(List.of(partition)).all().get());
      attempt("group", () -> admin.describeConsumerGroups(List.of("no-such-group")).all().get());
      attempt("delete", () -> admin.deleteTopics(List.of(topic)).all().get());
    }
  }
}
