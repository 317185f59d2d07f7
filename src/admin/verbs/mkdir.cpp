#include "admin/file_cells.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

namespace {

struct mkdir_options {
  std::string path;
  bool parents = false;
};

result<exit_code> make(const mkdir_options& x, verb_context& context) {
  msg::make_directory request;
  request.path = x.path;
  request.parents = x.parents;
  auto made = ask_master(context, request);
  if (!made)
    return made.error();
  if (context.out.how().json)
    context.out.print(status_record(*made));
  return 0;
}

} // namespace

verb mkdir_verb() {
  return {"mkdir",
          "Files",
          "Make a directory.",
          {"mkdir /photos", "mkdir -p /photos/2026/november"},
          [](parameters& to) -> action {
            auto x = std::make_shared<mkdir_options>();
            to.positional("PATH", x->path, "of the directory");
            to.flag("--parents,-p", x->parents,
                    "make missing parents; one that exists is fine");
            return [x](verb_context& context) { return make(*x, context); };
          }};
}

} // namespace dfs::admin
