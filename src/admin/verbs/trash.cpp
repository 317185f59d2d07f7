#include "admin/file_cells.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"

namespace dfs::admin {

namespace {

result<exit_code> list(verb_context& context) {
  table rows{{"id", "kind", "files", "bytes", "removed", "purged", "path"}, {}};
  msg::list_trash request;
  for (;;) {
    auto page = ask_master(context, request);
    if (!page)
      return page.error();
    for (const auto& x : page->entries) {
      rows.rows.push_back({cell::unsigned_number(x.trash_id), kind_cell(x.kind),
                           cell::unsigned_number(x.files), cell::bytes(x.bytes),
                           time_cell(x.removed), time_cell(x.purged), x.path});
      request.after = x.trash_id;
    }
    if (!page->more || page->entries.empty())
      break;
  }
  context.out.print(rows);
  return 0;
}

struct restore_options {
  std::string path;
  std::int64_t id = 0;
  std::string to;
};

result<exit_code> restore(const restore_options& x, verb_context& context) {
  if (x.path.empty() == (x.id == 0))
    return fail(ec::invalid_argument,
                "name what to restore: a PATH of old, or --id N");
  msg::restore_trash request;
  request.trash_id = static_cast<std::uint64_t>(x.id);
  request.path = x.path;
  request.to = x.to;
  auto back = ask_master(context, request);
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
  if (context.out.how().json)
    context.out.print(record{{"files", cell::unsigned_number(gone->files)}});
  else
    context.out.note("deleted for ever: " + counted(gone->files, "file"));
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
                      "which one, as `trash ls` says");
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
                      "which one, as `trash ls` says");
            to.flag("--all", x->all, "everything in the trash");
            return [x](verb_context& context) { return purge(*x, context); };
          }};
}

} // namespace dfs::admin
