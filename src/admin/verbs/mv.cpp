#include "admin/file_cells.hpp"
#include "admin/file_transfer.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"
#include "messages/version_admin_methods.hpp"

namespace dfs::admin {

namespace {

struct move_options {
  std::string from;
  std::string to;
  bool force = false;
  bool exact = false;
};

// Lists hide a deleted file, and a name that hides gives way. Whether the file
// is deleted, only its group knows: somebody may have put it again, and the
// master not know yet. SPEC S9
result<nothing> check_hidden(verb_context& context, const std::string& path) {
  const auto row = ask_master(context, msg::list_versioned{path, {}, 1});
  if (!row || row->entries.empty() || !row->entries.front().name.empty()
      || !row->entries.front().hidden)
    return done;
  const auto view = open_versions(context, path);
  if (!view)
    return view.error().code == ec::not_found ? result<nothing>{done}
                                              : view.error();
  if ((*view)->newest())
    return fail(ec::exists, path + " exists: it was put again a moment ago");
  return done;
}

result<exit_code> move_entry(const move_options& x, verb_context& context) {
  msg::rename_entry request;
  request.from = x.from;
  request.to = x.to;
  if (!x.exact) {
    auto target = target_path(context, x.to, base_name(x.from));
    if (!target)
      return target.error();
    request.to = *std::move(target);
  }
  request.force = x.force;
  if (!x.force)
    if (auto good = check_hidden(context, request.to); !good)
      return good.error();
  auto moved = ask_master(context, request);
  if (!moved)
    return explain_transfer(moved.error(), context, {});
  if (context.out.how().json)
    context.out.print(status_record(*moved));
  return 0;
}

} // namespace

verb mv_verb() {
  return {"mv",
          "Files",
          "Rename a file or a tree, at once and whole.",
          {"mv /photos/2025 /archive/2025", "mv /photos/blurred.jpg /archive",
           "mv --force /draft /final"},
          [](parameters& to) -> action {
            auto x = std::make_shared<move_options>();
            to.positional("FROM", x->from, "path that is");
            to.positional("TO", x->to,
                          "path that shall be; a directory, or with a / at its "
                          "end: under the same name in it");
            to.flag("--force,-f", x->force,
                    "over an existing file, which goes to the trash, or over "
                    "an empty directory");
            to.flag("--exact,-T", x->exact,
                    "TO is the new path, never a directory to go into");
            return
              [x](verb_context& context) { return move_entry(*x, context); };
          }};
}

} // namespace dfs::admin
