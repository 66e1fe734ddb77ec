import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.coordinator.group.generated.*;

/**
 * Groups of all kinds in a real Kafka, and what it wrote about them.
 *
 * Referee.java walk BOOTSTRAP    lives through groups that write each kind of record
 * Referee.java dump BOOTSTRAP    prints partition 0 of __consumer_offsets, and records in older versions:
 *                                key, value (hexadecimal, - for none), and both as Kafka's own JSON
 */
public class Referee {
  static final List<String> TOPICS = List.of("orders", "orders-late");
  static String bootstrap;
  static Admin admin;

  static KafkaConsumer<byte[], byte[]> member(String group, String... options) {
    Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group,
        "auto.offset.reset", "earliest", "enable.auto.commit", false, "client.id", "client-of-" + group));
    for (int i = 0; i < options.length; i += 2) config.put(options[i], options[i + 1]);
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** Until each of them owns something; a rebalance needs all of them. */
  static void settle(List<KafkaConsumer<byte[], byte[]>> members) {
    for (int i = 0; i < 200; i++) {
      for (var member : members) member.poll(Duration.ofMillis(100));
      if (members.stream().noneMatch(member -> member.assignment().isEmpty())) return;
    }
    System.err.println("a group did not settle");
  }

  static void commit(KafkaConsumer<byte[], byte[]> member, String metadata) {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    for (var partition : member.assignment())
      offsets.put(partition, new OffsetAndMetadata(partition.partition() + 1, Optional.of(0), metadata));
    member.commitSync(offsets);
  }

  static void classic() throws Exception {
    var members = List.of(member("classic", "group.instance.id", "an-instance"), member("classic"),
        member("classic", "partition.assignment.strategy",
            "org.apache.kafka.clients.consumer.CooperativeStickyAssignor,org.apache.kafka.clients.consumer.RangeAssignor"));
    for (var member : members) {
      member.subscribe(TOPICS);
      settle(members.subList(0, members.indexOf(member) + 1));
    }
    commit(members.get(0), "a note");
    commit(members.get(1), "");
    for (var member : members) member.close();
    admin.removeMembersFromConsumerGroup("classic", new RemoveMembersFromConsumerGroupOptions(
        Set.of(new MemberToRemove("an-instance")))).all().get();
    admin.deleteConsumerGroupOffsets("classic", Set.of(new TopicPartition("orders", 0))).all().get();
    admin.deleteConsumerGroups(List.of("classic")).all().get();
  }

  static void consumer() throws Exception {
    var members = List.of(
        member("consumer", "group.protocol", "consumer", "group.instance.id", "an-instance", "client.rack", "a-rack"),
        member("consumer", "group.protocol", "consumer", "group.remote.assignor", "range"),
        member("consumer", "group.protocol", "consumer"));
    members.get(0).subscribe(TOPICS);
    members.get(1).subscribe(List.of("orders"));
    members.get(2).subscribe(new SubscriptionPattern("ord.*e"));
    settle(members.subList(0, 2));
    settle(members);
    commit(members.get(0), "a note");
    members.get(1).close();
    settle(List.of(members.get(0), members.get(2)));
    commit(members.get(2), "");
    members.get(0).close();
    members.get(2).close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
    admin.removeMembersFromConsumerGroup("consumer", new RemoveMembersFromConsumerGroupOptions(
        Set.of(new MemberToRemove("an-instance")))).all().get();
    admin.deleteConsumerGroups(List.of("consumer")).all().get();
  }

  /** A classic group that a member of the new protocol joins and leaves. */
  static void migrating() {
    try (var classic = member("migrating", "partition.assignment.strategy",
        "org.apache.kafka.clients.consumer.CooperativeStickyAssignor")) {
      classic.subscribe(TOPICS);
      settle(List.of(classic));
      try (var consumer = member("migrating", "group.protocol", "consumer")) {
        consumer.subscribe(TOPICS);
        settle(List.of(classic, consumer));
      }
      settle(List.of(classic));
      commit(classic, "");
    }
  }

  static void simple() throws Exception {
    var partition = new TopicPartition("orders", 1);
    try (var reader = member("simple")) {
      reader.assign(List.of(partition));
      reader.commitSync(Map.of(partition, new OffsetAndMetadata(1, "no epoch")));
    }
    admin.alterConsumerGroupOffsets("simple", Map.of(partition,
        new OffsetAndMetadata(2, Optional.of(0), "set"))).all().get();
  }

  /** Records of types that are not consumer groups'. */
  static void shared() {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "group.id", "shared");
    try (var member = new KafkaShareConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      member.subscribe(TOPICS);
      for (int i = 0; i < 20; i++) member.poll(Duration.ofMillis(100));
    }
  }

  static void walk() throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap);
    admin = Admin.create(config);
    admin.createTopics(TOPICS.stream().map(name -> new NewTopic(name, 3, (short) 1)).toList()).all().get();
    try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < 12; i++) producer.send(new ProducerRecord<>(TOPICS.get(i % 2), i % 3, null, new byte[] {1}));
    }
    classic();
    consumer();
    migrating();
    simple();
    shared();
    admin.close();
  }

  static String hex(byte[] bytes) {
    return bytes == null ? "-" : HexFormat.of().formatHex(bytes);
  }

  static byte[] bytes(short prefix, ApiMessage message, short version) {
    byte[] body = MessageUtil.toVersionPrefixedBytes(version, message);
    ByteBuffer.wrap(body).putShort(prefix);
    return body;
  }

  static void print(short type, ApiMessage key, byte[] keyBytes, byte[] valueBytes) {
    String json = "-";
    if (valueBytes != null) {
      short version = ByteBuffer.wrap(valueBytes).getShort();
      ApiMessage value = CoordinatorRecordType.fromId(type).newRecordValue();
      value.read(new ByteBufferAccessor(ByteBuffer.wrap(valueBytes, 2, valueBytes.length - 2)), version);
      json = CoordinatorRecordJsonConverters.writeRecordValueAsJson(value, version).toString();
    }
    System.out.println(hex(keyBytes) + "\t" + hex(valueBytes) + "\t"
        + CoordinatorRecordJsonConverters.writeRecordKeyAsJson(key) + "\t" + json);
  }

  static ApiMessage keyOf(short type, byte[] keyBytes) {
    ApiMessage key = CoordinatorRecordType.fromId(type).newRecordKey();
    key.read(new ByteBufferAccessor(ByteBuffer.wrap(keyBytes, 2, keyBytes.length - 2)), (short) 0);
    return key;
  }

  static void dump() {
    var partition = new TopicPartition("__consumer_offsets", 0);
    try (var reader = member("nobody")) {
      reader.assign(List.of(partition));
      reader.seekToBeginning(List.of(partition));
      long end = reader.endOffsets(List.of(partition)).get(partition);
      while (reader.position(partition) < end)
        for (var record : reader.poll(Duration.ofSeconds(1))) {
          short type = ByteBuffer.wrap(record.key()).getShort();
          print(type, keyOf(type, record.key()), record.key(), record.value());
        }
    }
    older();
  }

  /** In every version that Kafka reads, though it writes them no more. */
  static void older() {
    for (short type : new short[] {0, 1}) {
      for (short version = 0; version <= (type == 0 ? 0 : 4); version++) {
        var value = new OffsetCommitValue().setOffset(7).setMetadata("old").setCommitTimestamp(1700000000000L);
        if (version >= 3) value.setLeaderEpoch(5);
        if (version == 1) value.setExpireTimestamp(1700000060000L);
        if (version == 4) value.setTopicId(new Uuid(0x0102030405060708L, 0x090a0b0c0d0e0f10L));
        byte[] key = bytes(type, new OffsetCommitKey().setGroup("old").setTopic("orders").setPartition(version), (short) 0);
        print(type, keyOf(type, key), key, bytes(version, value, version));
      }
    }
    for (short version = 0; version <= 4; version++) {
      var member = new GroupMetadataValue.MemberMetadata().setMemberId("m-1").setClientId("c").setClientHost("/h")
          .setSessionTimeout(10000).setSubscription(new byte[] {1, 2}).setAssignment(new byte[] {3});
      if (version >= 1) member.setRebalanceTimeout(20000);
      if (version >= 3) member.setGroupInstanceId("an-instance");
      var value = new GroupMetadataValue().setProtocolType("consumer").setGeneration(version + 1).setProtocol("range")
          .setLeader("m-1").setMembers(List.of(member));
      if (version >= 2) value.setCurrentStateTimestamp(1700000000000L);
      byte[] key = bytes((short) 2, new GroupMetadataKey().setGroup("old-" + version), (short) 0);
      print((short) 2, keyOf((short) 2, key), key, bytes(version, value, version));
    }
    var racks = new ConsumerGroupPartitionMetadataValue.PartitionMetadata().setPartition(1).setRacks(List.of("a-rack"));
    var topic = new ConsumerGroupPartitionMetadataValue.TopicMetadata().setTopicId(new Uuid(1, 2))
        .setTopicName("orders").setNumPartitions(3).setPartitionMetadata(List.of(racks));
    byte[] key = bytes((short) 4, new ConsumerGroupPartitionMetadataKey().setGroupId("old"), (short) 0);
    print((short) 4, keyOf((short) 4, key), key,
        bytes((short) 0, new ConsumerGroupPartitionMetadataValue().setTopics(List.of(topic)), (short) 0));
  }

  public static void main(String[] args) throws Exception {
    bootstrap = args[1];
    if (args[0].equals("walk")) walk();
    else dump();
  }
}
