import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.tools.api.RecordReader;

/**
 * Runs Kafka's command-line tools one after the other in one JVM, for their start costs a second each.
 *
 * It reads a line for each run from standard input, its fields separated by tabs:
 *   file for standard input (- for none), file for the output (both streams), class, arguments...
 * and prints the output's file when the tool has ended. After the tool's own output, that file has the
 * line "exit STATUS"; what a tool prints after it asked to exit is not there.
 */
public class Tools {
  /** Unwinds the tool that wants to end the JVM. */
  static class Ended extends Error {
    Ended(int status) {
      super("exit " + status, null, false, false);
    }
  }

  /** Where both standard streams go; libraries keep the stream that they saw first. */
  static class Switch extends OutputStream {
    volatile OutputStream target = OutputStream.nullOutputStream();

    @Override
    public synchronized void write(int b) throws IOException {
      target.write(b);
    }

    @Override
    public synchronized void write(byte[] b, int from, int count) throws IOException {
      target.write(b, from, count);
    }

    @Override
    public synchronized void flush() throws IOException {
      target.flush();
    }
  }

  /** Lets the console producer send a file cut in records of the sizes that another file lists. */
  public static class ChunkReader implements RecordReader {
    private String topic;
    private List<String> sizes;

    @Override
    public void configure(Map<String, ?> properties) {
      topic = properties.get("topic").toString();
      try {
        sizes = Files.readAllLines(Path.of(properties.get("sizes").toString()));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public Iterator<ProducerRecord<byte[], byte[]>> readRecords(InputStream input) {
      return sizes.stream().map(size -> {
        try {
          return new ProducerRecord<byte[], byte[]>(topic, input.readNBytes(Integer.parseInt(size)));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }).iterator();
    }
  }

  static final List<Runnable> hooks = new ArrayList<>();
  static final Switch both = new Switch();
  static final PrintStream printer = new PrintStream(both, true, StandardCharsets.UTF_8);
  static Integer exited;

  /** The first exit counts: some tools catch what unwinds them, print it, and exit again. */
  static void exit(int status) {
    if (exited == null) {
      exited = status;
      printer.flush();
      both.target = OutputStream.nullOutputStream();
    }
    throw new Ended(status);
  }

  static int run(String className, String[] arguments) {
    int status = 0;
    exited = null;
    try {
      Class.forName(className).getMethod("main", String[].class).invoke(null, (Object) arguments);
    } catch (java.lang.reflect.InvocationTargetException e) {
      if (!(e.getCause() instanceof Ended)) {
        e.getCause().printStackTrace();
        status = 1;
      }
    } catch (ReflectiveOperationException e) {
      e.printStackTrace();
      status = 2;
    }
    for (Runnable hook : hooks) hook.run();
    hooks.clear();
    return exited != null ? exited : status;
  }

  public static void main(String[] args) throws Exception {
    var standard = System.out;
    System.setOut(printer);
    System.setErr(printer);
    Exit.setExitProcedure((status, message) -> exit(status));
    Exit.setHaltProcedure((status, message) -> exit(status));
    Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
    var runs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = runs.readLine(); line != null; line = runs.readLine()) {
      String[] fields = line.split("\t");
      try (var output = new BufferedOutputStream(new FileOutputStream(fields[1]));
           var input = fields[0].equals("-") ? InputStream.nullInputStream()
                                             : new FileInputStream(fields[0])) {
        System.setIn(input);
        both.target = output;
        int status = run(fields[2], Arrays.copyOfRange(fields, 3, fields.length));
        printer.flush();
        both.target = OutputStream.nullOutputStream();
        output.write(("exit " + status + "\n").getBytes(StandardCharsets.UTF_8));
      }
      standard.println(fields[1]);
      standard.flush();
    }
    Runtime.getRuntime().halt(0);    // A tool that was unwound may have left threads.
  }
}
