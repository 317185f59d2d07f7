#include "admin/fsck/examine.hpp"

#include "admin/file_cells.hpp"
#include "admin/listing.hpp"
#include "admin/master.hpp"
#include "messages/chunk_control.hpp"
#include "messages/chunk_status_methods.hpp"

#include <fmt/format.h>

#include <deque>
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
    const auto status = ask_master(context_, msg::get_status{path});
    if (!status)
      return status.error();
    const auto usage = ask_master(context_, msg::get_usage{path});
    if (!usage)
      return usage.error();
    total_ = usage->files;
    auto seen = status->kind == msg::entry_kind::file ? look_at(path)
                                                      : walk_below(path);
    if (seen)
      seen = ask_about_batch();
    if (seen && path == "/")
      seen = ask_about_others();
    context_.out.progress({});
    return seen;
  }

private:
  result<nothing> walk_below(const std::string& path) {
    std::deque<std::string> directories{path};
    while (!directories.empty()) {
      const auto directory = std::move(directories.front());
      directories.pop_front();
      result<nothing> fault = done;
      auto listed
        = list_all(context_, directory, {}, [&](const msg::list_entry& entry) {
            auto full = join_path(directory, entry.name);
            if (entry.kind == msg::entry_kind::directory)
              directories.push_back(std::move(full));
            else
              fault = look_at(full);
            return bool{fault};
          });
      // What was removed since its parent was listed is nobody's fault.
      if (!listed
          && (listed.error().code != ec::not_found || directory == path))
        return listed;
      if (!fault)
        return fault;
    }
    return done;
  }

  result<nothing> look_at(const std::string& path) {
    msg::open_file wanted{path, 0};
    for (;;) {
      const auto layout = ask_master(context_, wanted);
      if (!layout) {
        if (layout.error().code == ec::not_found)
          return done;
        return layout.error();
      }
      if (wanted.first == 0) {
        ++to_.files;
        walk_.paths.push_back(path);
        show_progress();
      }
      for (const auto& x : layout->chunks) {
        walk_.path_of[x.chunk] = walk_.paths.size() - 1;
        batch_.push_back(x.chunk);
        if (batch_.size() == msg::chunk_page_max)
          if (auto asked = ask_about_batch(); !asked)
            return asked;
      }
      wanted.first += static_cast<std::uint32_t>(layout->chunks.size());
      if (layout->chunks.empty() || wanted.first >= layout->status.chunks)
        return done;
    }
  }

  result<nothing> ask_about_batch() {
    if (batch_.empty())
      return done;
    const auto page = ask_master(
      context_, msg::check_chunks{std::exchange(batch_, {}), chunk_id{}});
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
