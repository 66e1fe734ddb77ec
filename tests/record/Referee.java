import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.zip.CRC32C;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetention;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetentionResult;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.ByteBufferOutputStream;

/** Prints batches, and what MemoryRecords.filterTo() of Apache Kafka makes of them (referee_filter.py). */
public class Referee {
  static final long BASE_OFFSET = 1000, TIME_MS = 1_700_000_000_000L, HORIZON_MS = TIME_MS + 86_400_000;
  static final long STAMPED_MS = TIME_MS + 500;
  static final Header[] NO_HEADERS = {};

  static byte[] bytes(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }

  /** A batch in the making; the defaults are a plain one's. */
  static class Made {
    Compression compression = Compression.NONE;
    TimestampType type = TimestampType.CREATE_TIME;
    long producerId = -1;
    short epoch = -1;
    int sequence = -1;
    boolean transactional, control;
    long horizonMs = -1;
    List<SimpleRecord> records = new ArrayList<>();

    Made codec(CompressionType type) { compression = Compression.of(type).build(); return this; }
    Made appendTime() { type = TimestampType.LOG_APPEND_TIME; return this; }
    Made producer(boolean transactional) {
      producerId = 4_294_967_301L;
      epoch = 3;
      sequence = 2_147_483_646;
      this.transactional = transactional;
      return this;
    }
    Made horizon(long ms) { horizonMs = ms; return this; }
    Made add(long delta, String key, String value, Header... headers) {
      records.add(new SimpleRecord(TIME_MS + delta, bytes(key), bytes(value), headers));
      return this;
    }
    ByteBuffer build() {
      var builder = new MemoryRecordsBuilder(new ByteBufferOutputStream(4096),
          RecordBatch.MAGIC_VALUE_V2, compression, type, BASE_OFFSET,
          type == TimestampType.LOG_APPEND_TIME ? STAMPED_MS : RecordBatch.NO_TIMESTAMP, producerId, epoch, sequence,
          transactional, control, 17, 4096, horizonMs);
      for (SimpleRecord record : records) builder.append(record);
      return builder.build().buffer();
    }
  }

  static Made plain() {
    return new Made().add(30, "a", "1").add(10, "b", "2").add(40, "c", "3").add(20, "d", "4");
  }

  static Made tombstones() {
    return new Made().add(30, "a", "1").add(10, "b", null).add(40, "c", "3").add(20, "d", null);
  }

  static Made odd() {
    return new Made().add(0, null, "no key").add(-70, "", "").add(2_000_000_000_000L, "far", "x".repeat(70))
        .add(5, "headers", "v", new RecordHeader("h", bytes("1")), new RecordHeader("h", null),
            new RecordHeader("", bytes("")));
  }

  static ByteBuffer marker(ControlRecordType type) {
    return MemoryRecords.withEndTransactionMarker(BASE_OFFSET, TIME_MS, 17, 4_294_967_301L, (short) 3,
        new EndTransactionMarker(type, 7)).buffer();
  }

  static String hex(ByteBuffer bytes) {
    byte[] copy = new byte[bytes.remaining()];
    bytes.duplicate().get(copy);
    return HexFormat.of().formatHex(copy);
  }

  /** A horizon that the builder does not write. */
  static ByteBuffer negativeHorizon(Made made) {
    ByteBuffer batch = made.horizon(0).build();
    batch.putLong(27, -5);
    var crc = new CRC32C();
    crc.update(batch.duplicate().position(21));
    batch.putInt(17, (int) crc.getValue());
    return batch;
  }

  /** Keeps the records with these places, and returns what came out. */
  static ByteBuffer line(String name, ByteBuffer in, String kept, boolean keepEmpty, boolean emptyTransaction) {
    var filter = new MemoryRecords.RecordFilter(HORIZON_MS - 1000, 1000) {
      @Override
      protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
        return new BatchRetentionResult(keepEmpty ? BatchRetention.RETAIN_EMPTY : BatchRetention.DELETE_EMPTY,
            emptyTransaction);
      }
      @Override
      protected boolean shouldRetainRecord(RecordBatch batch, org.apache.kafka.common.record.internal.Record record) {
        return kept.indexOf((char) ('0' + record.offset() - batch.baseOffset())) >= 0;
      }
    };
    var result = MemoryRecords.readableRecords(in.duplicate())
        .filterTo(filter, ByteBuffer.allocate(65536), BufferSupplier.NO_CACHING);
    ByteBuffer out = result.outputBuffer();
    out.flip();
    String what = hex(out);
    if (what.isEmpty()) what = "removed";
    else if (what.equals(hex(in))) what = "unchanged";
    System.out.println(String.join("\t", name, kept.isEmpty() ? "-" : kept, keepEmpty ? "keep_empty" : "-",
        emptyTransaction ? "empty_transaction" : "-", hex(in), what));
    return out;
  }

  public static void main(String[] args) {
    System.out.println("# horizon_ms " + HORIZON_MS);
    for (String kept : List.of("0123", "123", "023", "03", "012", "2", "3"))
      line("plain", plain().build(), kept, false, false);
    for (boolean keepEmpty : List.of(false, true)) {
      line("plain", plain().build(), "", keepEmpty, false);
      line("sequence", plain().producer(false).build(), "", keepEmpty, false);
      line("transactional", plain().producer(true).build(), "", keepEmpty, false);
      line("append_time", plain().appendTime().build(), "", keepEmpty, false);
      line("gzip", plain().codec(CompressionType.GZIP).build(), "", keepEmpty, false);
      line("tombstones_with_horizon", tombstones().horizon(HORIZON_MS - 5).build(), "", keepEmpty, false);
      line("marker", marker(ControlRecordType.ABORT), "", keepEmpty, false);
      line("marker", marker(ControlRecordType.ABORT), "", keepEmpty, true);
    }
    for (String kept : List.of("0123", "012", "02", "13")) {
      line("sequence", plain().producer(false).build(), kept, true, false);
      line("transactional", plain().producer(true).build(), kept, true, false);
      line("append_time", plain().appendTime().build(), kept, true, false);
      line("odd", odd().build(), kept, true, false);
      line("tombstones", tombstones().build(), kept, false, false);
      line("tombstones_append_time", tombstones().appendTime().build(), kept, false, false);
      line("tombstones_with_horizon", tombstones().horizon(HORIZON_MS - 5).build(), kept, false, false);
      line("tombstones_with_horizon_0", tombstones().horizon(0).build(), kept, false, false);
      line("horizon_append_time", plain().appendTime().horizon(HORIZON_MS - 5).build(), kept, false, false);
      for (CompressionType codec : List.of(CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4,
          CompressionType.ZSTD)) {
        line(codec.name, tombstones().codec(codec).producer(true).build(), kept, false, false);
        line(codec.name + "_append_time", odd().codec(codec).appendTime().build(), kept, false, false);
      }
    }
    for (boolean emptyTransaction : List.of(false, true)) {
      line("commit", marker(ControlRecordType.COMMIT), "0", false, emptyTransaction);
      line("abort", marker(ControlRecordType.ABORT), "0", false, emptyTransaction);
      line("plain", plain().build(), "0123", false, emptyTransaction);
    }
    // And again what came out: a header alone, and a batch with gaps, one of them with its horizon.
    ByteBuffer empty = line("producer", plain().producer(true).build(), "", true, false);
    for (boolean keepEmpty : List.of(false, true)) line("header_alone", empty, "", keepEmpty, true);
    ByteBuffer gaps = line("tombstones", tombstones().producer(false).build(), "013", true, false);
    for (String kept : List.of("013", "01", "3", "0", "")) line("again", gaps, kept, true, false);
    ByteBuffer marked = line("commit", marker(ControlRecordType.COMMIT), "0", false, true);
    line("again", marked, "0", false, true);
    for (String kept : List.of("0123", "03")) {
      line("negative_horizon", negativeHorizon(tombstones()), kept, false, false);
      line("negative_horizon_append_time", negativeHorizon(tombstones().appendTime()), kept, false, false);
    }
  }
}
