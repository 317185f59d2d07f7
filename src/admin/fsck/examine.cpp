#include "admin/fsck/examine.hpp"

#include "admin/file_cells.hpp"
#include "admin/listing.hpp"
#include "admin/master.hpp"
#include "messages/chunk_control.hpp"
#include "messages/chunk_status_methods.hpp"
#include "messages/version_admin_methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

namespace dfs::admin {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view no_directory = "(in the trash or being uploaded)";

class walker {
public:
  walker(verb_context& context, const server_names& names, fsck_walk& walk,
         fsck_report& to)
    : context_{context},
      names_{names},
      walk_{walk},
      to_{to} {
    // nop
  }

  result<nothing> run(const std::string& path) {
    auto master = context_.master();
    if (!master)
      return master.error();
    master_ = *master;
    const auto status = ask_master(context_, msg::get_status{path});
    // Lists do not show a deleted file, or one that they wrongly hide.
    if (!status)
      return list_names(path, {}) && !walk_.versioned.empty()
               ? result<nothing>{done}
               : status.error();
    if (status->where == msg::storage_class::versioned
        && status->kind == msg::entry_kind::file)
      return list_names(path, {});
    const auto usage = ask_master(context_, msg::get_usage{path});
    if (!usage)
      return usage.error();
    total_ = usage->files;
    auto seen = status->kind == msg::entry_kind::file
                  ? look_at(path)
                  : walk_below(path, status->where);
    if (seen)
      seen = wait_until_at_most(0);
    while (seen && !batch_.empty())
      seen = ask_about_batch();
    if (seen && path == "/")
      seen = ask_about_others();
    context_.out.progress({});
    return seen;
  }

private:
  /// Files that the master is asked about at once: nobody waits for each answer
  /// by itself, and the master has others to serve.
  static constexpr std::size_t at_once = 64;

  result<nothing>
  walk_below(const std::string& path, msg::storage_class where) {
    std::deque<std::pair<std::string, msg::storage_class>> directories{
      {path, where}};
    while (!directories.empty()) {
      const auto next = std::move(directories.front());
      const auto& directory = next.first;
      directories.pop_front();
      result<nothing> fault = done;
      auto listed
        = list_all(context_, directory, {}, [&](const msg::list_entry& entry) {
            auto full = join_path(directory, entry.name);
            if (entry.kind == msg::entry_kind::directory)
              directories.emplace_back(std::move(full), entry.where);
            else if (entry.where == msg::storage_class::chunked)
              fault = look_at(full);
            return bool{fault};
          });
      if (listed && fault && next.second == msg::storage_class::versioned)
        listed = list_names(directory, directory);
      // What was removed since its parent was listed is nobody's fault.
      if (!listed
          && (listed.error().code != ec::not_found || directory == path))
        return listed;
      if (!fault)
        return fault;
    }
    return done;
  }

  /// What names show of versioned files, hidden ones too.
  /// @param directory Empty: it is one file.
  result<nothing>
  list_names(const std::string& path, const std::string& directory) {
    msg::list_versioned wanted{path, {}, 0};
    for (;;) {
      const auto page = ask_master(context_, wanted);
      if (!page)
        return page.error();
      for (const auto& x : page->entries)
        walk_.versioned.push_back(
          {directory.empty() ? path : join_path(directory, x.name), x});
      if (!page->more)
        return done;
      wanted.after = page->next;
    }
  }

  /// Begins; what comes of it is in `batch_` or `fault_` later.
  result<nothing> look_at(const std::string& path) {
    if (auto room = wait_until_at_most(at_once - 1); !room)
      return room;
    while (batch_.size() >= msg::chunk_page_max)
      if (auto asked = ask_about_batch(); !asked)
        return asked;
    ++open_;
    ask_for_layout({path, 0});
    return done;
  }

  result<nothing> wait_until_at_most(std::size_t open) {
    master_->run_until([&] { return open_ <= open || fault_; });
    if (!fault_)
      return done;
    return explain(*fault_, context_, context_.first_request());
  }

  void ask_for_layout(const msg::open_file& wanted) {
    // All are answered before this ends, unless it ends with a fault, and then
    // nobody runs the loop any more.
    master_->session()->call<msg::open_file>(
      wanted, {}, [this, wanted](const auto& layout) {
        if (layout)
          return take(wanted, *layout);
        --open_;
        if (layout.error().code != ec::not_found)
          fault_ = layout.error();
      });
  }

  void take(msg::open_file wanted, const msg::file_layout& layout) {
    if (wanted.first == 0) {
      ++to_.files;
      show_progress();
    }
    if (!layout.chunks.empty()) {
      // Several layouts of one file are one path.
      if (wanted.first == 0 || walk_.paths.empty()
          || walk_.paths.back() != wanted.path)
        walk_.paths.push_back(wanted.path);
      for (const auto& x : layout.chunks) {
        walk_.path_of[x.chunk] = walk_.paths.size() - 1;
        batch_.push_back(x.chunk);
      }
    }
    wanted.first += static_cast<std::uint32_t>(layout.chunks.size());
    if (!layout.chunks.empty() && wanted.first < layout.status.chunks)
      return ask_for_layout(wanted);
    --open_;
  }

  result<nothing> ask_about_batch() {
    const auto count = std::min(batch_.size(), msg::chunk_page_max);
    const auto first = batch_.end() - static_cast<std::ptrdiff_t>(count);
    const std::vector<chunk_id> chunks{first, batch_.end()};
    batch_.erase(first, batch_.end());
    const auto page
      = ask_master(context_, msg::check_chunks{chunks, chunk_id{}});
    if (!page)
      return page.error();
    for (const auto& x : page->chunks) {
      const auto& path = walk_.paths[walk_.path_of.at(x.chunk)];
      // Removed and purged since it was listed?
      if (x.health == msg::chunk_health::unknown
          && !ask_master(context_, msg::get_status{path}))
        continue;
      ++to_.chunks;
      add_findings(to_, path, x, names_);
      note_holders(x);
    }
    return done;
  }

  void note_holders(const msg::chunk_report& x) {
    for (const auto& replica : x.replicas) {
      if (replica.what != msg::replica_condition::current)
        continue;
      if (replica.serving)
        walk_.held[replica.store].push_back(x.chunk);
      else
        ++walk_.out_of_reach[x.chunk];
    }
  }

  // Chunks of the trash and of uploads, and those of no file.
  result<nothing> ask_about_others() {
    msg::check_chunks wanted;
    for (;;) {
      const auto page = ask_master(context_, wanted);
      if (!page)
        return page.error();
      for (const auto& x : page->chunks)
        if (!walk_.path_of.contains(x.chunk))
          add_findings(to_,
                       x.file == inode_id{} ? std::string{}
                                            : std::string{no_directory},
                       x, names_);
      if (!page->more)
        return done;
      wanted.after = page->next;
    }
  }

  void show_progress() {
    if (!context_.out.how().progress)
      return;
    const auto now = instant::clock::now();
    if (now < drawn_ + 100ms)
      return;
    drawn_ = now;
    context_.out.progress(
      fmt::format("fsck  {} of {} files", to_.files, total_));
  }

  verb_context& context_;
  const server_names& names_;
  fsck_walk& walk_;
  fsck_report& to_;
  std::shared_ptr<client::master_client> master_;
  std::size_t open_ = 0;       ///< Files that are being asked about.
  std::optional<error> fault_; ///< What one of them came to.
  std::vector<chunk_id> batch_;
  std::uint64_t total_ = 0; ///< Files, as far as known.
  instant drawn_{};
};

} // namespace

result<nothing> examine_files(verb_context& context, const std::string& path,
                              const server_names& names, fsck_walk& walk,
                              fsck_report& to) {
  return walker{context, names, walk, to}.run(path);
}

} // namespace dfs::admin
