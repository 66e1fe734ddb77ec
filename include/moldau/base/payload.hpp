#pragma once
// What is to be sent: pieces of memory and ranges of files, in order, never copied together.

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "moldau/base/shared_bytes.hpp"

namespace moldau::base {

/// An open file that stays readable while somebody sends from it, also after the file was unlinked.
/// Second owners: the segment it belongs to, and every response that sends from it.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  /// The descriptor for sendfile(), or -1 where there is none (an in-memory file system): then read().
  [[nodiscard]] virtual int descriptor() const = 0;
  /// Reads up to out.size() bytes at `position`; the count read (short only at the end), or -errno.
  virtual std::int64_t read_at(std::uint64_t position, MutableByteView out) const = 0;
};

struct FileRange {
  std::shared_ptr<const ReadableFile> file;
  std::uint64_t position = 0;
  std::size_t size = 0;
};

using Piece = std::variant<SharedBytes, FileRange>;

class Payload {
 public:
  void append(SharedBytes bytes);
  void append(FileRange range);
  void append(Payload other);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  [[nodiscard]] std::vector<Piece> take_pieces() &&;
  /// Everything in one block of memory, files read: for tests and small payloads.
  [[nodiscard]] SharedBytes flatten() const;

 private:
  std::vector<Piece> pieces_;
  std::size_t size_ = 0;
};

}  // namespace moldau::base
