import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Every request that Java's group members and the groups' part of Admin can send. Groups.java BOOTSTRAP */
public class Groups {
  static final String TOPIC = "walk-java-groups";
  static final TopicPartition ZERO = new TopicPartition(TOPIC, 0);

  static void attempt(String what, java.util.concurrent.Callable<?> body) {
    try {
      body.call();
    } catch (Throwable e) {
      System.err.println(what + ": " + e);
    }
  }

  static KafkaConsumer<String, String> member(String bootstrap, String group, Map<String, Object> extra) {
    Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group,
        "auto.offset.reset", "earliest", "enable.auto.commit", false));
    config.putAll(extra);
    return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
  }

  /** Two members: the group has to move partitions from one to the other, and back. */
  static void share(Admin admin, KafkaConsumer<String, String> first, KafkaConsumer<String, String> second,
      String group) throws Exception {
    try (first; second) {
      first.subscribe(List.of(TOPIC));
      second.subscribe(List.of(TOPIC));
      for (int i = 0; i < 100 && (first.assignment().isEmpty() || second.assignment().isEmpty()); i++) {
        first.poll(Duration.ofMillis(100));
        second.poll(Duration.ofMillis(100));
      }
      var mine = first.assignment().iterator().next();
      first.commitSync(Map.of(mine, new OffsetAndMetadata(1, Optional.of(0), "a note")));
      first.committed(Set.of(mine));
      attempt("describe", () -> admin.describeConsumerGroups(List.of(group),
          new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true)).all().get());
      attempt("list", () -> admin.listGroups(ListGroupsOptions.forConsumerGroups()).all().get());
    }
  }

  static void regex(String bootstrap, String group) {
    try (var member = member(bootstrap, group, Map.of("group.protocol", "consumer"))) {
      member.subscribe(new SubscriptionPattern("walk-java-g.*"));
      for (int seen = 0, i = 0; seen < 3 && i < 100; i++) seen += member.poll(Duration.ofMillis(100)).count();
      member.commitSync();
    }
  }

  static void administer(Admin admin, String group) {
    attempt("offsets", () -> admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get());
    attempt("alter", () -> admin.alterConsumerGroupOffsets(group, Map.of(ZERO,
        new OffsetAndMetadata(2, Optional.of(0), "set"))).all().get());
    attempt("remove", () -> admin.removeMembersFromConsumerGroup(group,
        new RemoveMembersFromConsumerGroupOptions(Set.of(new MemberToRemove("an-instance")))).all().get());
    attempt("delete offsets", () -> admin.deleteConsumerGroupOffsets(group, Set.of(ZERO)).all().get());
    attempt("delete", () -> admin.deleteConsumerGroups(List.of(group, "no-such-group")).all().get());
  }

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0];
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap);
    try (Admin admin = Admin.create(config);
         var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
      admin.createTopics(List.of(new NewTopic(TOPIC, 2, (short) 1))).all().get();
      for (int i = 0; i < 4; i++) producer.send(new ProducerRecord<>(TOPIC, i % 2, "key" + i, "a value " + i));
      producer.flush();
      attempt("classic", () -> {
        share(admin, member(bootstrap, "walk-classic", Map.of("group.instance.id", "an-instance")),
            member(bootstrap, "walk-classic", Map.of()), "walk-classic");
        return 0;
      });
      administer(admin, "walk-classic");
      Map<String, Object> consumer = Map.of("group.protocol", "consumer");
      attempt("consumer", () -> {
        share(admin, member(bootstrap, "walk-consumer", consumer),
            member(bootstrap, "walk-consumer", consumer), "walk-consumer");
        return 0;
      });
      attempt("regex", () -> { regex(bootstrap, "walk-consumer"); return 0; });
      administer(admin, "walk-consumer");
    }
  }
}
