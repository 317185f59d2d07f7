#include "admin/file_cells.hpp"
#include "admin/listing.hpp"
#include "admin/verbs/all.hpp"
#include "base/glob.hpp"
#include "settings/value.hpp"

#include <cstdint>
#include <deque>

namespace dfs::admin {

namespace {

struct find_options {
  std::string path = "/";
  std::string name;
  std::string type;
  std::string larger;
  std::uint64_t larger_bytes = 0;
};

bool wanted(const find_options& x, const msg::list_entry& entry) {
  const bool file = entry.kind == msg::entry_kind::file;
  if (!x.name.empty() && !glob_matches(x.name, entry.name))
    return false;
  if (!x.type.empty() && (x.type == "f") != file)
    return false;
  return x.larger.empty() || (file && entry.length > x.larger_bytes);
}

result<exit_code> find(find_options x, verb_context& context) {
  if (auto good = check_glob(x.name); !good)
    return fail(ec::invalid_argument, "--name: " + good.error().context);
  if (!x.larger.empty()) {
    auto bytes = settings::parse_size(x.larger);
    if (!bytes)
      return fail(ec::invalid_argument,
                  "--larger: " + bytes.error().context
                    + "; give one such as 500B, 64KiB or 1GiB");
    x.larger_bytes = static_cast<std::uint64_t>(*bytes);
  }
  table rows{{"kind", "bytes", "modified", "path"}, {}};
  std::deque<std::string> directories{x.path};
  while (!directories.empty()) {
    const auto directory = directories.front();
    directories.pop_front();
    auto listed
      = list_all(context, directory, {}, [&](const msg::list_entry& entry) {
          const auto path = join_path(directory, entry.name);
          if (entry.kind == msg::entry_kind::directory)
            directories.push_back(path);
          if (!wanted(x, entry))
            return true;
          if (!context.out.how().json) {
            context.out.say(path);
            return context.out.flush();
          }
          rows.rows.push_back({kind_cell(entry.kind),
                               cell::unsigned_number(entry.length),
                               time_cell(entry.modified), path});
          return true;
        });
    // Somebody removes or replaces what is below meanwhile.
    const auto vanished = !listed && directory != x.path
                          && (listed.error().code == ec::not_found
                              || listed.error().code == ec::not_directory);
    if (!listed && !vanished)
      return listed.error();
  }
  if (context.out.how().json)
    context.out.print(rows);
  return 0;
}

} // namespace

verb find_files_verb() {
  return {"find",
          "Files",
          "List what is below a path and fits.",
          {"find /photos --name '*.jpg'", "find / --type f --larger 1GiB"},
          [](parameters& to) -> action {
            auto x = std::make_shared<find_options>();
            to.positional("PATH", x->path, "where to begin").optional();
            to.option("--name", "PATTERN", x->name,
                      "names like this, with *, ?, […] and \\ (quote it)");
            to.choice("--type", {"f", "d"}, x->type, "files or directories");
            to.option("--larger", "SIZE", x->larger,
                      "files of more than that, such as 64KiB");
            return [x](verb_context& context) { return find(*x, context); };
          }};
}

} // namespace dfs::admin
