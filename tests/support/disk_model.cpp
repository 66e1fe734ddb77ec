#include "tests/support/disk_model.hpp"

#include <algorithm>

namespace moldau::support {

namespace {

void put(Bytes& to, std::uint64_t position, base::ByteView bytes) {
  if (bytes.empty()) return;
  if (to.size() < position + bytes.size()) to.resize(position + bytes.size());
  std::copy(bytes.begin(), bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(position));
}

void apply(const FileChange& change, std::size_t sector_kept, Bytes& to) {
  switch (change.kind) {
    case FileChange::Kind::sector:
      put(to, change.at, base::ByteView(change.image).first(sector_kept));
      break;
    case FileChange::Kind::grow:
      if (to.size() < change.at) to.resize(change.at);
      break;
    case FileChange::Kind::set_size:
      to.resize(change.at);
      break;
  }
}

void apply(const DirectoryChange& change, std::map<std::string, NodePtr>& entries) {
  if (change.remove) {
    const auto found = entries.find(*change.remove);
    if (found != entries.end() && (change.node == nullptr || found->second == change.node)) {
      entries.erase(found);
    }
  }
  if (change.add) entries[*change.add] = change.node;
}

using Copies = std::map<const Node*, NodePtr>;

NodePtr copy_node(const NodePtr& node, Copies& copies) {
  if (node == nullptr) return nullptr;
  NodePtr& copy = copies[node.get()];
  if (copy != nullptr) return copy;
  copy = std::make_shared<Node>(*node);
  for (auto& [name, entry] : copy->entries) entry = copy_node(entry, copies);
  for (auto& [name, entry] : copy->durable_entries) entry = copy_node(entry, copies);
  for (auto& change : copy->directory_changes) change.node = copy_node(change.node, copies);
  return copy;
}

NodePtr cut_node(const NodePtr& node, const SectorFate& sector, const ChangeFate& survives,
                 Copies& copies) {
  const auto known = copies.find(node.get());
  if (known != copies.end()) return known->second;
  const auto left = std::make_shared<Node>();
  copies[node.get()] = left;
  left->is_directory = node->is_directory;
  left->modified_ms = node->modified_ms;
  left->durable = node->durable;
  for (const FileChange& change : node->file_changes) {
    if (change.kind == FileChange::Kind::sector) {
      apply(change, sector(change), left->durable);
    } else if (survives(change.operation)) {
      apply(change, 0, left->durable);
    }
  }
  left->contents = left->durable;
  auto entries = node->durable_entries;
  for (const DirectoryChange& change : node->directory_changes) {
    if (survives(change.operation)) apply(change, entries);
  }
  for (const auto& [name, entry] : entries) {
    left->entries[name] = cut_node(entry, sector, survives, copies);
  }
  left->durable_entries = left->entries;
  return left;
}

}  // namespace

void Node::write(std::uint64_t operation, std::uint64_t position, base::ByteView bytes) {
  if (bytes.empty()) return;
  const std::size_t size_before = contents.size();
  put(contents, position, bytes);
  const std::uint64_t end = position + bytes.size();
  for (std::uint64_t at = position / sector_bytes * sector_bytes; at < end; at += sector_bytes) {
    const auto begin = contents.begin() + static_cast<std::ptrdiff_t>(at);
    const auto size = std::min<std::uint64_t>(sector_bytes, contents.size() - at);
    file_changes.push_back({operation, FileChange::Kind::sector, at,
                            Bytes(begin, begin + static_cast<std::ptrdiff_t>(size))});
  }
  if (contents.size() > size_before) {
    file_changes.push_back({operation, FileChange::Kind::grow, contents.size(), {}});
  }
}

void Node::set_size(std::uint64_t operation, std::uint64_t size) {
  contents.resize(size);
  file_changes.push_back({operation, FileChange::Kind::set_size, size, {}});
}

void Node::sync() {
  for (const FileChange& change : file_changes) apply(change, change.image.size(), durable);
  file_changes.clear();
  for (const DirectoryChange& change : directory_changes) apply(change, durable_entries);
  directory_changes.clear();
}

DiskState::DiskState() : root(std::make_shared<Node>()) { root->is_directory = true; }

std::optional<std::uint64_t> DiskState::begin(std::string description) {
  if (crashed) return std::nullopt;
  trace.push_back(std::move(description));
  crashed = ++operations == crash_at;
  return operations;
}

std::int64_t DiskState::now_ms() const { return clock == nullptr ? 0 : clock->wall_ms(); }

NodePtr DiskState::find(const std::string& path) const {
  NodePtr node = root;
  for (const std::string& part : parts_of(path)) {
    const auto found = node->entries.find(part);
    if (found == node->entries.end()) return nullptr;
    node = found->second;
  }
  return node;
}

std::vector<const Node*> DiskState::all_nodes() const {
  std::set<const Node*> seen;
  std::vector<const Node*> nodes;
  std::vector<const Node*> to_visit = {root.get()};
  while (!to_visit.empty()) {
    const Node* const node = to_visit.back();
    to_visit.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    nodes.push_back(node);
    for (const auto& [name, entry] : node->entries) to_visit.push_back(entry.get());
    for (const auto& [name, entry] : node->durable_entries) to_visit.push_back(entry.get());
    for (const auto& change : node->directory_changes) to_visit.push_back(change.node.get());
  }
  return nodes;
}

std::vector<std::uint64_t> DiskState::unsynced_operations() const {
  std::set<std::uint64_t> numbers;
  for (const Node* const node : all_nodes()) {
    for (const auto& change : node->file_changes) numbers.insert(change.operation);
    for (const auto& change : node->directory_changes) numbers.insert(change.operation);
  }
  return {numbers.begin(), numbers.end()};
}

std::shared_ptr<DiskState> DiskState::copy() const {
  auto made = std::make_shared<DiskState>();
  Copies copies;
  made->clock = clock;
  made->root = copy_node(root, copies);
  made->operations = operations;  // so that the numbers of unsynced changes stay unique
  made->trace = trace;
  return made;
}

std::shared_ptr<DiskState> DiskState::cut(const SectorFate& sector,
                                          const ChangeFate& change) const {
  auto made = std::make_shared<DiskState>();
  Copies copies;
  made->clock = clock;
  made->root = cut_node(root, sector, change, copies);
  return made;
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    if (!part.empty() && part != ".") parts.push_back(part);
    begin = end + 1;
  }
  return parts;
}

}  // namespace moldau::support
