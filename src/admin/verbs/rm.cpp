#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"

#include <fmt/format.h>

namespace dfs::admin {

namespace {

struct remove_options {
  std::string path;
  bool recursive = false;
};

result<exit_code> remove(const remove_options& x, verb_context& context) {
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
    "Delete a file or a tree: to the trash, from where it can be restored.",
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
