import java.io.*;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/**
 * Java's own client with transactions; compiled against each of the versions. See tests/clients/README.md.
 */
public class Transactions {
  static final Duration POLL = Duration.ofMillis(100);
  static final Map<String, String> options = new HashMap<>();
  static final BlockingQueue<String> commands = new LinkedBlockingQueue<>();
  static KafkaProducer<String, String> producer;
  static final List<Future<RecordMetadata>> sent = new ArrayList<>();

  static KafkaProducer<String, String> newProducer() {
    return new KafkaProducer<>(Map.of("bootstrap.servers", options.get("bootstrap"),
        "transactional.id", options.get("id"), "transaction.timeout.ms", options.get("timeout"),
        "max.block.ms", 60000), new StringSerializer(), new StringSerializer());
  }

  static KafkaConsumer<String, String> newConsumer(Map<String, Object> more) {
    Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", options.get("bootstrap"),
        "enable.auto.commit", false, "auto.offset.reset", "earliest", "fetch.max.wait.ms", 100));
    config.putAll(more);
    return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
  }

  /** The acknowledgements of what was sent since the last call; the first error is thrown. */
  static String acknowledged() throws Exception {
    producer.flush();
    try {
      for (var record : sent) record.get();
    } finally {
      sent.clear();
    }
    return "";
  }

  static String init() {
    producer = newProducer();
    producer.initTransactions();
    return "";
  }

  static String send(String topic, int partition, String value, int count) {
    for (int i = 0; i < count; i++)
      sent.add(producer.send(new ProducerRecord<>(topic, partition, null, value + "." + i)));
    return "";
  }

  static String offsets(String group, String topic, int partition, long offset) {
    producer.sendOffsetsToTransaction(
        Map.of(new TopicPartition(topic, partition), new OffsetAndMetadata(offset)), new ConsumerGroupMetadata(group));
    return "";
  }

  /** All values up to the mark of each partition. */
  static String read(String level, String topic, int partitions, String mark) {
    var values = new StringJoiner(" ");
    try (var consumer = newConsumer(Map.of("isolation.level", "read_" + level))) {
      consumer.assign(IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p))
          .collect(Collectors.toList()));
      consumer.seekToBeginning(List.of());
      for (int left = partitions; left > 0;)
        for (var record : consumer.poll(POLL)) {
          if (record.value().equals(mark)) left--;
          values.add(record.partition() + "/" + record.value());
        }
    }
    return values.toString();
  }

  /** Copies the input to the output, a transaction for each poll, until the next command. */
  static String transform(String group, String input, String output, String protocol) {
    Map<String, Object> config = new HashMap<>(Map.of("group.id", group, "isolation.level", "read_committed",
        "max.poll.records", 10, "group.protocol", protocol));
    if (protocol.equals("classic")) {
      config.remove("group.protocol");    // Older clients do not know the word.
      config.putAll(Map.of("session.timeout.ms", 6000, "heartbeat.interval.ms", 500));
    }
    init();
    try (var consumer = newConsumer(config)) {
      consumer.subscribe(List.of(input));
      while (commands.isEmpty()) {
        var batch = consumer.poll(POLL);
        if (!batch.isEmpty()) transfer(consumer, batch, output);
      }
      commands.poll();
    }
    return "";
  }

  static void transfer(KafkaConsumer<String, String> consumer, ConsumerRecords<String, String> batch, String output) {
    try {
      producer.beginTransaction();
      Map<TopicPartition, OffsetAndMetadata> ends = new HashMap<>();
      for (var record : batch) {
        producer.send(new ProducerRecord<>(output, record.partition(), null, record.value()));
        ends.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
      }
      producer.sendOffsetsToTransaction(ends, consumer.groupMetadata());
      producer.commitTransaction();
    } catch (ProducerFencedException | OutOfOrderSequenceException | AuthorizationException fatal) {
      throw fatal;
    } catch (KafkaException e) {
      System.err.println("aborted: " + e);
      producer.abortTransaction();
      var committed = consumer.committed(consumer.assignment());
      for (var partition : consumer.assignment()) {
        var offset = committed.get(partition);
        if (offset == null) consumer.seekToBeginning(List.of(partition));
        else consumer.seek(partition, offset);
      }
    }
  }

  static String answer(String[] words) throws Exception {
    switch (words[0]) {
      case "init": return init();
      case "begin": producer.beginTransaction(); return "";
      case "send": return send(words[1], Integer.parseInt(words[2]), words[3], Integer.parseInt(words[4]));
      case "flush": return acknowledged();
      case "offsets": return offsets(words[1], words[2], Integer.parseInt(words[3]), Long.parseLong(words[4]));
      case "commit": producer.commitTransaction(); return acknowledged();
      case "abort": sent.clear(); producer.abortTransaction(); return "";
      case "read": return read(words[1], words[2], Integer.parseInt(words[3]), words[4]);
      case "transform": return transform(words[1], words[2], words[3], words[4]);
      case "close": producer.close(Duration.ofSeconds(5)); return "";
      default: throw new IllegalArgumentException(words[0]);
    }
  }

  static void read() {
    try (var in = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line; (line = in.readLine()) != null;) commands.add(line.trim());
    } catch (IOException e) {
      // The test is gone.
    }
    Runtime.getRuntime().halt(0);
  }

  public static void main(String[] args) throws Exception {
    options.put("bootstrap", args[0]);
    for (String pair : Arrays.copyOfRange(args, 1, args.length)) {
      int at = pair.indexOf('=');
      options.put(pair.substring(0, at), pair.substring(at + 1));
    }
    var reader = new Thread(Transactions::read);
    reader.setDaemon(true);
    reader.start();
    var out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    while (true) {
      String line;
      try {
        line = "ok " + answer(commands.take().split(" "));
      } catch (Exception e) {
        Throwable why = e instanceof ExecutionException ? e.getCause() : e;
        e.printStackTrace();
        line = "error " + why.getClass().getSimpleName() + " " + why.getMessage();
      }
      out.println(line.replace('\n', ' '));
    }
  }
}
