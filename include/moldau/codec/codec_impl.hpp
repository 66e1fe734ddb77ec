#pragma once
// The definitions of Codec<M>.  Included only by the sources that instantiate messages, and by tests.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
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
concept Number = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Enumeration = std::is_enum_v<T>;

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
  void operator()(const char* name, T& value, FieldSpec spec) {
    if (!reader_.ok() || !spec.is_plain(shape_.version)) return;
    read(value, spec.is_nullable(shape_.version));
    if (!reader_.ok()) reader_.in_field(name);
  }

 private:
  /// Visits the fields for the one that has the tag just read.
  struct TagVisitor {
    Decoder& decoder;
    std::uint64_t tag;
    bool found = false;
    template <class T>
    void operator()(const char* name, T& value, FieldSpec spec) {
      if (found || !spec.is_tagged(decoder.shape_.version) || spec.tag != tag) return;
      found = true;
      decoder.read(value, spec.is_nullable(decoder.shape_.version));
      if (!decoder.reader_.ok()) decoder.reader_.in_field(name);
    }
  };

  template <class M>
  void tags(M& m) {
    const std::uint64_t count = reader_.unsigned_varint();
    if (!reader_.ok() || count == 0) return;
    if (count > limits::tagged_fields_max || count > reader_.remaining() / 2) {
      reader_.fail(base::Errc::limit_exceeded, "too many tagged fields");
      return;
    }
    std::optional<std::uint64_t> previous;
    for (std::uint64_t i = 0; i < count && reader_.ok(); ++i) {
      const std::uint64_t tag = reader_.unsigned_varint();
      const std::uint64_t size = reader_.unsigned_varint();
      if (!reader_.ok()) return;
      if (previous && tag <= *previous) {
        reader_.fail(base::Errc::malformed, "tags are not in order");
        return;
      }
      previous = tag;
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
  void read(T& value, bool) {
    const auto length = reader_.array_length(shape_.flexible);
    if (!length) return not_null();
    elements(value, *length);
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
      value.emplace().append(reader_.slice(*length));
    } else if constexpr (Bytes<T>) {
      const auto length = reader_.bytes_length(shape_.flexible);
      if (!length) return null(value, nullable);
      if (!reader_.charge(*length, 1)) return;
      const auto bytes = reader_.view(*length);
      value.emplace(bytes.begin(), bytes.end());
    } else if constexpr (Array<T>) {
      const auto length = reader_.array_length(shape_.flexible);
      if (!length) return null(value, nullable);
      elements(value.emplace(), *length);
    } else {
      static_assert(FieldList<T>, "no wire form for this type");
      if (reader_.fixed<std::int8_t>() < 0) return null(value, nullable);
      message(value.emplace());
    }
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
  void operator()(const char*, const T& value, FieldSpec spec) {
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
    const char* object;     // the message, to find the same member ...
    const char* prototype;  // ... in one that holds the defaults
    std::vector<Tag> tags{};

    template <class T>
    void operator()(const char*, const T& value, FieldSpec spec) {
      if (!spec.is_tagged(shape.version)) return;
      const auto offset = reinterpret_cast<const char*>(&value) - object;
      const auto& standard = *reinterpret_cast<const T*>(prototype + offset);
      const bool nullable = spec.is_nullable(shape.version);
      Writer mine;
      Encoder(mine, shape).write(value, nullable);
      Writer theirs;
      Encoder(theirs, shape).write(standard, nullable);
      const auto a = mine.view();
      const auto b = theirs.view();
      if (!std::equal(a.begin(), a.end(), b.begin(), b.end()))
        tags.push_back({spec.tag, std::move(mine)});
    }
  };

  template <class M>
  void tags(const M& m) {
    TagVisitor visitor{shape_, reinterpret_cast<const char*>(&m),
                       reinterpret_cast<const char*>(&prototype<M>)};
    M::fields(visitor, m);
    std::sort(visitor.tags.begin(), visitor.tags.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    writer_.unsigned_varint(visitor.tags.size());
    for (const auto& tag : visitor.tags) {
      writer_.unsigned_varint(tag.number);
      writer_.unsigned_varint(tag.bytes.size());
      writer_.raw(tag.bytes.view());
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
    writer_.string_length(value.size(), shape_.flexible);
    writer_.raw(base::as_bytes(value));
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
