#include "base/glob.hpp"
#include "core/filetree/file_tree.hpp"
#include "core/filetree/path.hpp"

#include <algorithm>
#include <limits>

// What is asked of the namespace. A page costs a bounded time, whatever is in
// the directory.

namespace dfs::core {

namespace {

constexpr std::size_t entries_max = 10'000;        ///< In a page.
constexpr std::size_t scanned_max = 50'000;        ///< For a page of matches.
constexpr std::size_t page_bytes_max = 512 * 1024; ///< Of names, and about.
constexpr std::size_t entry_bytes = 24;            ///< Besides the name.
constexpr std::size_t trash_entries_max = 1'000;
constexpr std::uint32_t locations_max = 256; ///< In a layout.

std::size_t limit_of(std::uint32_t asked, std::size_t most) {
  return asked == 0 ? most : std::min<std::size_t>(asked, most);
}

msg::list_entry entry_of(const inode_table& nodes, node_index x) {
  const auto& it = nodes[x];
  return {std::string{nodes.name(x)}, it.kind,
          it.is_directory() ? 0 : it.length,
          std::chrono::milliseconds{it.modified_ms}, it.where};
}

/// Fills one page from a directory's list.
class pager {
public:
  pager(const tree_state& tree, node_index dir, const msg::list_directory& x)
    : tree_{tree},
      nodes_{tree.nodes},
      children_{tree.nodes.list(dir).children},
      asked_{x},
      prefix_{glob_prefix(x.pattern)},
      filtered_{!x.pattern.empty()} {
    // nop
  }

  msg::directory_page run(std::uint64_t& seen) {
    auto at = begin();
    const auto limit = limit_of(asked_.limit, entries_max);
    std::size_t bytes = 0;
    page_.entries.reserve(std::min(limit, children_.size()));
    for (std::size_t scanned = 0; children_.get(at) != no_node; ++scanned) {
      fetch_ahead(at);
      const auto x = children_.get(at);
      const auto name = nodes_.name(x);
      if (filtered_ && !name.starts_with(prefix_) && name > prefix_)
        return std::move(page_); // Whatever follows is above all matches.
      if (page_.entries.size() == limit || bytes > page_bytes_max
          || scanned == scanned_max) {
        page_.more = true;
        page_.next = last_;
        return std::move(page_);
      }
      last_ = name;
      if (nodes_[x].hidden)
        seen = std::max(seen, nodes_[x].changed);
      else if (!filtered_ || glob_matches(asked_.pattern, name)) {
        add(x, name, seen);
        bytes += name.size() + entry_bytes;
      }
      children_.advance(at);
    }
    return std::move(page_);
  }

private:
  [[nodiscard]] child_set::position begin() const {
    if (asked_.after.empty() || asked_.after < prefix_)
      return children_.lower_bound(prefix_, nodes_);
    return children_.upper_bound(asked_.after, nodes_);
  }

  /// A name is two reads away from the list, each from anywhere in memory.
  void fetch_ahead(const child_set::position& at) const {
    if (const auto far = children_.peek(at, 16); far != no_node)
      nodes_.prefetch(far);
    if (const auto near = children_.peek(at, 8); near != no_node)
      nodes_.prefetch_name(near);
  }

  void add(node_index x, std::string_view name, std::uint64_t& seen) {
    if (asked_.names_only) {
      seen = std::max(seen, nodes_[x].changed);
      page_.entries.emplace_back().name = name;
      page_.entries.back().kind = msg::entry_kind{};
      page_.entries.back().where = msg::storage_class{};
    } else {
      seen = std::max(seen, tree_.seen_at(x));
      page_.entries.push_back(entry_of(nodes_, x));
    }
  }

  const tree_state& tree_;
  const inode_table& nodes_;
  const child_set& children_;
  const msg::list_directory& asked_;
  std::string prefix_;
  bool filtered_;
  std::string_view last_;
  msg::directory_page page_;
};

} // namespace

reading<msg::file_status> file_tree::status(std::string_view path) const {
  std::uint64_t seen = 0;
  const auto x = state_.find(path, &seen);
  if (!x)
    return {x.error(), seen};
  return {state_.status_of(*x, std::string{path}),
          std::max(seen, state_.seen_at(*x))};
}

reading<msg::directory_page>
file_tree::list(const msg::list_directory& asked) const {
  std::uint64_t seen = 0;
  if (auto good = check_glob(asked.pattern); !good)
    return {fail(ec::invalid_argument,
                 printable(asked.pattern) + ": " + good.error().context),
            0};
  const auto x = state_.find(asked.path, &seen);
  if (!x)
    return {x.error(), seen};
  seen = std::max(seen, state_.seen_at(*x));
  if (!state_.nodes[*x].is_directory())
    return {msg::directory_page{{entry_of(state_.nodes, *x)}, false, {}}, seen};
  auto page = pager{state_, *x, asked}.run(seen);
  return {std::move(page), seen};
}

reading<msg::tree_usage> file_tree::usage(std::string_view path) const {
  const auto x = state_.find(path);
  if (!x)
    return {x.error(), state_.applied};
  const auto sum = state_.nodes.totals(*x);
  return {msg::tree_usage{sum.files, sum.directories, sum.bytes, sum.chunks},
          state_.applied};
}

msg::trash_entry
file_tree::trashed_entry(std::uint64_t id, const trash_item& item) const {
  const auto sum = state_.nodes.totals(item.node);
  return {id,
          item.path,
          state_.nodes[item.node].kind,
          sum.files,
          sum.bytes,
          std::chrono::milliseconds{item.removed_ms},
          std::chrono::milliseconds{item.purged_ms}
            + (state_.now.wall - state_.now.kept)};
}

msg::trash_entry file_tree::deleted_entry(node_index x) const {
  const auto& it = state_.nodes[x];
  const std::chrono::milliseconds removed{it.modified_ms};
  return {it.inode.value(),
          state_.nodes.path(x),
          it.kind,
          1,
          0, // What there is of it, its group knows.
          removed,
          removed + state_.config.version_trash_life};
}

reading<msg::trash_list> file_tree::trash(const msg::list_trash& asked) const {
  msg::trash_list page;
  const auto limit = limit_of(asked.limit, trash_entries_max);
  const auto after = asked.after == 0
                       ? std::numeric_limits<std::uint64_t>::max()
                       : asked.after;
  const auto deleted = state_.deleted_files();
  auto of_file
    = std::make_reverse_iterator(deleted.lower_bound(inode_id{after}));
  auto at = std::make_reverse_iterator(state_.trash.lower_bound(after));
  for (;;) {
    while (at != state_.trash.rend()
           && state_.is_purging(at->first, at->second))
      ++at;
    const bool no_file = of_file == deleted.rend();
    if (at == state_.trash.rend() && no_file)
      break;
    if (page.entries.size() == limit) {
      page.more = true;
      break;
    }
    // Ids and inodes are numbers of one row.
    if (no_file
        || (at != state_.trash.rend() && at->first > of_file->first.value())) {
      page.entries.push_back(trashed_entry(at->first, at->second));
      ++at;
    } else {
      page.entries.push_back(deleted_entry(of_file->second));
      ++of_file;
    }
  }
  return {std::move(page), state_.applied};
}

reading<msg::purges_found>
file_tree::purges(const msg::find_purges& asked) const {
  const auto& all = state_.held_names;
  return {msg::purges_found{asked.trash_id == 0
                              ? all.size()
                              : all.count(inode_id{asked.trash_id})},
          state_.applied};
}

reading<msg::upload_status>
file_tree::find_upload(std::string_view path) const {
  if (auto good = check_path(path); !good)
    return {good.error(), 0};
  for (auto at = state_.uploads.rbegin(); at != state_.uploads.rend(); ++at)
    if (at->second.path == path)
      return {state_.upload_of(at->first), state_.applied};
  return {
    fail(ec::not_found, "no upload to " + printable(path) + " is under way"),
    state_.applied};
}

reading<msg::file_layout> file_tree::layout(const msg::open_file& asked) const {
  std::uint64_t seen = 0;
  const auto x = state_.find(asked.path, &seen);
  if (!x)
    return {x.error(), seen};
  if (state_.nodes[*x].is_directory())
    return {fail(ec::is_directory, printable(asked.path) + " is a directory"),
            seen};
  if (state_.nodes.is_versioned_file(*x))
    return {fail(ec::unsupported,
                 printable(asked.path) + " is of class versioned, not chunked"),
            seen};
  msg::file_layout made;
  made.status = state_.status_of(*x, asked.path);
  made.chunk_size = state_.config.chunk_size;
  made.first = asked.first;
  const auto count = state_.nodes.piece_count(*x);
  for (auto i = asked.first; i < count && made.chunks.size() < locations_max;
       ++i) {
    msg::chunk_location place;
    place.chunk = state_.nodes.piece_at(*x, i).chunk;
    made.chunks.push_back(std::move(place));
  }
  return {std::move(made), seen};
}

reading<file_tree::growing_file>
file_tree::growing(inode_id file, chunk_id last) const {
  const auto x = state_.nodes.find(file);
  if (x == no_node || state_.nodes[x].is_directory()
      || !state_.nodes.is_within(x, state_.root))
    return {fail(ec::not_found,
                 "the file " + std::to_string(file.value()) + " is gone"),
            state_.applied};
  if (state_.nodes.is_versioned_file(x))
    return {fail(ec::unsupported, "a versioned file has no chunks"),
            state_.applied};
  growing_file found{state_.nodes[x].replication, {}};
  const auto count = state_.nodes.piece_count(x);
  auto next = std::uint32_t{0};
  if (last != chunk_id{}) {
    next = count;
    while (next > 0 && state_.nodes.piece_at(x, next - 1).chunk != last)
      --next;
    if (next == 0)
      return {fail(ec::stale, "the chunk is not part of the file"),
              state_.applied};
  }
  if (next < count)
    found.next = state_.nodes.piece_at(x, next).chunk;
  return {found, state_.nodes[x].changed};
}

} // namespace dfs::core
