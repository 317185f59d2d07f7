#include "admin/file_cells.hpp"
#include "admin/master.hpp"
#include "admin/progress.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"
#include "client/file_client.hpp"
#include "client/local_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unistd.h>

// Backups of the master's metadata: docs/formats/metadata_backup.md.

namespace dfs::admin {

namespace {

using client::file_client;

struct backup_options {
  std::string to;
  bool at_master = false;
};

// -- backup -------------------------------------------------------------------

/// Where the bytes go, in order.
class backup_target {
public:
  static result<backup_target>
  open(const std::string& path, file_client& files) {
    backup_target made{files};
    if (path == "-") {
      made.sink_ = client::local_sink::to_stream(
        STDOUT_FILENO, "standard output", files.disk());
      return made;
    }
    auto sink = client::local_sink::create(path, files.disk());
    if (!sink)
      return sink.error();
    made.sink_ = *std::move(sink);
    return made;
  }

  result<nothing> write(std::string_view bytes) {
    constexpr auto most = net::buffer_pool::buffer_bytes_max;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(most, bytes.size()))) {
      auto buffer = buffers_.take(std::min(most, bytes.size()));
      bytes.copy(buffer.data(), buffer.size());
      client::piece piece{std::move(buffer), {}, nullptr};
      const auto length = piece.length();
      auto written = files_.wait<nothing>([&](auto then) {
        sink_->write(written_, std::move(piece), std::move(then));
      });
      if (!written)
        return written;
      written_ += length;
    }
    return done;
  }

  result<nothing> commit() {
    return files_.wait<nothing>(
      [&](auto then) { sink_->commit(true, std::move(then)); });
  }

private:
  explicit backup_target(file_client& files) : files_{files} {
    // nop
  }

  file_client& files_;
  net::buffer_pool buffers_;
  std::shared_ptr<client::local_sink> sink_;
  std::uint64_t written_ = 0;
};

result<exit_code> back_up_here(const std::string& to, verb_context& context) {
  auto files = context.files();
  if (!files)
    return files.error();
  auto target = backup_target::open(to, **files);
  if (!target)
    return target.error();
  progress bar{context.out, "backup", {}};
  msg::read_backup next;
  std::uint64_t rows = 0;
  for (auto last = false; !last; ++next.page) {
    const auto page = (*files)->ask(next);
    if (!page)
      return explain(page.error(), context, context.first_request());
    if (auto written = target->write(page->bytes); !written)
      return written.error();
    next.backup = page->backup;
    rows = page->rows;
    last = page->last;
    bar.add(page->bytes.size());
  }
  if (auto kept = target->commit(); !kept)
    return kept.error();
  record shown{{"backup", to}, {"rows", cell::unsigned_number(rows)}};
  bar.add_to(shown);
  if (to == "-")
    context.out.note(
      fmt::format("{}, {}", counted(rows, "row"), bar.summary()));
  else if (context.out.how().json)
    context.out.print(shown);
  else
    context.out.note(
      fmt::format("{}: {}, {}", to, counted(rows, "row"), bar.summary()));
  return 0;
}

result<exit_code>
back_up_at_master(const std::string& to, verb_context& context) {
  const auto made = ask_master(context, msg::backup_metadata{to});
  if (!made)
    return made.error();
  context.out.print(record{{"directory", to},
                           {"number", cell::unsigned_number(made->number)},
                           {"bytes", cell::bytes(made->bytes)}});
  return 0;
}

// -- restore ------------------------------------------------------------------

struct restore_options {
  metadata_restore what;
  std::int64_t number = 0;
  std::int64_t above_term = 0;
};

result<exit_code> restore(restore_options x, verb_context& context) {
  if (!context.around.restore_metadata)
    return fail(ec::unsupported, "this program has no metadata to restore");
  progress bar{context.out, "restore", {}};
  x.what.number = static_cast<std::uint32_t>(x.number);
  x.what.above_term = static_cast<std::uint64_t>(x.above_term);
  x.what.progress = [&bar](std::uint64_t bytes) { bar.add(bytes); };
  const auto made = context.around.restore_metadata(x.what);
  if (!made)
    return made.error();
  context.out.print(record{
    {"metadata", x.what.to},
    {"made", made->made_ms != 0
               ? time_cell(std::chrono::milliseconds{made->made_ms})
               : cell::nothing()},
    {"rows", made->rows ? cell::unsigned_number(*made->rows) : cell::nothing()},
    {"bytes", cell::bytes(made->bytes)},
    {"replaced",
     made->replaced.empty() ? cell::nothing() : cell{made->replaced}}});
  context.out.note("start the master now; what was changed after the backup is "
                   "not in it: dfsnode fsck says what that means");
  return 0;
}

} // namespace

verb admin_metadata_backup_verb() {
  return {"admin metadata backup",
          "Operating",
          "Copy the master's metadata into a file while it runs; audited.",
          {"admin metadata backup cluster.backup",
           "admin metadata backup - | ssh elsewhere 'cat > cluster.backup'",
           "admin metadata backup --at-master /srv/backups"},
          [](parameters& to) -> action {
            auto x = std::make_shared<backup_options>();
            to.positional("FILE", x->to,
                          "replaced if it exists; - is standard output")
              .file();
            to.flag(
              "--at-master", x->at_master,
              "FILE is a directory of backups on the master's host, to which "
              "what is new is added");
            return [x](verb_context& context) {
              return x->at_master ? back_up_at_master(x->to, context)
                                  : back_up_here(x->to, context);
            };
          }};
}

verb admin_metadata_restore_verb() {
  return {
    "admin metadata restore",
    "Operating",
    "Make a master's metadata on this machine out of a backup; stop it first.",
    {"admin metadata restore cluster.backup --to /var/lib/dfsnode/metadata"},
    [](parameters& to) -> action {
      auto x = std::make_shared<restore_options>();
      to.positional("FILE", x->what.from,
                    "of `backup`, - for standard input, its --at-master "
                    "directory, or a metadata directory that was put back")
        .file();
      to.option("--to", "DIR", x->what.to,
                "metadata.path of the master: DATA_DIR/metadata unless set")
        .required()
        .directory();
      to.number("--number", "N", x->number, 1, 0xffff'ffff,
                "in a directory of backups; left out: the newest")
        .fallback.clear();
      to.number("--above-term", "TERM", x->above_term, 0, 0xff'ffff,
                "that a server has obeyed, as the refused master says")
        .fallback.clear();
      to.flag("--force", x->what.force,
              "move metadata that is there aside, to DIR.replaced-1");
      return [x](verb_context& context) { return restore(*x, context); };
    }};
}

} // namespace dfs::admin
