#include "admin/file_cells.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

namespace {

result<exit_code> show(const std::string& path, verb_context& context) {
  auto found = ask_master(context, msg::get_status{path});
  if (!found)
    return found.error();
  context.out.print(status_record(*found));
  return 0;
}

} // namespace

verb stat_verb() {
  return {"stat",
          "Files",
          "Show what is known of a file or directory.",
          {"stat /photos/ready", "stat /photos --json"},
          [](parameters& to) -> action {
            auto path = std::make_shared<std::string>();
            to.positional("PATH", *path, "of a file or directory");
            return
              [path](verb_context& context) { return show(*path, context); };
          }};
}

} // namespace dfs::admin
