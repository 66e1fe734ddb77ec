#pragma once
// The definitions of Codec<M>.  Included only by the sources that instantiate messages, and by tests.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "moldau/base/limits.hpp"
#include "moldau/base/strong_type.hpp"
#include "moldau/codec/codec.hpp"

namespace moldau::codec {

namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {
  using Element = T;
};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {
  using Value = T;
};
template <class T>
concept Bytes = std::is_same_v<T, std::vector<std::uint8_t>>;
template <class T>
concept Array = IsVector<T>::value && !Bytes<T>;
template <class T>
concept StructArray = Array<T> && FieldList<typename IsVector<T>::Element>;
/// Its null is int8 -1, and 1 stands in front of a value; in a tagged field they are varints 0 and 1.
template <class T>
concept OptionalStruct = IsOptional<T>::value && FieldList<typename IsOptional<T>::Value>;
template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Enumeration = std::is_enum_v<T>;

/// What an element takes on the wire at least.
template <class T>
constexpr std::size_t wire_bytes_min() {
  if constexpr (Number<T> || Enumeration<T> || base::IsStrongType<T> ||
                std::is_same_v<T, double> || std::is_same_v<T, base::Uuid>) {
    return sizeof(T);
  } else {
    return 1;
  }
}

/// A member of `object` and the member of the same place in one that holds the defaults.
template <class T>
const T& same_member(const T& member, const void* object, const void* standard) {
  const auto offset = reinterpret_cast<const char*>(&member) - static_cast<const char*>(object);
  return *reinterpret_cast<const T*>(static_cast<const char*>(standard) + offset);
}

/// Whether a value equals the default: tagged fields that do are not written.
struct DefaultCheck {
  const void* object;
  const void* standard;
  bool equal = true;

  template <class T>
  void operator()(const char*, const T& value, FieldSpec) {
    if (equal) equal = is_default(value, same_member(value, object, standard));
  }

  template <class T>
  static bool is_default(const T& value, const T& standard) {
    if constexpr (FieldList<T>) {
      DefaultCheck check{&value, &standard};
      T::fields(check, value);
      return check.equal;
    } else if constexpr (StructArray<T>) {
      return value.empty() && standard.empty();
    } else if constexpr (IsOptional<T>::value) {
      if (value.has_value() != standard.has_value()) return false;
      return !value || is_default(*value, *standard);
    } else if constexpr (std::is_same_v<T, base::Payload>) {
      return value.empty() && standard.empty();
    } else {
      return value == standard;
    }
  }
};

/// One level of a message: its version and whether that is flexible.
struct Shape {
  Version version = 0;
  bool flexible = false;
};

class Decoder {
 public:
  Decoder(Reader& reader, Shape shape) : reader_(reader), shape_(shape) {}

  template <FieldList M>
  void message(M& m) {
    static_assert(CompleteFieldList<M>, "a member is missing in fields(), or one is too many");
    M::fields(*this, m);
    if (shape_.flexible && reader_.ok()) tags(m);
  }

  template <class T>
  [[gnu::always_inline]] void operator()(const char* name, T& value, FieldSpec spec) {
    if (!reader_.ok() || !spec.is_plain(shape_.version)) return;
    read(value, spec.is_nullable(shape_.version));
    if (!reader_.ok()) [[unlikely]] reader_.in_field(name);
  }

 private:
  /// Visits the fields for the one that has the tag just read.
  struct TagVisitor {
    Decoder& decoder;
    std::uint64_t tag;
    bool found = false;
    template <class T>
    [[gnu::always_inline]] void operator()(const char* name, T& value, FieldSpec spec) {
      if (spec.tagged_from == never) return;  // Known when compiled: most fields cost nothing here.
      if (found || !spec.is_tagged(decoder.shape_.version) || spec.tag != tag) return;
      found = true;
      decoder.read_tagged(value, spec.is_nullable(decoder.shape_.version));
      if (!decoder.reader_.ok()) decoder.reader_.in_field(name);
    }
  };

  template <class M>
  void tags(M& m) {
    const std::uint64_t count = reader_.unsigned_varint();
    if (!reader_.ok() || count == 0) return;
    if (count > reader_.remaining() / 2)
      return reader_.fail(base::Errc::malformed, "more tagged fields than bytes for them");
    if (count > limits::tagged_fields_max)
      return reader_.fail(base::Errc::limit_exceeded, "too many tagged fields");
    for (std::uint64_t i = 0; i < count && reader_.ok(); ++i) {
      const std::uint64_t tag = reader_.unsigned_varint();
      const std::uint64_t size = reader_.unsigned_varint();
      if (!reader_.ok()) return;
      // Kafka's readers do not insist on the order of tags, so neither do we.
      one_tag(m, tag, size);
    }
  }

  template <class M>
  void one_tag(M& m, std::uint64_t tag, std::uint64_t size) {
    if (size > reader_.remaining()) {
      reader_.fail(base::Errc::malformed, "a tagged field is cut off");
      return;
    }
    const std::size_t outer = reader_.enter(size);
    TagVisitor visitor{*this, tag};
    M::fields(visitor, m);
    if (!visitor.found) reader_.skip(reader_.remaining());
    if (reader_.ok() && reader_.remaining() != 0)
      reader_.fail(base::Errc::malformed, "bytes after a tagged field");
    reader_.leave(outer);
  }

  template <class T>
  void read_tagged(T& value, bool nullable) {
    if constexpr (OptionalStruct<T>) {
      if (reader_.unsigned_varint() == 0) return null(value, nullable);
      message(value.emplace(typename T::value_type{}));
    } else {
      read(value, nullable);
    }
  }

  void read(bool& value, bool) { value = reader_.fixed<std::int8_t>() != 0; }
  template <Number T>
  void read(T& value, bool) {
    value = reader_.fixed<T>();
  }
  void read(double& value, bool) { value = reader_.float64(); }
  void read(base::Uuid& value, bool) { value = reader_.uuid(); }
  template <base::IsStrongType T>
  void read(T& value, bool) {
    value = T{reader_.fixed<typename T::Rep>()};
  }
  template <Enumeration T>
  void read(T& value, bool) {
    value = static_cast<T>(reader_.fixed<std::underlying_type_t<T>>());
  }
  void read(std::string& value, bool) {
    const auto length = reader_.string_length(shape_.flexible);
    if (!length) return not_null();
    text(value, *length);
  }
  template <Bytes T>
  void read(T& value, bool) {
    const auto length = reader_.bytes_length(shape_.flexible);
    if (!length) return not_null();
    if (!reader_.charge(*length, 1)) return;
    const auto bytes = reader_.view(*length);
    value.assign(bytes.begin(), bytes.end());
  }
  template <Array T>
  void read(T& value, bool nullable) {
    const auto length = array_length<T>();
    if (length) return elements(value, *length);
    value.clear();  // Where null is allowed and means no more than this.
    if (!nullable) not_null();
  }
  template <FieldList T>
  void read(T& value, bool) {
    message(value);
  }
  template <class T>
  void read(std::optional<T>& value, bool nullable) {
    if constexpr (std::is_same_v<T, std::string>) {
      const auto length = reader_.string_length(shape_.flexible);
      if (!length) return null(value, nullable);
      text(value.emplace(), *length);
    } else if constexpr (std::is_same_v<T, base::Payload>) {
      const auto length = reader_.bytes_length(shape_.flexible);
      if (!length) return null(value, nullable);
      if (!reader_.charge(1, sizeof(base::Piece))) return;
      value.emplace().append(reader_.slice(*length));
    } else if constexpr (Bytes<T>) {
      const auto length = reader_.bytes_length(shape_.flexible);
      if (!length) return null(value, nullable);
      if (!reader_.charge(*length, 1)) return;
      const auto bytes = reader_.view(*length);
      value.emplace(bytes.begin(), bytes.end());
    } else if constexpr (Array<T>) {
      const auto length = array_length<T>();
      if (!length) return null(value, nullable);
      elements(value.emplace(), *length);
    } else {
      static_assert(FieldList<T>, "no wire form for this type");
      if (reader_.fixed<std::int8_t>() < 0) return null(value, nullable);
      // Not emplace(): clang decides in the enclosing class, too early, that it needs arguments.
      message(value.emplace(T{}));
    }
  }

  template <class T>
  std::optional<std::size_t> array_length() {
    return reader_.array_length(shape_.flexible,
                                wire_bytes_min<typename IsVector<T>::Element>());
  }
  void text(std::string& value, std::size_t length) {
    // Short strings live inside std::string.
    if (length > 15 && !reader_.charge(length + 1, 1)) return;
    value.assign(base::as_text(reader_.view(length)));
  }
  template <class T>
  void elements(std::vector<T>& value, std::size_t count) {
    if (!reader_.charge(count, sizeof(T))) return;
    value.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      read(value[i], false);
      if (!reader_.ok()) return reader_.in_element(i);
    }
  }
  void not_null() {
    if (reader_.ok()) reader_.fail(base::Errc::malformed, "null where none is allowed");
  }
  template <class T>
  void null(std::optional<T>& value, bool nullable) {
    value.reset();
    if (!nullable) not_null();
  }

  Reader& reader_;
  const Shape shape_;
};

class Encoder {
 public:
  Encoder(Writer& writer, Shape shape) : writer_(writer), shape_(shape) {}

  template <FieldList M>
  void message(const M& m) {
    M::fields(*this, m);
    if (shape_.flexible) tags(m);
  }

  template <class T>
  [[gnu::always_inline]] void operator()(const char*, const T& value, FieldSpec spec) {
    if (spec.is_plain(shape_.version)) write(value, spec.is_nullable(shape_.version));
  }

 private:
  /// Collects the tagged fields that are not at their defaults.
  struct TagVisitor {
    struct Tag {
      std::uint32_t number;
      Writer bytes;
    };
    Shape shape;
    const void* object;
    const void* standard;
    std::vector<Tag> tags{};

    template <class T>
    [[gnu::always_inline]] void operator()(const char*, const T& value, FieldSpec spec) {
      if (spec.tagged_from == never) return;  // Known when compiled.
      if (!spec.is_tagged(shape.version)) return;
      if (!spec.is_always_written &&
          DefaultCheck::is_default(value, same_member(value, object, standard)))
        return;
      Encoder(tags.emplace_back(Tag{spec.tag, Writer()}).bytes, shape)
          .write_tagged(value, spec.is_nullable(shape.version));
    }
  };

  template <class M>
  void tags(const M& m) {
    TagVisitor visitor{shape_, &m, &prototype<M>};
    M::fields(visitor, m);
    writer_.unsigned_varint(visitor.tags.size());
    if (!visitor.tags.empty()) [[unlikely]] write_tags(visitor.tags);
  }
  void write_tags(std::vector<TagVisitor::Tag>& tags) {
    std::sort(tags.begin(), tags.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    for (const auto& tag : tags) {
      writer_.unsigned_varint(tag.number);
      writer_.unsigned_varint(tag.bytes.size());
      writer_.raw(tag.bytes.view());
    }
  }

  template <class T>
  void write_tagged(const T& value, bool nullable) {
    if constexpr (OptionalStruct<T>) {
      writer_.unsigned_varint(value ? 1 : 0);
      if (value) message(*value);
    } else {
      write(value, nullable);
    }
  }

  void write(bool value, bool) { writer_.fixed<std::int8_t>(value ? 1 : 0); }
  template <Number T>
  void write(T value, bool) {
    writer_.fixed(value);
  }
  void write(double value, bool) { writer_.float64(value); }
  void write(const base::Uuid& value, bool) { writer_.uuid(value); }
  template <base::IsStrongType T>
  void write(T value, bool) {
    writer_.fixed(value.value());
  }
  template <Enumeration T>
  void write(T value, bool) {
    writer_.fixed(static_cast<std::underlying_type_t<T>>(value));
  }
  void write(const std::string& value, bool) {
    // No reader takes a longer one; only texts of ours could be, such as an error's.
    const auto text = std::string_view(value).substr(0, string_bytes_max);
    writer_.string_length(text.size(), shape_.flexible);
    writer_.raw(base::as_bytes(text));
  }
  template <Bytes T>
  void write(const T& value, bool) {
    writer_.bytes_length(value.size(), shape_.flexible);
    writer_.raw(value);
  }
  template <Array T>
  void write(const T& value, bool) {
    writer_.array_length(value.size(), shape_.flexible);
    for (const auto& element : value) write(element, false);
  }
  template <FieldList T>
  void write(const T& value, bool) {
    message(value);
  }
  template <class T>
  void write(const std::optional<T>& value, bool nullable) {
    if constexpr (std::is_same_v<T, base::Payload>) {
      if (!value) return nullable ? writer_.null_bytes(shape_.flexible) : empty<T>();
      writer_.bytes_length(value->size(), shape_.flexible);
      writer_.splice(*value);
    } else if constexpr (FieldList<T>) {
      writer_.fixed<std::int8_t>(value ? 1 : -1);
      if (value) message(*value);
    } else if (value) {
      write(*value, false);
    } else if (!nullable) {
      write(T{}, false);  // A version that has no null: the empty value stands for it.
    } else if constexpr (std::is_same_v<T, std::string>) {
      writer_.null_string(shape_.flexible);
    } else {
      writer_.null_bytes(shape_.flexible);  // Arrays and bytes have the same null.
    }
  }
  template <class T>
  void empty() {
    writer_.bytes_length(0, shape_.flexible);
  }

  Writer& writer_;
  const Shape shape_;
};

template <class M>
Shape shape_of(Version version) {
  return {version, M::flexible.contains(version)};
}

}  // namespace detail

template <class M>
base::Result<M> Codec<M>::decode(Reader& reader, Version version) {
  M message{};
  detail::Decoder(reader, detail::shape_of<M>(version)).message(message);
  if (!reader.ok()) return reader.error();
  return message;
}

template <class M>
void Codec<M>::encode(Writer& writer, const M& message, Version version) {
  detail::Encoder(writer, detail::shape_of<M>(version)).message(message);
}

}  // namespace moldau::codec
