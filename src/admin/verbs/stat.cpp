#include "admin/file_cells.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"

namespace dfs::admin {

namespace {

result<exit_code> show(const std::string& path, verb_context& context) {
  auto found = ask_master(context, msg::get_status{path});
  if (!found)
    return found.error();
  auto shown = status_record(*found);
  if (found->kind == msg::entry_kind::file
      && found->where == msg::storage_class::versioned)
    add_servers(shown, context, path);
  context.out.print(shown);
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
