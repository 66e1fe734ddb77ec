#pragma once
// Batches for tests: random ones that know what is in them, and plain ones of a given size.

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "moldau/base/shared_bytes.hpp"
#include "moldau/record/batch_builder.hpp"
#include "moldau/record/batch_view.hpp"

namespace moldau::support {

struct MadeRecord {
  std::int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  friend bool operator==(const MadeRecord&, const MadeRecord&) = default;
};

struct MadeBatch {
  base::SharedBytes bytes;
  record::BatchOptions options;
  std::vector<MadeRecord> records;
  [[nodiscard]] record::BatchView view() const;
};

/// Thread rule: one thread.  The same seed makes the same batches.
class RecordMaker {
 public:
  struct Shape {
    int records_max = 20;
    std::size_t value_bytes_max = 300;
    int headers_max = 3;
    std::int64_t timestamp_ms = 1'700'000'000'000;  // of the first record; later ones are near it
  };
  explicit RecordMaker(std::uint64_t seed) : engine_(seed) {}

  /// A batch of a random codec, sometimes of a producer, with keys, values and headers that may be null
  /// or empty.  Valid as a client's.
  MadeBatch random_batch(const Shape& shape);
  MadeBatch random_batch() { return random_batch(Shape{}); }
  /// As above with these options.
  MadeBatch batch(const record::BatchOptions& options, const Shape& shape);

 private:
  std::uint64_t below(std::uint64_t end) { return engine_() % end; }
  std::string text(std::size_t bytes_max);
  std::optional<std::string> nullable_text(std::size_t bytes_max);
  MadeRecord record(const Shape& shape);

  std::mt19937_64 engine_;
};

/// `count` records with keys "key<i>" and values of `value_bytes` bytes each.
base::SharedBytes plain_batch(int count, std::size_t value_bytes,
                              const record::BatchOptions& options = {},
                              std::int64_t timestamp_ms = 1'700'000'000'000);

/// What is in a batch, by RecordIterator; a batch that cannot be read is a failed check.
std::vector<MadeRecord> records_of(const record::BatchView& batch);

}  // namespace moldau::support
