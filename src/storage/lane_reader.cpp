#include "lane_reader.hpp"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <vector>

#include "moldau/base/crc32c.hpp"

namespace moldau::storage {

namespace format = lane_format;
using base::Errc;
using base::fail;

namespace {

/// Behind a missing block a later one of the same or the next commit begins within so many bytes.
constexpr std::uint64_t search_bytes_max = 8 * 1024 * 1024;

struct Header {
  std::uint32_t crc = 0;
  std::uint64_t sequence = 0;
  std::uint64_t durable_sequence = 0;
  std::uint64_t first_lsn = 0;
  std::uint32_t length = 0;
  std::uint32_t entry_count = 0;
};

class Reader {
 public:
  Reader(FileSystem& fs, const std::string& directory, std::uint64_t incarnation)
      : fs_(fs), directory_(directory), incarnation_(incarnation) {}

  base::Status open(std::uint32_t file) {
    file_.reset();
    size_ = 0;
    auto opened = fs_.open(lane_file_path(directory_, file), FileSystem::Open::read);
    if (!opened && opened.error().code == Errc::not_found) return {};
    if (!opened) return opened.error();
    file_ = std::move(opened).value();
    MOLDAU_ASSIGN(size_, file_->size());
    return {};
  }

  /// The block at `offset`, whole and with the right checksum; nullopt when there is none.
  base::Result<std::optional<Header>> block(std::uint64_t offset) {
    if (offset + format::block_header_bytes > size_) return std::optional<Header>{};
    MOLDAU_TRY(read(offset, format::block_header_bytes));
    const std::uint8_t* at = bytes_.data();
    if (base::load_be<std::uint32_t>(at + format::magic_at) != format::magic ||
        base::load_be<std::uint64_t>(at + format::incarnation_at) != incarnation_)
      return std::optional<Header>{};
    Header header;
    header.crc = base::load_be<std::uint32_t>(at + format::crc_at);
    header.sequence = base::load_be<std::uint64_t>(at + format::sequence_at);
    header.durable_sequence = base::load_be<std::uint64_t>(at + format::durable_sequence_at);
    header.first_lsn = base::load_be<std::uint64_t>(at + format::first_lsn_at);
    header.length = base::load_be<std::uint32_t>(at + format::length_at);
    header.entry_count = base::load_be<std::uint32_t>(at + format::entry_count_at);
    const std::uint64_t bytes = format::block_header_bytes + std::uint64_t{header.length};
    if (offset + bytes > size_) return std::optional<Header>{};
    MOLDAU_TRY(read(offset, static_cast<std::size_t>(bytes)));
    if (base::crc32c(base::ByteView(bytes_).subspan(format::incarnation_at)) != header.crc)
      return std::optional<Header>{};
    return std::optional<Header>{header};
  }
  /// The entries of the block that was read last.
  [[nodiscard]] base::ByteView entries() const {
    return base::ByteView(bytes_).subspan(format::block_header_bytes);
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  base::Status read(std::uint64_t offset, std::size_t size) {
    bytes_.resize(size);
    MOLDAU_ASSIGN(const std::size_t got, file_->read(offset, bytes_));
    if (got < size) return fail(Errc::io, "a lane file became shorter while it was read");
    return {};
  }

  FileSystem& fs_;
  const std::string& directory_;
  const std::uint64_t incarnation_;
  std::shared_ptr<File> file_;
  std::uint64_t size_ = 0;
  std::vector<std::uint8_t> bytes_;
};

base::Status visit_entries(base::ByteView bytes, const Header& header,
                           const std::function<base::Status(const LaneRecord&)>& visit) {
  for (std::uint32_t i = 0; i < header.entry_count; ++i) {
    if (bytes.size() < format::entry_header_bytes)
      return fail(Errc::damaged, "a lane block has fewer entries than it says");
    LaneRecord record;
    record.kind = static_cast<format::Kind>(bytes[format::kind_at]);
    record.partition.partition =
        PartitionIndex{base::load_be<std::int32_t>(bytes.data() + format::partition_at)};
    std::memcpy(record.partition.topic_id.bytes.data(), bytes.data() + format::topic_id_at, 16);
    record.value = base::load_be<std::int64_t>(bytes.data() + format::value_at);
    record.lsn = Lsn{header.first_lsn + i};
    const auto size = base::load_be<std::uint32_t>(bytes.data() + format::size_at);
    if (bytes.size() - format::entry_header_bytes < size)
      return fail(Errc::damaged, "a lane entry is longer than its block");
    record.bytes = bytes.subspan(format::entry_header_bytes, size);
    bytes = bytes.subspan(format::entry_header_bytes + size);
    MOLDAU_TRY(visit(record));
  }
  return {};
}

}  // namespace

base::Result<LanePosition> read_lane(FileSystem& fs, const std::string& directory, int lane_files,
                                     std::uint64_t incarnation, LanePosition from,
                                     const std::function<base::Status(const LaneRecord&)>& visit) {
  Reader reader(fs, directory, incarnation);
  MOLDAU_TRY(reader.open(from.file));
  LanePosition at = from;
  for (;;) {
    MOLDAU_ASSIGN(auto header, reader.block(at.offset));
    if (!header || header->sequence != at.sequence) {
      const auto next = (at.file + 1) % static_cast<std::uint32_t>(lane_files);
      Reader next_file(fs, directory, incarnation);
      MOLDAU_TRY(next_file.open(next));
      MOLDAU_ASSIGN(const auto first, next_file.block(0));
      const bool continues = first && first->sequence == at.sequence;
      // A block further on that knew this one as durable: it was lost afterwards.
      bool lost = first && !continues && first->sequence > at.sequence &&
                  first->durable_sequence > at.sequence;
      for (std::uint64_t ahead = format::alignment;
           !continues && !lost && ahead <= search_bytes_max && at.offset + ahead < reader.size();
           ahead += format::alignment) {
        MOLDAU_ASSIGN(const auto later, reader.block(at.offset + ahead));
        lost = later && later->sequence > at.sequence && later->durable_sequence > at.sequence;
      }
      if (lost)
        return fail(Errc::damaged,
                    fmt::format("{}: block {} at byte {} was durable and cannot be read any more; "
                                "restore the directory from a copy",
                                lane_file_path(directory, at.file), at.sequence, at.offset));
      if (!continues) return at;
      at.file = next;
      at.offset = 0;
      MOLDAU_TRY(reader.open(next));
      MOLDAU_ASSIGN(header, reader.block(0));
      if (!header || header->sequence != at.sequence) return at;
    }
    const std::uint64_t bytes = format::block_header_bytes + std::uint64_t{header->length};
    MOLDAU_TRY(visit_entries(reader.entries(), *header, visit));
    at.offset += format::aligned(bytes);
    ++at.sequence;
  }
}

}  // namespace moldau::storage
