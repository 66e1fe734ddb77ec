#include "log_check.hpp"

#include <cstdio>

#include "moldau/storage/verify.hpp"
#include "output.hpp"

namespace moldau::cli {
namespace {

using storage::VerifyProblem;
using storage::VerifyReport;

void print_json(const std::string& directory, const VerifyReport& report) {
  Json json;
  json.open('{').key("directory").value(directory).key("damaged").value(report.is_damaged());
  json.key("stopped_in_order").value(report.orderly);
  json.key("lane_entries").value(static_cast<std::int64_t>(report.lane_entries)).key("logs").open('[');
  for (const auto& log : report.logs) {
    json.open('{').key("topic").value(log.name.topic).key("partition").value(std::int64_t{log.name.partition.value()});
    json.key("segments").value(static_cast<std::int64_t>(log.segments));
    json.key("batches").value(static_cast<std::int64_t>(log.batches));
    json.key("records").value(static_cast<std::int64_t>(log.records));
    json.key("bytes").value(static_cast<std::int64_t>(log.bytes));
    json.key("first_offset").value(log.first.value()).key("end_offset").value(log.end.value()).close('}');
  }
  json.close(']').key("problems").open('[');
  for (const auto& problem : report.problems) {
    const bool is_damage = problem.kind == VerifyProblem::Kind::damage;
    json.open('{').key("kind").value(std::string_view(is_damage ? "damage" : "derived"));
    json.key("file").value(problem.file);
    add_optional(json.key("position"), problem.position ? std::optional(static_cast<std::int64_t>(*problem.position))
                                                        : std::nullopt);
    add_optional(json.key("offset"), problem.offset);
    json.key("problem").value(problem.what).close('}');
  }
  json.close(']').close('}').print();
}

void print_table(const VerifyReport& report) {
  Table table({"TOPIC", "PARTITION", "SEGMENTS", "BATCHES", "RECORDS", "SIZE", "FIRST", "END"});
  for (const auto& log : report.logs)
    table.add({log.name.topic, std::to_string(log.name.partition.value()), std::to_string(log.segments),
               std::to_string(log.batches), std::to_string(log.records), human_bytes(log.bytes),
               std::to_string(log.first.value()), std::to_string(log.end.value())});
  table.print();
  if (!report.orderly)
    std::fprintf(stderr, "it was not stopped in order: a start replays %llu entries of the lane\n",
                 static_cast<unsigned long long>(report.lane_entries));
  for (const auto& problem : report.problems) {
    std::string where = problem.file;
    if (problem.position) where += ", byte " + std::to_string(*problem.position);
    if (problem.offset) where += ", offset " + std::to_string(problem.offset->value());
    const bool is_damage = problem.kind == VerifyProblem::Kind::damage;
    std::fprintf(stderr, "%s: %s: %s\n", is_damage ? "damaged" : "made anew by a start", where.c_str(),
                 problem.what.c_str());
  }
}

}  // namespace

base::Result<bool> log_check(const std::string& directory, Format format) {
  const auto fs = storage::make_real_file_system();
  const bool shows_progress = is_terminal_stderr() && format == Format::table;
  const auto report = storage::verify_directory(*fs, directory, [&](const TopicPartition& log) {
    if (shows_progress)
      std::fprintf(stderr, "\r\033[K%s-%d", log.topic.c_str(), static_cast<int>(log.partition.value()));
  });
  if (shows_progress) std::fputs("\r\033[K", stderr);
  if (!report) return report.error();
  format == Format::json ? print_json(directory, *report) : print_table(*report);
  return !report->is_damaged();
}

}  // namespace moldau::cli
