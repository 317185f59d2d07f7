#include "admin/file_transfer.hpp"
#include "admin/verbs/all.hpp"

#include <cstdint>
#include <limits>

namespace dfs::admin {

verb cat_verb() {
  return {"cat",
          "Files",
          "Print a file.",
          {"cat /notes.txt", "cat --version 3 /docs/plan.txt"},
          [](parameters& to) -> action {
            struct cat_options {
              std::string path;
              std::int64_t version = 0; ///< The newest.
            };
            auto x = std::make_shared<cat_options>();
            to.positional("PATH", x->path, "of the file");
            to.number("--version", "V", x->version, 1,
                      std::numeric_limits<std::int64_t>::max(),
                      "of a versioned file, not the newest")
              .fallback.clear();
            return [x](verb_context& context) -> result<exit_code> {
              get_range all;
              all.version
                = version_number{static_cast<std::uint64_t>(x->version)};
              const auto got = print_range(context, x->path, all);
              if (!got)
                return explain_transfer(got.error(), context, x->path);
              return 0;
            };
          }};
}

} // namespace dfs::admin
