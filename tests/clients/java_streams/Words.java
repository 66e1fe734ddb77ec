import java.io.PrintWriter;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.*;

/**
 * Counts words with Kafka Streams, each exactly once; see tests/clients/streams.py.
 *
 *   Words run BOOTSTRAP INPUT OUTPUT FOLDER                an instance, until it is terminated
 *   Words feed BOOTSTRAP INPUT PARTITIONS COUNT SECONDS    writes the input, evenly over that time
 *   Words read BOOTSTRAP OUTPUT PARTITIONS FILE            what read_committed has of the output, "WORD COUNT" a line
 */
public class Words {
  /** The text of an input record: two words of some hundreds. */
  static String line(int i) {
    return "w" + i % 499 + " v" + (i * 7L) % 311;
  }

  static void run(String bootstrap, String input, String output, String folder) throws Exception {
    var config = new Properties();
    config.putAll(Map.of("bootstrap.servers", bootstrap, "application.id", "words", "state.dir", folder,
        "processing.guarantee", "exactly_once_v2", "commit.interval.ms", 100, "num.stream.threads", 1,
        "replication.factor", 1, "statestore.cache.max.bytes", 0));
    config.put("consumer.auto.offset.reset", "earliest");
    config.put("consumer.session.timeout.ms", 6000);
    config.put("consumer.heartbeat.interval.ms", 500);
    var builder = new StreamsBuilder();
    var text = Serdes.String();
    builder.stream(input, Consumed.with(Serdes.ByteArray(), text))
        .flatMapValues(line -> Arrays.asList(line.split(" ")))
        .groupBy((key, word) -> word, Grouped.with(text, text))
        .count(Materialized.as("counts"))
        .toStream().to(output, Produced.with(text, Serdes.Long()));
    var streams = new KafkaStreams(builder.build(), config);
    streams.setUncaughtExceptionHandler(e -> {
      e.printStackTrace();
      return StreamThreadExceptionResponse.REPLACE_THREAD;
    });
    var closed = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      streams.close(Duration.ofSeconds(30));
      closed.countDown();
    }));
    streams.start();
    closed.await();
  }

  static void feed(String bootstrap, String input, int partitions, int count, double seconds) throws Exception {
    var left = new Semaphore(0);
    var failures = new ConcurrentLinkedQueue<Exception>();
    var started = System.nanoTime();
    try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap, "linger.ms", 20,
        "delivery.timeout.ms", Integer.MAX_VALUE, "max.block.ms", Integer.MAX_VALUE), new ByteArraySerializer(),
        new StringSerializer())) {
      for (int i = 0; i < count; i++) {
        long ahead = (long) (i * seconds * 1e9 / count) - (System.nanoTime() - started);
        if (ahead > 10_000_000) TimeUnit.NANOSECONDS.sleep(ahead);
        producer.send(new ProducerRecord<>(input, i % partitions, null, line(i)), (done, e) -> {
          if (e != null) failures.add(e);
          left.release();
        });
      }
      left.acquire(count);
    }
    if (!failures.isEmpty()) throw failures.peek();
  }

  static void read(String bootstrap, String output, int partitions, String file) throws Exception {
    try (var consumer = new KafkaConsumer<>(Map.<String, Object>of("bootstrap.servers", bootstrap,
             "isolation.level", "read_committed"), new StringDeserializer(), new LongDeserializer());
         var out = new PrintWriter(file)) {
      var all = IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(output, p))
          .collect(Collectors.toList());
      consumer.assign(all);
      consumer.seekToBeginning(all);
      var ends = consumer.endOffsets(all);
      while (all.stream().anyMatch(p -> consumer.position(p) < ends.get(p)))
        for (var record : consumer.poll(Duration.ofMillis(200))) out.println(record.key() + " " + record.value());
    }
  }

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "run": run(args[1], args[2], args[3], args[4]); break;
      case "feed":
        feed(args[1], args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]), Double.parseDouble(args[5]));
        break;
      case "read": read(args[1], args[2], Integer.parseInt(args[3]), args[4]); break;
      default: throw new IllegalArgumentException(args[0]);
    }
  }
}
