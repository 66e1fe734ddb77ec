#pragma once
// What the tests do with a message besides coding it: fill it at random, print it, describe it.  Each is
// one more visitor over fields().

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "moldau/base/payload.hpp"
#include "moldau/base/random.hpp"
#include "moldau/codec/codec_impl.hpp"

namespace moldau::test {

using codec::FieldSpec;
using codec::Version;

template <class T>
concept Enum = std::is_enum_v<T>;

/// Gives every field of `version` a random value; the others keep their defaults.
class RandomFill {
 public:
  RandomFill(base::Random& random, Version version) : random_(random), version_(version) {}

  template <class T>
  void operator()(const char*, T& value, FieldSpec spec) {
    if (!spec.present(version_)) return;
    if (spec.is_tagged(version_) && below(3) == 0) return;  // Left at its default, so not written.
    fill(value, spec.is_nullable(version_));
  }

 private:
  std::uint64_t below(std::uint64_t end) { return random_.next() % end; }
  void fill(bool& value, bool) { value = below(2) == 1; }
  template <std::integral T>
  void fill(T& value, bool) {
    value = static_cast<T>(random_.next());
  }
  void fill(double& value, bool) { value = static_cast<double>(below(1'000'000)) / 64; }
  template <Enum T>
  void fill(T& value, bool) {
    value = static_cast<T>(random_.next());
  }
  template <base::IsStrongType T>
  void fill(T& value, bool) {
    value = T{static_cast<typename T::Rep>(random_.next())};
  }
  void fill(base::Uuid& value, bool) { random_.fill(value.bytes); }
  void fill(std::string& value, bool) {
    value.resize(below(10) == 0 ? below(300) : below(20));
    for (char& c : value) c = static_cast<char>('a' + below(26));
  }
  void fill(base::Payload& value, bool) { value.append(bytes()); }
  void fill(std::vector<std::uint8_t>& value, bool) {
    value.resize(below(300));
    random_.fill(value);
  }
  template <codec::FieldList T>
  void fill(T& value, bool) {
    T::fields(*this, value);
  }
  template <class T>
  void fill(std::vector<T>& value, bool) {
    value.resize(below(4));
    for (auto& element : value) fill(element, false);
  }
  template <class T>
  void fill(std::optional<T>& value, bool nullable) {
    value.reset();
    if (nullable && below(3) == 0) return;
    fill(value.emplace(T{}), false);
  }
  base::SharedBytes bytes() {
    auto bytes = base::SharedBytes::allocate(below(200));
    random_.fill(bytes.mutable_view());
    return bytes;
  }

  base::Random& random_;
  const Version version_;
};

/// Prints every field of a message: two messages are equal when their texts are.
class TextDump {
 public:
  explicit TextDump(std::string& out) : out_(out) {}

  template <class T>
  void operator()(const char* name, const T& value, FieldSpec) {
    out_ += name;
    out_ += '=';
    print(value);
    out_ += ' ';
  }

  void print(bool value) { out_ += value ? "true" : "false"; }
  template <std::integral T>
  void print(T value) {
    out_ += std::to_string(value);
  }
  void print(double value) { out_ += std::to_string(value); }
  template <Enum T>
  void print(T value) {
    print(static_cast<std::underlying_type_t<T>>(value));
  }
  template <base::IsStrongType T>
  void print(T value) {
    print(value.value());
  }
  void print(const base::Uuid& value) { out_ += value.to_string(); }
  void print(const std::string& value) { out_ += '"' + value + '"'; }
  void print(const base::Payload& value) {
    const auto bytes = value.flatten();
    out_ += "records:";
    out_ += base::as_text(bytes.view());
  }
  void print(const std::vector<std::uint8_t>& value) {
    out_ += "bytes:";
    out_ += base::as_text(value);
  }
  template <codec::FieldList T>
  void print(const T& value) {
    out_ += '{';
    T::fields(*this, value);
    out_ += '}';
  }
  template <class T>
  void print(const std::vector<T>& value) {
    out_ += '[';
    for (const auto& element : value) {
      print(element);
      out_ += ',';
    }
    out_ += ']';
  }
  template <class T>
  void print(const std::optional<T>& value) {
    if (value) {
      print(*value);
    } else {
      out_ += "null";
    }
  }

 private:
  std::string& out_;
};

template <class M>
std::string text_of(const M& message) {
  std::string text;
  TextDump(text).print(message);
  return text;
}

/// Describes a message, a line for each field: "name: type versions [nullable v+] [tag n] [= default]".
class SchemaDump {
 public:
  SchemaDump(std::string& out, std::size_t depth) : out_(out), depth_(depth) {}

  template <class T>
  void operator()(const char* name, const T& value, FieldSpec spec) {
    out_.append(depth_ * 2, ' ');
    out_ += name;
    out_ += ": " + type<T>() + ' ' + std::to_string(spec.first);
    out_ += spec.last == codec::never ? "+" : "-" + std::to_string(spec.last);
    if (spec.nullable_from != codec::never)
      out_ += " nullable " + std::to_string(spec.nullable_from) + "+";
    if (spec.tagged_from != codec::never) out_ += " tag " + std::to_string(spec.tag);
    print_default(value);
    out_ += '\n';
    nested<T>();
  }

 private:
  template <class T>
  static std::string type() {
    if constexpr (codec::detail::IsOptional<T>::value) {
      return type<typename codec::detail::IsOptional<T>::Value>();
    } else if constexpr (codec::detail::Bytes<T>) {
      return "bytes";
    } else if constexpr (codec::detail::Array<T>) {
      return "[]" + type<typename codec::detail::IsVector<T>::Element>();
    } else if constexpr (codec::FieldList<T>) {
      return "struct";
    } else if constexpr (std::is_same_v<T, std::string>) {
      return "string";
    } else if constexpr (std::is_same_v<T, base::Payload>) {
      return "records";
    } else if constexpr (std::is_same_v<T, base::Uuid>) {
      return "uuid";
    } else if constexpr (std::is_same_v<T, bool>) {
      return "bool";
    } else if constexpr (std::is_same_v<T, double>) {
      return "float64";
    } else if constexpr (std::is_enum_v<T>) {
      return type<std::underlying_type_t<T>>();
    } else if constexpr (base::IsStrongType<T>) {
      return type<typename T::Rep>();
    } else {
      static_assert(std::is_integral_v<T>);
      return (std::is_unsigned_v<T> ? "uint" : "int") + std::to_string(sizeof(T) * 8);
    }
  }
  template <class T>
  void print_default(const T& value) {
    if constexpr (codec::detail::IsOptional<T>::value) {
      if (!value) out_ += " = null";
    } else if constexpr (!codec::detail::Array<T> && !codec::detail::Bytes<T> &&
                         !codec::FieldList<T> && !std::is_same_v<T, base::Uuid> &&
                         !std::is_same_v<T, base::Payload>) {
      if (value == T{}) return;
      out_ += " = ";
      TextDump(out_).print(value);
    }
  }
  template <class T>
  void nested() {
    if constexpr (codec::FieldList<T>) {
      SchemaDump inner(out_, depth_ + 1);
      T::fields(inner, codec::detail::prototype<T>);
    } else if constexpr (codec::detail::IsOptional<T>::value) {
      nested<typename codec::detail::IsOptional<T>::Value>();
    } else if constexpr (codec::detail::Array<T>) {
      nested<typename codec::detail::IsVector<T>::Element>();
    }
  }

  std::string& out_;
  const std::size_t depth_;
};

/// Finds a member that is declared twice (a missing one does not compile).
class AddressCheck {
 public:
  template <class T>
  void operator()(const char* name, const T& value, FieldSpec) {
    const void* address = &value;
    if (!seen_.insert(address).second) repeated += std::string(name) + ' ';
    if constexpr (codec::FieldList<T>) {
      nested<T>();
    } else if constexpr (codec::detail::StructArray<T>) {
      nested<typename codec::detail::IsVector<T>::Element>();
    } else if constexpr (codec::detail::IsOptional<T>::value) {
      using Value = typename codec::detail::IsOptional<T>::Value;
      if constexpr (codec::FieldList<Value>) {
        nested<Value>();
      } else if constexpr (codec::detail::StructArray<Value>) {
        nested<typename codec::detail::IsVector<Value>::Element>();
      }
    }
  }
  std::string repeated;

 private:
  template <class T>
  void nested() {
    AddressCheck inner;
    T::fields(inner, codec::detail::prototype<T>);
    repeated += inner.repeated;
  }

  std::set<const void*> seen_;
};

}  // namespace moldau::test
