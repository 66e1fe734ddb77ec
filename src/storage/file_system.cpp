#include "moldau/storage/file_system.hpp"

#include <fmt/format.h>

namespace moldau::storage {

namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

base::Status File::write(std::uint64_t position, ByteView bytes) {
  return write(position, std::vector<ByteView>{bytes});
}

base::Result<std::string> read_whole(FileSystem& fs, const std::string& path) {
  MOLDAU_ASSIGN(const auto file, fs.open(path, FileSystem::Open::read));
  MOLDAU_ASSIGN(const std::uint64_t size, file->size());
  std::string contents(size, '\0');
  MOLDAU_ASSIGN(const std::size_t read,
                file->read(0, {reinterpret_cast<std::uint8_t*>(contents.data()), contents.size()}));
  contents.resize(read);
  return contents;
}

base::Status write_whole(FileSystem& fs, const std::string& path, std::string_view contents) {
  const std::string temporary = path + ".tmp";
  MOLDAU_ASSIGN(const auto file, fs.open(temporary, FileSystem::Open::create));
  MOLDAU_TRY(file->truncate(0));  // left behind by a crash, perhaps
  MOLDAU_TRY(file->write(0, base::as_bytes(contents)));
  MOLDAU_TRY(file->sync());
  MOLDAU_TRY(fs.rename(temporary, path));
  return fs.sync_directory(directory_of(path));
}

}  // namespace moldau::storage
