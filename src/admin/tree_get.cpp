#include "admin/file_cells.hpp"
#include "admin/file_transfer.hpp"
#include "admin/file_tree.hpp"
#include "admin/tree_report.hpp"
#include "admin/versioned_files.hpp"
#include "client/local_files.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace dfs::admin {

namespace {

namespace fs = std::filesystem;

result<nothing> make_local_directory(const std::string& path) {
  std::error_code why;
  fs::create_directories(path, why);
  if (why)
    return fail(ec::io_error,
                "cannot make the directory " + path + ": " + why.message());
  return done;
}

struct tree_get {
  verb_context& context;
  client::file_client& files;
  tree_report& report;
  side_by_side& transfers;
  bool raw;

  // What one file goes through; kept by its callbacks.
  struct one {
    std::string path;
    std::shared_ptr<client::file_view> view;
    std::shared_ptr<client::local_sink> sink;
    std::shared_ptr<client::file_reader> reader;
    std::shared_ptr<client::version_view> versions;
    std::shared_ptr<client::content_reader> content;
    side_by_side::ended ended;
  };
  using one_ptr = std::shared_ptr<one>;

  result<nothing> version(const std::string& path, const std::string& local) {
    return transfers.begin([&](side_by_side::ended ended) {
      auto x = std::make_shared<one>();
      x->path = path;
      x->ended = std::move(ended);
      x->versions = std::make_shared<client::version_view>(
        files.versions(), path, context.transfer_timeout(), true);
      x->versions->open([this, x, local](const auto& opened) {
        if (opened)
          read_version(x, local);
        else
          end(x, opened.error());
      });
      return [x] {
        if (x->content)
          x->content->cancel();
      };
    });
  }

  void read_version(const one_ptr& x, const std::string& local) {
    const auto newest = x->versions->newest();
    if (!newest)
      return end(x, newest.error());
    auto sink = client::local_sink::create(local, files.disk());
    if (!sink)
      return end(x, sink.error());
    x->sink = *sink;
    client::content_read what;
    what.version = *newest;
    what.window_bytes = 2 * msg::data_max; // Many are under way.
    what.progress = [this](std::uint64_t bytes) { report.shown().add(bytes); };
    report.shown().add_total(newest->bytes);
    x->content = std::make_shared<client::content_reader>(
      files.versions(), x->versions, x->sink, std::move(what));
    x->content->start([this, x](const auto& got) { kept(x, got); });
  }

  void kept(const one_ptr& x, const result<std::uint64_t>& got) {
    if (!got)
      return end(x, got.error());
    x->sink->commit(false, [this, x](const auto& committed) {
      if (committed)
        report.shown().add_file();
      end(x, committed);
    });
  }

  result<nothing> file(const std::string& path, const std::string& local) {
    return transfers.begin([&](side_by_side::ended ended) {
      auto x = std::make_shared<one>();
      x->path = path;
      x->ended = std::move(ended);
      x->view = std::make_shared<client::file_view>(
        files.session(), path, context.transfer_timeout(), raw);
      x->view->open([this, x, local](const auto& opened) {
        if (opened)
          read(x, local);
        else
          end(x, opened.error());
      });
      return [x] {
        if (x->reader)
          x->reader->cancel();
      };
    });
  }

  void read(const one_ptr& x, const std::string& local) {
    auto sink = client::local_sink::create(local, files.disk());
    if (!sink)
      return end(x, sink.error());
    x->sink = *sink;
    client::range_read what;
    what.window_bytes = 2 * msg::data_max; // Many are under way.
    what.progress = [this](std::uint64_t bytes) { report.shown().add(bytes); };
    report.shown().add_total(x->view->length());
    x->reader = std::make_shared<client::file_reader>(files.session(), x->view,
                                                      x->sink, std::move(what));
    x->reader->start([this, x](const auto& got) { kept(x, got); });
  }

  void end(const one_ptr& x, const result<nothing>& outcome) {
    if (!outcome && outcome.error().code != ec::cancelled)
      report.failed(outcome.error(), x->path);
    x->reader.reset();
    x->content.reset();
    x->sink.reset();
    x->ended(done);
  }

  result<nothing> walk(const std::string& path, const std::string& local) {
    if (const auto made = make_local_directory(local); !made) {
      report.failed(made.error(), local);
      return done;
    }
    const auto where = class_of(context, path);
    if (!where)
      return where.error();
    return each_entry(files, report, path, [&](const msg::list_entry& each) {
      const auto from = join_path(path, each.name);
      const auto to = (fs::path{local} / each.name).string();
      if (each.kind == msg::entry_kind::directory)
        return walk(from, to);
      return *where == msg::storage_class::versioned ? version(from, to)
                                                     : file(from, to);
    });
  }
};

/// Names and contents: at once for the whole tree, not for each file.
result<nothing> sync_file_system(const std::string& local) {
  const int directory = ::open(local.c_str(), O_RDONLY | O_CLOEXEC);
  const auto synced = directory >= 0 && ::syncfs(directory) == 0;
  const auto why = errno;
  if (directory >= 0)
    ::close(directory);
  if (!synced)
    return fail(ec::io_error,
                "cannot sync " + local + ": " + std::strerror(why));
  return done;
}

} // namespace

result<exit_code> get_tree(verb_context& context, const std::string& path,
                           const std::string& local, bool raw) {
  const auto files = context.files();
  if (!files)
    return files.error();
  if (auto fine = check_directory(context, **files, path); !fine)
    return fine.error();
  tree_report report{context, local};
  side_by_side transfers{**files};
  tree_get get{context, **files, report, transfers, raw};
  auto walked = get.walk(path, local);
  if (walked)
    walked = transfers.finish();
  if (walked)
    walked = sync_file_system(local);
  if (!walked)
    return report.stopped(walked.error(), local);
  return report.finish(local);
}

} // namespace dfs::admin
