#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"
#include "base/counted.hpp"

#include <fmt/format.h>

namespace dfs::admin {

namespace {

struct remove_options {
  std::string path;
  bool recursive = false;
};

/// A deletion is a version: the older ones can still be had.
result<exit_code>
remove_version(const std::string& path, verb_context& context) {
  client::version_write what;
  what.path = path;
  what.kind = msg::version_kind::deleted;
  const auto made = change_version(context, std::move(what));
  // Deleted already: whether the namespace or a file server knows it first.
  if (!made && made.error().code == ec::not_found)
    return fail(ec::not_found,
                fmt::format("{}: not found. Try: versions {}", path, path));
  if (!made)
    return made.error();
  if (context.out.how().json) {
    record said{{"path", path}};
    add_made(said, *made);
    context.out.print(said);
  } else if (context.out.how().terminal) {
    context.out.note(
      fmt::format("{}: deleted by {}; back with: dfsnode restore {}", path,
                  made_text(*made), path));
  }
  return 0;
}

result<bool> is_versioned_file(const std::string& path, verb_context& context) {
  const auto found = ask_master(context, msg::get_status{path});
  // One that was put a moment ago is shown when its group has told of it.
  if (!found && found.error().code == ec::not_found
      && ask_master(context, msg::locate_file{path}))
    return true;
  if (!found)
    return found.error();
  return found->kind == msg::entry_kind::file
         && found->where == msg::storage_class::versioned;
}

result<exit_code> remove(const remove_options& x, verb_context& context) {
  const auto versioned = is_versioned_file(x.path, context);
  const auto missing = !versioned && versioned.error().code == ec::not_found;
  // An earlier run may have deleted it: the master knows by the number.
  const auto repeats = context.options.request != request_id{};
  if (!versioned && !(missing && repeats))
    return explain(of_a_change(versioned.error(), context), context,
                   context.first_request());
  if (versioned && *versioned)
    return remove_version(x.path, context);
  msg::remove_entry request;
  request.path = x.path;
  request.recursive = x.recursive;
  auto gone = ask_master(context, request);
  if (!gone)
    return gone.error();
  if (context.out.how().json)
    context.out.print(
      record{{"path", x.path},
             {"trash_id", cell::unsigned_number(gone->trash_id)},
             {"files", cell::unsigned_number(gone->files)}});
  else if (context.out.how().terminal)
    context.out.note(
      fmt::format("{} in the trash; back with: dfsnode trash restore {}",
                  counted(gone->files, "file is", "files are"), x.path));
  return 0;
}

} // namespace

verb rm_verb() {
  return {
    "rm",
    "Files",
    "Delete a file or a tree: to the trash, from where it can be restored; "
    "of a versioned file, by a version that says so.",
    {"rm /photos/blurred.jpg", "rm -r /photos/2019"},
    [](parameters& to) -> action {
      auto x = std::make_shared<remove_options>();
      to.positional("PATH", x->path, "of a file or directory");
      to.flag("--recursive,-r", x->recursive,
              "a directory that has entries, too");
      return [x](verb_context& context) { return remove(*x, context); };
    }};
}

} // namespace dfs::admin
