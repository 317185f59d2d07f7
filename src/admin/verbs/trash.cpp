#include "admin/file_cells.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"
#include "base/counted.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

namespace dfs::admin {

namespace {

template <class Function>
result<nothing> each_entry(verb_context& context, Function what) {
  msg::list_trash request;
  for (;;) {
    auto page = ask_master(context, request);
    if (!page)
      return page.error();
    for (const auto& x : page->entries) {
      what(x);
      request.after = x.trash_id;
    }
    if (!page->more || page->entries.empty())
      return done;
  }
}

result<exit_code> list(verb_context& context) {
  std::vector<msg::trash_entry> all;
  if (auto asked
      = each_entry(context, [&](const auto& x) { all.push_back(x); });
      !asked)
    return asked.error();
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.removed > b.removed;
  });
  table rows{{"id", "kind", "files", "bytes", "removed", "purged", "path"}, {}};
  for (const auto& x : all)
    rows.rows.push_back({cell::unsigned_number(x.trash_id), kind_cell(x.kind),
                         cell::unsigned_number(x.files), cell::bytes(x.bytes),
                         time_cell(x.removed), time_cell(x.purged), x.path});
  context.out.print(rows);
  return 0;
}

struct restore_options {
  std::string path;
  std::int64_t id = 0;
  std::string to;
};

/// The path, if that is a versioned file that was deleted.
std::string deleted_file(verb_context& context, const restore_options& x) {
  if (x.id == 0)
    return x.path;
  std::string path;
  static_cast<void>(each_entry(context, [&](const msg::trash_entry& each) {
    if (each.trash_id == static_cast<std::uint64_t>(x.id))
      path = each.path;
  }));
  return path;
}

result<exit_code> restore(const restore_options& x, verb_context& context) {
  if (x.path.empty() == (x.id == 0))
    return fail(ec::invalid_argument,
                "name what to restore: a PATH of old, or --id N");
  msg::restore_trash request;
  request.trash_id = static_cast<std::uint64_t>(x.id);
  request.path = x.path;
  request.to = x.to;
  auto back = ask_master(context, request);
  if (!back && back.error().code == ec::unsupported && x.to.empty())
    if (const auto path = deleted_file(context, x); !path.empty())
      return restore_deleted(context, path);
  if (!back)
    return back.error();
  if (context.out.how().json)
    context.out.print(status_record(*back));
  else
    context.out.note("restored " + back->path);
  return 0;
}

struct purge_options {
  std::int64_t id = 0;
  bool all = false;
};

constexpr std::chrono::milliseconds purge_look{20};
constexpr std::chrono::milliseconds purge_look_max{500};
/// A group that has a primary closes a file within a second.
constexpr std::chrono::seconds purge_patience{10};

/// Until the groups of deleted versioned files have closed them: before that a
/// `restore` would still bring one back.
/// @returns how many of them wait yet; null: nobody can say.
std::optional<std::uint64_t>
wait_for_groups(verb_context& context, std::uint64_t trash_id) {
  auto cluster = context.cluster();
  if (!cluster)
    return std::nullopt;
  const auto end = std::chrono::steady_clock::now() + purge_patience;
  for (auto pause = purge_look;; pause = std::min(2 * pause, purge_look_max)) {
    const auto found = ask_master(context, msg::find_purges{trash_id});
    if (!found)
      return std::nullopt;
    if (found->files == 0 || std::chrono::steady_clock::now() + pause > end)
      return found->files;
    (*cluster)->wait(pause);
  }
}

result<exit_code> purge(const purge_options& x, verb_context& context) {
  if (x.all == (x.id != 0))
    return fail(ec::invalid_argument,
                "say what to delete for ever: --id N or --all");
  msg::purge_trash request;
  request.trash_id = static_cast<std::uint64_t>(x.id);
  request.all = x.all;
  auto gone = ask_master(context, request);
  if (!gone)
    return gone.error();
  // The purge is durable, whatever comes of the question.
  const auto waiting = wait_for_groups(context, request.trash_id);
  if (context.out.how().json) {
    context.out.print(
      record{{"files", cell::unsigned_number(gone->files)},
             {"waiting",
              waiting ? cell::unsigned_number(*waiting) : cell::nothing()}});
    return 0;
  }
  context.out.note("deleted for ever: " + counted(gone->files, "file"));
  if (!waiting)
    context.out.note("whether the file servers have closed them is not known: "
                     "the master does not answer");
  else if (*waiting > 0)
    context.out.note("not closed by their file servers yet: "
                     + counted(*waiting, "file")
                     + "; a put before that keeps its file");
  return 0;
}

} // namespace

verb trash_ls_verb() {
  return {"trash ls",
          "Files",
          "List what was deleted and can be restored, the newest first.",
          {"trash ls"},
          [](parameters&) -> action {
            return [](verb_context& context) { return list(context); };
          }};
}

verb trash_restore_verb() {
  return {"trash restore",
          "Files",
          "Bring back what was deleted.",
          {"trash restore /photos/2019", "trash restore --id 7 --to /old"},
          [](parameters& to) -> action {
            auto x = std::make_shared<restore_options>();
            to.positional("PATH", x->path,
                          "where it was; the newest of that path")
              .optional();
            to.number("--id", "N", x->id, 1, INT64_MAX,
                      "which one, as `trash ls` says")
              .fallback.clear();
            to.option("--to", "PATH", x->to, "where it shall be instead");
            return [x](verb_context& context) { return restore(*x, context); };
          }};
}

verb trash_purge_verb() {
  return {"trash purge",
          "Files",
          "Delete for ever; needs admin rights.",
          {"trash purge --id 7", "trash purge --all"},
          [](parameters& to) -> action {
            auto x = std::make_shared<purge_options>();
            to.number("--id", "N", x->id, 1, INT64_MAX,
                      "which one, as `trash ls` says")
              .fallback.clear();
            to.flag("--all", x->all, "everything in the trash");
            return [x](verb_context& context) { return purge(*x, context); };
          }};
}

} // namespace dfs::admin
