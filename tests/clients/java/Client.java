import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Java's own client. See tests/clients/README.md. */
public class Client {
  static final Duration IDLE = Duration.ofSeconds(20);

  interface Sink {
    void accept(byte[] value) throws Exception;
  }

  static void records(Map<String, String> job, Sink sink) throws Exception {
    if (job.get("mode").equals("lines")) {
      byte[] data = Files.readAllBytes(Path.of(job.get("file")));
      for (int start = 0, end = 0; end < data.length; end++) {
        if (data[end] != '\n') continue;
        sink.accept(Arrays.copyOfRange(data, start, end));
        start = end + 1;
      }
      return;
    }
    try (var file = new FileInputStream(job.get("file"))) {
      for (String size : Files.readAllLines(Path.of(job.get("file") + ".sizes")))
        sink.accept(file.readNBytes(Integer.parseInt(size)));
    }
  }

  static void produce(String bootstrap, Map<String, String> job) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", "all",
        "compression.type", job.get("codec"), "enable.idempotence", job.get("idempotent").equals("1"),
        "max.request.size", 3000000);
    int partitions = Integer.parseInt(job.get("partitions"));
    var failure = new AtomicReference<Exception>();
    int[] number = {0};
    try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      records(job, value -> producer.send(
          new ProducerRecord<>(job.get("topic"), number[0]++ % partitions, null, value),
          (metadata, e) -> { if (e != null) failure.compareAndSet(null, e); }));
      producer.flush();
    }
    if (failure.get() != null) throw failure.get();
  }

  static void consume(String bootstrap, Map<String, String> job) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "max.poll.records", 10000,
        "auto.offset.reset", "none");
    List<TopicPartition> topic = new ArrayList<>();
    List<OutputStream> files = new ArrayList<>();
    for (int p = 0; p < Integer.parseInt(job.get("partitions")); p++) {
      topic.add(new TopicPartition(job.get("topic"), p));
      files.add(new BufferedOutputStream(new FileOutputStream(job.get("file") + "." + p)));
    }
    int left = Integer.parseInt(job.get("count"));
    boolean lines = job.get("mode").equals("lines");
    try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(topic);
      consumer.seekToBeginning(topic);
      while (left > 0) {
        ConsumerRecords<byte[], byte[]> batch = consumer.poll(IDLE);
        if (batch.isEmpty()) break;
        for (var record : batch) {
          files.get(record.partition()).write(record.value());
          if (lines) files.get(record.partition()).write('\n');
          left--;
        }
      }
    }
    for (OutputStream file : files) file.close();
    if (left > 0) throw new IOException(left + " records did not come");
  }

  public static void main(String[] args) {
    for (String text : Arrays.copyOfRange(args, 1, args.length)) {
      Map<String, String> job = new HashMap<>();
      for (String pair : text.split(",")) job.put(pair.split("=")[0], pair.split("=")[1]);
      try {
        if (job.get("op").equals("produce")) produce(args[0], job);
        else consume(args[0], job);
        System.out.println("ok " + job.get("topic"));
      } catch (Exception e) {
        System.out.println("error " + job.get("topic") + " " + e);
      }
    }
  }
}
