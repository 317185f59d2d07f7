#include "admin/file_cells.hpp"
#include "admin/listing.hpp"
#include "admin/verbs/all.hpp"

#include <fmt/format.h>

namespace dfs::admin {

namespace {

struct list_options {
  std::string path = "/";
  bool details = false;
  bool recursive = false;
};

class lister {
public:
  lister(const list_options& how, verb_context& context)
    : how_{how},
      context_{context} {
    // nop
  }

  result<nothing> list(const std::string& path, const std::string& pattern) {
    std::vector<std::string> below;
    listing_options wanted;
    // A tree cannot be walked without the kinds.
    wanted.names_only = !how_.details && !how_.recursive && !json();
    wanted.pattern = pattern;
    bool open = true;
    auto listed = list_all(context_, path, wanted, [&](const auto& entry) {
      open = show(path, entry);
      if (how_.recursive && entry.kind == msg::entry_kind::directory)
        below.push_back(join_path(path, entry.name));
      return open;
    });
    if (!listed)
      return listed;
    for (const auto& directory : below)
      if (open)
        if (auto done_below = list(directory, {}); !done_below)
          return done_below;
    return done;
  }

  void finish() {
    if (how_.details || json())
      context_.out.print(rows_);
  }

private:
  [[nodiscard]] bool json() const {
    return context_.out.how().json;
  }

  bool show(const std::string& path, const msg::list_entry& entry) {
    const auto name = how_.recursive ? join_path(path, entry.name) : entry.name;
    if (!how_.details && !json()) {
      const bool directory
        = how_.recursive && entry.kind == msg::entry_kind::directory;
      context_.out.say(name + (directory ? "/" : ""));
      return ++lines_ % 1'000 != 0 || context_.out.flush();
    }
    const bool file = entry.kind == msg::entry_kind::file;
    rows_.rows.push_back(
      {kind_cell(entry.kind), to_string(entry.where),
       file ? cell::unsigned_number(entry.length) : cell::nothing(),
       time_cell(entry.modified), name});
    return true;
  }

  const list_options& how_;
  verb_context& context_;
  table rows_{{"kind", "class", "bytes", "modified", "name"}, {}};
  std::size_t lines_ = 0;
};

/// "/a/*.jpg" is the directory "/a" and a pattern of names.
std::pair<std::string, std::string> split_pattern(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos
      || path.find_first_of("*?[", slash) == std::string::npos)
    return {path, {}};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

result<exit_code> run(const list_options& x, verb_context& context) {
  const auto [path, pattern] = split_pattern(x.path);
  lister all{x, context};
  if (auto listed = all.list(path, pattern); !listed)
    return listed.error();
  all.finish();
  return 0;
}

} // namespace

verb ls_verb() {
  return {"ls",
          "Files",
          "List a directory by name.",
          {"ls /photos", "ls -l '/photos/*.jpg'", "ls -R / --json"},
          [](parameters& to) -> action {
            auto x = std::make_shared<list_options>();
            to.positional("PATH", x->path,
                          "of a directory or file; the last component may be "
                          "a pattern (quote it)")
              .optional();
            to.flag("--long,-l", x->details,
                    "kind, class, bytes and time, too");
            to.flag("--recursive,-R", x->recursive, "all below, as paths");
            return [x](verb_context& context) { return run(*x, context); };
          }};
}

} // namespace dfs::admin
