import java.io.*;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Java's own client as a member of a group; compiled against each of the versions. See tests/clients/README.md.
 */
public class Group {
  static final Duration POLL = Duration.ofMillis(100);
  static final Map<String, String> options = new HashMap<>();
  static final Queue<String> commands = new ConcurrentLinkedQueue<>();
  static final SortedSet<Integer> owned = new TreeSet<>();
  // What was read and is not known to be committed: a group that rebalances refuses it, and then it is tried again.
  static final Map<TopicPartition, OffsetAndMetadata> pending = new HashMap<>();
  // System.out may take several writes for a line; the file it goes to has several writers.
  static final FileOutputStream out = new FileOutputStream(FileDescriptor.out);

  static void say(Stream<String> lines) {
    String text = lines.map(line -> options.get("name") + " " + line + "\n").collect(Collectors.joining());
    try {
      if (!text.isEmpty()) out.write(text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void say(String line) {
    say(Stream.of(line));
  }

  static void owns() {
    say("owns " + (owned.isEmpty() ? "-" : owned.stream().map(String::valueOf).collect(Collectors.joining(","))));
  }

  static void read() {
    try (var in = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line; (line = in.readLine()) != null;) commands.add(line.trim());
    } catch (IOException e) {
      // The test is gone; leaving is all that is left.
    }
    commands.add("leave");
  }

  static Set<TopicPartition> partitions() {
    return IntStream.range(0, Integer.parseInt(options.get("partitions")))
        .mapToObj(p -> new TopicPartition(options.get("topic"), p)).collect(Collectors.toSet());
  }

  static Stream<String> lines(String word, Map<TopicPartition, OffsetAndMetadata> offsets) {
    return offsets.entrySet().stream().filter(e -> e.getValue() != null)
        .map(e -> word + " " + e.getKey().partition() + " " + e.getValue().offset());
  }

  static Map<String, Object> settings() {
    Map<String, Object> config = new HashMap<>(Map.of("group.id", options.get("group"),
        "bootstrap.servers", options.get("bootstrap"), "enable.auto.commit", false,
        "auto.offset.reset", "earliest", "fetch.max.wait.ms", 100));
    if (!options.get("instance").isEmpty()) config.put("group.instance.id", options.get("instance"));
    if (options.get("protocol").equals("consumer")) {
      config.put("group.protocol", "consumer");
      return config;
    }
    config.put("session.timeout.ms", options.get("session"));
    config.put("heartbeat.interval.ms", 500);
    config.put("partition.assignment.strategy", options.get("protocol").equals("range")
        ? RangeAssignor.class.getName() : CooperativeStickyAssignor.class.getName());
    return config;
  }

  static final ConsumerRebalanceListener listener = new ConsumerRebalanceListener() {
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
      assigned.forEach(p -> owned.add(p.partition()));
      owns();
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
      revoked.forEach(p -> owned.remove(p.partition()));
      pending.keySet().removeAll(revoked);
      owns();
    }
  };

  static void commit(KafkaConsumer<byte[], byte[]> consumer) {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>(pending);
    if (options.get("commit").equals("async")) {
      pending.clear();
      consumer.commitAsync(offsets, (done, e) -> {
        if (e == null) say(lines("committed", done));
        else offsets.forEach((p, o) -> { if (owned.contains(p.partition())) pending.putIfAbsent(p, o); });
      });
      return;
    }
    try {
      consumer.commitSync(offsets);
      pending.clear();
      say(lines("committed", offsets));
    } catch (KafkaException e) {
      say("not committed " + e.getClass().getSimpleName());
    }
  }

  static void consume() {
    try (var consumer = new KafkaConsumer<>(settings(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(options.get("topic")), listener);
      for (String command; !"leave".equals(command = commands.poll());) {
        if ("fetch".equals(command))
          say(Stream.concat(lines("fetched", consumer.committed(partitions())), Stream.of("fetched")));
        ConsumerRecords<byte[], byte[]> batch = consumer.poll(POLL);
        List<String> records = new ArrayList<>();
        for (var record : batch) {
          records.add("record " + record.partition() + " " + record.offset());
          pending.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        say(records.stream());
        if (!pending.isEmpty()) commit(consumer);
      }
    }
    say("left");
  }

  static Stream<String> offsets(Admin admin, String word) throws Exception {
    return lines(word, admin.listConsumerGroupOffsets(options.get("group")).partitionsToOffsetAndMetadata().get());
  }

  static void administer() throws Exception {
    String group = options.get("group");
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) options.get("bootstrap")))) {
      for (var listed : admin.listConsumerGroups().all().get())
        say("listed " + listed.groupId() + " " + listed.state().map(Object::toString).orElse("-"));
      for (var live : admin.describeConsumerGroups(List.of(options.get("live"))).all().get().values())
        say("described " + live.groupId() + " " + live.state() + " " + live.members().size() + " "
            + live.members().stream().mapToInt(m -> m.assignment().topicPartitions().size()).sum());
      say(offsets(admin, "offset"));
      admin.alterConsumerGroupOffsets(group, partitions().stream()
          .collect(Collectors.toMap(p -> p, p -> new OffsetAndMetadata(1)))).all().get();
      say(offsets(admin, "altered"));
      admin.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(options.get("topic"), 0))).all().get();
      say(offsets(admin, "kept"));
      admin.removeMembersFromConsumerGroup(options.get("live"), new RemoveMembersFromConsumerGroupOptions(
          Set.of(new MemberToRemove(options.get("removed"))))).all().get();
      say("removed " + options.get("removed"));
      admin.deleteConsumerGroups(List.of(group)).all().get();
      say(admin.listConsumerGroups().all().get().stream().map(g -> "still " + g.groupId()));
    }
    say("left");
  }

  public static void main(String[] args) throws Exception {
    options.put("bootstrap", args[0]);
    for (String pair : Arrays.copyOfRange(args, 2, args.length)) {
      int at = pair.indexOf('=');
      options.put(pair.substring(0, at), pair.substring(at + 1));
    }
    var reader = new Thread(Group::read);
    reader.setDaemon(true);
    reader.start();
    if (args[1].equals("member")) consume();
    else administer();
  }
}
