#include "admin/file_transfer.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

verb cat_verb() {
  return {"cat",
          "Files",
          "Print a file.",
          {"cat /notes.txt"},
          [](parameters& to) -> action {
            auto path = std::make_shared<std::string>();
            to.positional("PATH", *path, "of the file");
            return [path](verb_context& context) -> result<exit_code> {
              const auto got = print_range(context, *path, {});
              if (!got)
                return explain_transfer(got.error(), context, *path);
              return 0;
            };
          }};
}

} // namespace dfs::admin
