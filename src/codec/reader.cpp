#include "moldau/codec/reader.hpp"

#include <bit>
#include <utility>

#include "moldau/base/limits.hpp"
#include "moldau/base/varint.hpp"

namespace moldau::codec {

using base::Errc;

namespace {
/// Kept of the budget for the text of an error.
constexpr std::size_t error_text_bytes = 1024;
}  // namespace

Reader::Reader(base::SharedBytes bytes)
    : bytes_(std::move(bytes)),
      end_(bytes_.size()),
      budget_(bytes_.size() * limits::decode_memory_factor + limits::decode_memory_slack_bytes -
              error_text_bytes) {}

bool Reader::cut_off(std::size_t wanted) {
  fail(Errc::malformed, "cut off: " + std::to_string(wanted) + " bytes wanted, " +
                            std::to_string(remaining()) + " left");
  return false;
}

double Reader::float64() { return std::bit_cast<double>(fixed<std::uint64_t>()); }

base::Uuid Reader::uuid() {
  base::Uuid id;
  const auto bytes = view(id.bytes.size());
  if (!bytes.empty()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

std::uint64_t Reader::long_varint(std::size_t bytes_max) {
  if (error_) return 0;
  std::uint64_t value = 0;
  const std::size_t size =
      base::read_varint(bytes_.view().subspan(position_, remaining()), bytes_max, value);
  if (size == 0) {
    fail(Errc::malformed, "a variable-length integer is cut off or too long");
    return 0;
  }
  position_ += size;
  return value;
}

std::int64_t Reader::raw_length(bool compact) {
  if (compact) return static_cast<std::int64_t>(unsigned_varint()) - 1;
  return fixed<std::int32_t>();
}

std::optional<std::size_t> Reader::checked_length(std::int64_t length, std::string_view what,
                                                  std::size_t unit) {
  if (error_ || length == -1) return std::nullopt;
  if (length < -1) {
    fail(Errc::malformed, std::string(what) + " " + std::to_string(length));
    return std::nullopt;
  }
  if (static_cast<std::uint64_t>(length) > remaining() / unit) {
    fail(Errc::malformed, std::string(what) + " " + std::to_string(length) + ", " +
                              std::to_string(remaining()) + " bytes left");
    return std::nullopt;
  }
  return static_cast<std::size_t>(length);
}

std::optional<std::size_t> Reader::string_length(bool compact) {
  const std::int64_t length = compact ? raw_length(true) : std::int64_t{fixed<std::int16_t>()};
  if (length > static_cast<std::int64_t>(string_bytes_max)) {
    fail(Errc::malformed, "length " + std::to_string(length) + ", longer than a string can be");
    return std::nullopt;
  }
  return checked_length(length, "length", 1);
}

std::optional<std::size_t> Reader::bytes_length(bool compact) {
  return checked_length(raw_length(compact), "length", 1);
}

std::optional<std::size_t> Reader::array_length(bool compact, std::size_t element_bytes_min) {
  const auto count = checked_length(raw_length(compact), "elements", element_bytes_min);
  if (count && *count > limits::array_elements_max) {
    fail(Errc::limit_exceeded, "elements " + std::to_string(*count) + ", more than a million");
    return std::nullopt;
  }
  return count;
}

base::ByteView Reader::view(std::size_t size) {
  if (!need(size)) return {};
  const auto bytes = bytes_.view().subspan(position_, size);
  position_ += size;
  return bytes;
}

base::SharedBytes Reader::slice(std::size_t size) {
  if (!need(size)) return {};
  auto bytes = bytes_.slice(position_, size);
  position_ += size;
  return bytes;
}

bool Reader::charge(std::size_t count, std::size_t size) {
  if (error_) return false;
  if (count > budget_ / size) [[unlikely]] {
    fail(Errc::limit_exceeded, "decoding it would take more memory than its size allows");
    return false;
  }
  budget_ -= count * size;
  return true;
}

std::size_t Reader::enter(std::size_t size) {
  const std::size_t outer = end_;
  end_ = position_ + size;
  return outer;
}

void Reader::leave(std::size_t outer_end) { end_ = outer_end; }

void Reader::fail(Errc code, std::string message) {
  if (!error_) error_ = base::Error{code, std::move(message)};
}

void Reader::in_field(std::string_view name) {
  std::string path(name);
  if (!path_.empty() && path_[0] != '[') path.push_back('.');
  path_ = path + path_;
}

void Reader::in_element(std::size_t index) {
  std::string path = "[" + std::to_string(index) + "]";
  if (!path_.empty() && path_[0] != '[') path.push_back('.');
  path_ = path + path_;
}

base::Error Reader::error() const {
  base::Error error = error_.value_or(base::Error{});
  if (!path_.empty()) error.message = path_ + ": " + error.message;
  return error;
}

}  // namespace moldau::codec
