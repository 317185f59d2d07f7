#include "admin/master.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

namespace {

result<exit_code> show(const std::string& path, verb_context& context) {
  auto used = ask_master(context, msg::get_usage{path});
  if (!used)
    return used.error();
  context.out.print(
    record{{"path", path},
           {"files", cell::unsigned_number(used->files)},
           {"directories", cell::unsigned_number(used->directories)},
           {"bytes", cell::bytes(used->bytes)},
           {"chunks", cell::unsigned_number(used->chunks)}});
  return 0;
}

} // namespace

verb du_verb() {
  return {"du",
          "Files",
          "Count files and bytes of one copy, below a path.",
          {"du /photos"},
          [](parameters& to) -> action {
            auto path = std::make_shared<std::string>("/");
            to.positional("PATH", *path, "of a file or directory").optional();
            return
              [path](verb_context& context) { return show(*path, context); };
          }};
}

} // namespace dfs::admin
