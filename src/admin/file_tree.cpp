#include "admin/file_tree.hpp"

#include "admin/file_cells.hpp"
#include "admin/file_transfer.hpp"
#include "base/counted.hpp"
#include "client/local_files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace dfs::admin {

namespace {

namespace fs = std::filesystem;

/// What the files of a tree came to.
class tree_report {
public:
  tree_report(verb_context& context, std::string name)
    : context_{context},
      shown_{context.out, std::move(name), std::nullopt} {
    // nop
  }

  void failed(error why, const std::string& file) {
    why = explain_transfer(std::move(why), context_, file);
    if (++failures_ == 1)
      first_ = why.code;
    context_.out.progress({});
    if (failures_ <= complaints_max)
      context_.out.complain("", why);
  }

  void left_out() {
    ++left_out_;
  }

  /// Nothing more is done.
  [[nodiscard]] error stopped(const error& why, const std::string& target) {
    context_.out.progress({});
    if (why.code != ec::cancelled)
      return why;
    return fail(why.code,
                fmt::format("{}: {} after {}, {}", target, why.context,
                            counted(shown_.files(), "file"),
                            bytes_text(shown_.bytes())));
  }

  result<exit_code> finish(const std::string& target) {
    context_.out.progress({});
    if (context_.out.how().json) {
      record said{{"path", target},
                  {"files", cell::unsigned_number(shown_.files())},
                  {"failed", cell::unsigned_number(failures_)},
                  {"left_out", cell::unsigned_number(left_out_)}};
      shown_.add_to(said);
      context_.out.print(said);
    }
    context_.out.note(fmt::format("{}: {}, {}{}{}", target,
                                  counted(shown_.files(), "file"),
                                  shown_.summary(),
                                  text(left_out_, "link or special file",
                                       "links or special files", " left out"),
                                  text(failures_, "failed", "failed")));
    return failures_ == 0 ? 0 : exit_status(first_);
  }

  [[nodiscard]] progress& shown() {
    return shown_;
  }

private:
  /// A disk that is full fails a million files: nobody reads that.
  static constexpr std::uint64_t complaints_max = 20;

  static std::string text(std::uint64_t count, const char* one,
                          const char* several, const char* then = "") {
    return count == 0 ? std::string{}
                      : ", " + counted(count, one, several) + then;
  }

  verb_context& context_;
  progress shown_;
  std::uint64_t failures_ = 0;
  std::uint64_t left_out_ = 0;
  ec first_ = ec::io_error;
};

/// What both kinds of writers share.
struct tree_writer {
  verb_context& context;
  client::file_client& files;
  const put_options& how;
  tree_report& report;
  side_by_side& transfers;

  /// @returns what cancels it.
  std::function<void()> write(std::shared_ptr<client::byte_source> source,
                              const std::string& path,
                              side_by_side::ended ended) {
    report.shown().add_total(source->length().value_or(0));
    client::file_write what;
    what.path = path;
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

  result<nothing> directory(const std::string& path) {
    const auto made = files.ask(
      msg::make_directory{context.next_request().value(), path, true});
    if (!made && made.error().code == ec::cancelled)
      return made.error();
    if (!made)
      report.failed(made.error(), path);
    return done;
  }
};

struct tree_put : tree_writer {
  result<nothing> file(const fs::path& local, const std::string& path) {
    auto source = client::local_source::open(local, files.disk());
    if (!source) {
      report.failed(source.error(), local);
      return done;
    }
    return transfers.begin([&](side_by_side::ended ended) {
      return write(*source, path, std::move(ended));
    });
  }

  result<nothing> walk(const fs::path& local, const std::string& path) {
    std::error_code why;
    fs::directory_iterator entries{local, why};
    auto empty = true;
    for (; !why && entries != fs::directory_iterator{};
         entries.increment(why)) {
      empty = false;
      const auto target = join_path(path, entries->path().filename());
      const auto kind = entries->symlink_status(why).type();
      result<nothing> begun = done;
      if (kind == fs::file_type::directory)
        begun = walk(entries->path(), target);
      else if (kind == fs::file_type::regular)
        begun = file(entries->path(), target);
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

result<nothing> make_local_directory(const std::string& path) {
  std::error_code why;
  fs::create_directories(path, why);
  if (why)
    return fail(ec::io_error,
                "cannot make the directory " + path + ": " + why.message());
  return done;
}

using entry_visit = std::function<result<nothing>(const msg::list_entry&)>;

/// Every entry of a directory of the cluster, page by page. A directory that
/// cannot be listed is complained about. @returns as `side_by_side::begin`.
result<nothing> each_entry(client::file_client& files, tree_report& report,
                           const std::string& path, const entry_visit& visit) {
  msg::list_directory page;
  page.path = path;
  for (;;) {
    const auto listed = files.ask(page);
    if (!listed && listed.error().code == ec::cancelled)
      return listed.error();
    if (!listed) {
      report.failed(listed.error(), path);
      return done;
    }
    for (const auto& each : listed->entries)
      if (auto begun = visit(each); !begun)
        return begun;
    if (!listed->more)
      return done;
    page.after = listed->next;
  }
}

struct tree_copy : tree_writer {
  // Its writer, once the source is open; kept by its callbacks.
  struct one {
    std::shared_ptr<client::file_view> view;
    std::function<void()> cancel = [] {};
  };

  result<nothing> file(const std::string& from, const std::string& to) {
    return transfers.begin([&](side_by_side::ended ended) {
      auto x = std::make_shared<one>();
      x->view = std::make_shared<client::file_view>(files.session(), from,
                                                    context.transfer_timeout());
      const auto failed = [this, from, ended](const error& why) {
        report.failed(why, from);
        ended(done);
      };
      x->view->open([this, x, to, ended, failed](const auto& opened) {
        if (!opened)
          return failed(opened.error());
        x->view->find_end([this, x, to, ended, failed](const auto& found) {
          if (!found)
            return failed(found.error());
          x->cancel = write(
            std::make_shared<client::cluster_source>(files.session(), x->view),
            to, ended);
        });
      });
      return [x] { x->cancel(); };
    });
  }

  result<nothing> walk(const std::string& from, const std::string& to) {
    auto empty = true;
    auto walked
      = each_entry(files, report, from, [&](const msg::list_entry& each) {
          empty = false;
          const auto source = join_path(from, each.name);
          const auto target = join_path(to, each.name);
          return each.kind == msg::entry_kind::directory ? walk(source, target)
                                                         : file(source, target);
        });
    return walked && empty ? directory(to) : walked;
  }
};

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
    side_by_side::ended ended;
  };

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

  void read(const std::shared_ptr<one>& x, const std::string& local) {
    auto sink = client::local_sink::create(local, files.disk());
    if (!sink)
      return end(x, sink.error());
    x->sink = *sink;
    client::file_read what;
    what.window_bytes = 2 * msg::data_max; // Many are under way.
    what.progress = [this](std::uint64_t bytes) { report.shown().add(bytes); };
    report.shown().add_total(x->view->length());
    x->reader = std::make_shared<client::file_reader>(files.session(), x->view,
                                                      x->sink, std::move(what));
    x->reader->start([this, x](const auto& got) {
      if (!got)
        return end(x, got.error());
      x->sink->commit(false, [this, x](const auto& kept) {
        if (kept)
          report.shown().add_file();
        end(x, kept);
      });
    });
  }

  void end(const std::shared_ptr<one>& x, const result<nothing>& outcome) {
    if (!outcome && outcome.error().code != ec::cancelled)
      report.failed(outcome.error(), x->path);
    x->reader.reset();
    x->sink.reset();
    x->ended(done);
  }

  result<nothing> walk(const std::string& path, const std::string& local) {
    if (const auto made = make_local_directory(local); !made) {
      report.failed(made.error(), local);
      return done;
    }
    return each_entry(files, report, path, [&](const msg::list_entry& each) {
      const auto from = join_path(path, each.name);
      const auto to = (fs::path{local} / each.name).string();
      return each.kind == msg::entry_kind::directory ? walk(from, to)
                                                     : file(from, to);
    });
  }
};

result<nothing> check_directory(verb_context& context,
                                client::file_client& files,
                                const std::string& path) {
  const auto status = files.ask(msg::get_status{path});
  if (!status)
    return explain_transfer(status.error(), context, path);
  if (status->kind != msg::entry_kind::directory)
    return fail(ec::not_directory, path + " is a file. Try: without -r");
  return done;
}

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
  auto walked = put.walk(local, target);
  if (walked)
    walked = transfers.finish();
  if (!walked)
    return report.stopped(walked.error(), target);
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
  auto walked = copy.walk(from, target);
  if (walked)
    walked = transfers.finish();
  if (!walked)
    return report.stopped(walked.error(), target);
  return report.finish(target);
}

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
