#include "admin/file_tree.hpp"

#include "admin/ask.hpp"
#include "admin/file_cells.hpp"
#include "admin/file_transfer.hpp"
#include "admin/tree_report.hpp"
#include "admin/versioned_files.hpp"
#include "client/change_name.hpp"
#include "client/local_files.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace dfs::admin {

namespace {

namespace fs = std::filesystem;

/// What both kinds of writers share.
struct tree_writer {
  verb_context& context;
  client::file_client& files;
  const put_options& how;
  tree_report& report;
  side_by_side& transfers;

  /// An earlier run of the command may have made some of the files (SPEC S11).
  [[nodiscard]] bool repeats() const {
    return context.options.request != request_id{};
  }

  [[nodiscard]] std::uint64_t
  number_of(const std::string& path, const std::string& mark) {
    return client::request_in(context.first_request(), path, mark);
  }

  /// @param where Of the directory that it comes into.
  /// @param mark  Tells versions of the source apart.
  /// @returns what cancels it.
  std::function<void()> write(std::shared_ptr<client::byte_source> source,
                              const std::string& path, msg::storage_class where,
                              const std::string& mark,
                              side_by_side::ended ended) {
    report.shown().add_total(source->length().value_or(0));
    if (where == msg::storage_class::versioned)
      return write_version(std::move(source), path, mark, std::move(ended));
    client::file_write what;
    what.path = path;
    what.request = number_of(path, mark);
    what.repeats = repeats();
    what.force = how.force;
    what.parents = true; // Directories are made as they are needed.
    what.resume = how.resume;
    what.timeout = context.transfer_timeout();
    what.progress = [this](std::uint64_t bytes) { report.shown().add(bytes); };
    // A file of many chunks is fast alone; here others are under way, too.
    what.chunks_at_once = 1;
    auto writer = std::make_shared<client::file_writer>(
      files.session(), std::move(source), std::move(what));
    writer->start([this, path, ended = std::move(ended)](const auto& made) {
      if (made)
        report.shown().add_file();
      else if (made.error().code != ec::cancelled)
        report.failed(made.error(), path);
      ended(done);
    });
    return [writer] { writer->cancel(); };
  }

  using names = std::set<std::string, std::less<>>;

  /// What is in a directory already. Asked for once, so that files that may not
  /// be made are not sent; empty where all may be, or may have been made by
  /// this command. What is wrong with the directory is said of each file in it.
  /// @returns as `side_by_side::begin`.
  result<names> names_in(const std::string& path) {
    names found;
    msg::list_directory page;
    page.path = path;
    page.names_only = true;
    while (!how.force && !repeats()) {
      const auto listed = files.ask(page);
      if (!listed && listed.error().code == ec::cancelled)
        return listed.error();
      if (!listed)
        break;
      for (const auto& each : listed->entries)
        found.insert(each.name);
      if (!listed->more)
        break;
      page.after = listed->next;
    }
    return found;
  }

  void exists(const std::string& path) {
    report.failed(fail(ec::exists, path + " exists"), path);
  }

  std::function<void()>
  write_version(std::shared_ptr<client::byte_source> source,
                const std::string& path, const std::string& mark,
                side_by_side::ended ended) {
    client::version_write what;
    what.path = path;
    what.request = number_of(path, mark);
    what.parents = true;
    what.timeout = context.transfer_timeout();
    what.progress = [this](std::uint64_t bytes) { report.shown().add(bytes); };
    auto writer = std::make_shared<client::version_writer>(
      files.versions(), std::move(source), std::move(what));
    writer->start([this, path, ended = std::move(ended)](const auto& made) {
      if (made)
        report.shown().add_file();
      else if (made.error().code != ec::cancelled)
        report.failed(made.error(), path);
      ended(done);
    });
    return [writer] { writer->cancel(); };
  }

  result<nothing> directory(const std::string& path) {
    const auto made
      = files.ask(msg::make_directory{number_of(path, {}), path, true});
    if (!made && made.error().code == ec::cancelled)
      return made.error();
    if (!made)
      report.failed(of_a_change(made.error(), context), path);
    return done;
  }
};

struct tree_put : tree_writer {
  result<nothing> file(const fs::path& local, const std::string& path,
                       msg::storage_class where) {
    auto source = client::local_source::open(local, files.disk());
    if (!source) {
      report.failed(source.error(), local);
      return done;
    }
    return transfers.begin([&](side_by_side::ended ended) {
      return write(*source, path, where, (*source)->fingerprint(),
                   std::move(ended));
    });
  }

  /// @param there The directory may exist in the cluster.
  result<nothing>
  walk(const fs::path& local, const std::string& path, bool there) {
    const auto where = class_of(context, path);
    if (!where)
      return where.error();
    const auto taken = there ? names_in(path) : result<names>{names{}};
    if (!taken)
      return taken.error();
    std::error_code why;
    fs::directory_iterator entries{local, why};
    auto empty = true;
    for (; !why && entries != fs::directory_iterator{};
         entries.increment(why)) {
      empty = false;
      const std::string name = entries->path().filename();
      const auto target = join_path(path, name);
      const auto known = taken->contains(name);
      const auto kind = entries->symlink_status(why).type();
      result<nothing> begun = done;
      if (kind == fs::file_type::directory)
        begun = walk(entries->path(), target, known);
      else if (kind == fs::file_type::regular && known
               && *where != msg::storage_class::versioned)
        exists(target);
      else if (kind == fs::file_type::regular)
        begun = file(entries->path(), target, *where);
      else
        report.left_out();
      if (!begun)
        return begun;
    }
    if (why)
      report.failed(fail(ec::io_error, "cannot read " + local.string() + ": "
                                         + why.message()),
                    local);
    return empty && !why ? directory(path) : done;
  }
};

struct tree_copy : tree_writer {
  // Its writer, once the source is open; kept by its callbacks.
  struct one {
    std::shared_ptr<client::file_view> view;
    std::shared_ptr<client::version_view> versions;
    std::string from;
    std::string to;
    msg::storage_class where = msg::storage_class::chunked; ///< Of `to`.
    std::string mark;                                       ///< As of `write`.
    side_by_side::ended ended;
    std::function<void()> cancel = [] {};
  };
  using one_ptr = std::shared_ptr<one>;

  void failed(const one_ptr& x, const error& why) {
    report.failed(why, x->from);
    x->ended(done);
  }

  void copy(const one_ptr& x, std::shared_ptr<client::byte_source> source) {
    x->cancel = write(std::move(source), x->to, x->where, x->mark, x->ended);
  }

  void open_chunks(const one_ptr& x) {
    x->view = std::make_shared<client::file_view>(files.session(), x->from,
                                                  context.transfer_timeout());
    x->view->open([this, x](const auto& opened) {
      if (!opened)
        return failed(x, opened.error());
      x->view->find_end([this, x](const auto& found) {
        if (!found)
          return failed(x, found.error());
        copy(x, std::make_shared<client::cluster_source>(files.session(),
                                                         x->view));
      });
    });
  }

  void open_versions(const one_ptr& x) {
    x->versions = std::make_shared<client::version_view>(
      files.versions(), x->from, context.transfer_timeout(), true);
    x->versions->open([this, x](const auto& opened) {
      if (!opened)
        return failed(x, opened.error());
      const auto newest = x->versions->newest();
      if (!newest)
        return failed(x, newest.error());
      copy(x, std::make_shared<client::content_source>(files.versions(),
                                                       x->versions, *newest));
    });
  }

  result<nothing> file(const std::string& from, msg::storage_class of_source,
                       const std::string& to, msg::storage_class of_target,
                       const msg::list_entry& listed) {
    return transfers.begin([&](side_by_side::ended ended) {
      auto x = std::make_shared<one>();
      x->from = from;
      x->to = to;
      x->where = of_target;
      x->mark = fmt::format("{} {}", listed.length, listed.modified.count());
      x->ended = std::move(ended);
      if (of_source == msg::storage_class::versioned)
        open_versions(x);
      else
        open_chunks(x);
      return [x] { x->cancel(); };
    });
  }

  /// @param there As of `tree_put::walk`.
  result<nothing>
  walk(const std::string& from, const std::string& to, bool there) {
    const auto of_source = class_of(context, from);
    const auto of_target = class_of(context, to);
    if (!of_source || !of_target)
      return of_source ? of_target.error() : of_source.error();
    const auto taken = there ? names_in(to) : result<names>{names{}};
    if (!taken)
      return taken.error();
    auto empty = true;
    auto walked
      = each_entry(files, report, from, [&](const msg::list_entry& each) {
          empty = false;
          const auto source = join_path(from, each.name);
          const auto target = join_path(to, each.name);
          const auto known = taken->contains(each.name);
          if (each.kind == msg::entry_kind::directory)
            return walk(source, target, known);
          if (!known || *of_target == msg::storage_class::versioned)
            return file(source, *of_source, target, *of_target, each);
          exists(target);
          return result<nothing>{done};
        });
    return walked && empty ? directory(to) : walked;
  }
};

} // namespace

result<exit_code> put_tree(verb_context& context, const std::string& local,
                           const std::string& path, const put_options& how) {
  const auto files = context.files();
  if (!files)
    return files.error();
  if (!fs::is_directory(local))
    return fs::exists(local)
             ? fail(ec::not_directory,
                    local + " is not a directory. Try: without -r")
             : fail(ec::not_found, local + ": no such directory");
  const auto target
    = path.ends_with('/') ? join_path(path, base_name(local)) : path;
  tree_report report{context, target};
  side_by_side transfers{**files};
  tree_put put{{context, **files, how, report, transfers}};
  auto walked = put.walk(local, target, true);
  if (walked)
    walked = transfers.finish();
  if (!walked)
    return report.stopped(of_a_change(walked.error(), context), target);
  return report.finish(target);
}

result<exit_code> copy_tree(verb_context& context, const std::string& from,
                            const std::string& to, const put_options& how) {
  const auto files = context.files();
  if (!files)
    return files.error();
  if (auto fine = check_directory(context, **files, from); !fine)
    return fine.error();
  const auto target = to.ends_with('/') ? join_path(to, base_name(from)) : to;
  if (target == from || target.starts_with(join_path(from, "")))
    return fail(ec::invalid_argument, from + " would be copied into itself");
  tree_report report{context, target};
  side_by_side transfers{**files};
  tree_copy copy{{context, **files, how, report, transfers}};
  auto walked = copy.walk(from, target, true);
  if (walked)
    walked = transfers.finish();
  if (!walked)
    return report.stopped(of_a_change(walked.error(), context), target);
  return report.finish(target);
}

} // namespace dfs::admin
