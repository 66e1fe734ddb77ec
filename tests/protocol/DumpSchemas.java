import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

/** Prints the schema and the defaults of every message and version of a kafka-clients jar: what compare_schema.py holds schema.txt against. */
public final class DumpSchemas {
  public static void main(String[] args) throws Exception {
    for (Errors error : Errors.values()) System.out.println("error " + error.code() + " " + error.name());
    for (ApiKeys key : ApiKeys.values()) {
      dump(key, true, key.messageType.requestSchemas());
      dump(key, false, key.messageType.responseSchemas());
    }
  }

  private static void dump(ApiKeys key, boolean request, Schema[] schemas) throws Exception {
    if (schemas == null) return;
    for (short v = 0; v < schemas.length; v++) {
      if (schemas[v] == null) continue;
      // The header tells which versions are flexible, but for ApiVersions responses.
      boolean flexible = key.requestHeaderVersion(v) >= 2;
      System.out.println("message " + key.id + " " + key.messageType.name + " " + (request ? "request" : "response") + " " + v + " " + (flexible ? "flexible" : "plain"));
      Object sample = request ? key.messageType.newRequest() : key.messageType.newResponse();
      print(schemas[v], 1, sample);
    }
  }

  private static void print(Schema schema, int depth, Object sample) throws Exception {
    for (BoundField field : schema.fields()) {
      if (field.def.type instanceof TaggedFields) {
        for (Map.Entry<Integer, Field> tagged : tags(field.def.type).entrySet()) print(tagged.getValue(), depth, " tag " + tagged.getKey(), sample);
      } else {
        print(field.def, depth, "", sample);
      }
    }
  }

  private static void print(Field field, int depth, String tag, Object sample) throws Exception {
    Type type = field.type;
    String prefix = "";
    boolean nullable = type.isNullable();
    if (type.isArray()) {
      prefix = "[]";
      type = type.arrayElementType().get();
    }
    Schema inner = schemaOf(type);
    String name = inner != null ? "struct" : type.toString().toLowerCase().replace("compact_", "").replace("nullable_", "").replace("boolean", "bool");
    Method getter = getter(sample, field.name);
    String value = getter == null ? " = ?" : text(getter.invoke(sample));
    System.out.println("  ".repeat(depth) + field.name + ": " + prefix + name + (nullable ? " nullable" : "") + tag + value);
    if (inner != null) print(inner, depth + 1, getter == null ? null : elementOf(getter));
  }

  /** The schema of a struct, or of a struct that may be null. */
  private static Schema schemaOf(Object type) throws Exception {
    if (type instanceof Schema schema) return schema;
    for (Class<?> c = type.getClass(); c != null && c != Type.class; c = c.getSuperclass()) {
      for (var field : c.getDeclaredFields()) {
        field.setAccessible(true);
        if (!java.lang.reflect.Modifier.isStatic(field.getModifiers()) && field.get(type) instanceof Schema schema) return schema;
      }
    }
    return null;
  }

  @SuppressWarnings("unchecked")
  private static Map<Integer, Field> tags(Type type) throws Exception {
    for (var field : type.getClass().getDeclaredFields()) {
      field.setAccessible(true);
      if (field.get(type) instanceof Map<?, ?> map) return new TreeMap<>((Map<Integer, Field>) map);
    }
    throw new IllegalStateException("no tagged fields in " + type);
  }

  private static Method getter(Object sample, String field) {
    if (sample == null) return null;
    String name = field.replace("_", "");
    for (Method method : sample.getClass().getMethods()) {
      if (method.getParameterCount() == 0 && method.getName().equalsIgnoreCase(name)) return method;
    }
    return null;
  }

  /** A new object of what a getter returns, or of what the collection it returns holds. */
  private static Object elementOf(Method getter) throws Exception {
    Class<?> type = getter.getReturnType();
    if (Collection.class.isAssignableFrom(type)) {
      Class<?> element = argument(getter.getGenericReturnType());
      for (Class<?> c = type; element == null && c != null; c = c.getSuperclass()) element = argument(c.getGenericSuperclass());
      type = element;
    }
    return type == null ? null : type.getDeclaredConstructor().newInstance();
  }

  private static Class<?> argument(java.lang.reflect.Type type) {
    return type instanceof ParameterizedType p && p.getActualTypeArguments()[0] instanceof Class<?> c ? c : null;
  }

  /** As SchemaDump prints defaults: nothing for zero and empty. */
  private static String text(Object value) {
    if (value == null) return " = null";
    if (value instanceof Boolean b) return b ? " = true" : "";
    if (value instanceof Double d) return d == 0 ? "" : " = " + d;
    if (value instanceof Number n) return n.longValue() == 0 ? "" : " = " + n;
    if (value instanceof String s) return s.isEmpty() ? "" : " = \"" + s + "\"";
    return "";
  }
}
