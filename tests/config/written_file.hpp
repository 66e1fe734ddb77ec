#pragma once
// A configuration file for one test.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "moldau/config/config.hpp"

namespace moldau::config {

class WrittenFile {
 public:
  explicit WrittenFile(std::string_view contents, std::string_view name = "moldau.yaml")
      : path_(testing::TempDir() + std::to_string(::getpid()) + "_" + std::string(name)) {
    std::ofstream(path_, std::ios::binary) << contents;
  }
  ~WrittenFile() { std::remove(path_.c_str()); }
  WrittenFile(const WrittenFile&) = delete;
  WrittenFile& operator=(const WrittenFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using Loaded = std::pair<Config, std::vector<std::string>>;

inline Loaded load_yaml(const WrittenFile& file) {
  Sources sources;
  sources.file = file.path();
  return load(sources);
}

/// Each problem without the file's folder: "moldau.yaml:2:3: error: ...".
inline std::vector<std::string> short_problems(const Loaded& loaded, const WrittenFile& file) {
  std::vector<std::string> problems;
  const auto name = file.path().substr(file.path().rfind('_') + 1);
  for (const auto& problem : loaded.second) {
    problems.push_back(problem.starts_with(file.path()) ? name + problem.substr(file.path().size())
                                                        : problem);
  }
  return problems;
}

}  // namespace moldau::config
