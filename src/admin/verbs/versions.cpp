#include "admin/file_cells.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"
#include "client/versions/put_name.hpp"

#include <limits>
#include <utility>

namespace dfs::admin {

namespace {

constexpr auto any_version = std::numeric_limits<std::int64_t>::max();

result<exit_code> list(const std::string& path, verb_context& context) {
  const auto view = open_versions(context, path);
  if (!view)
    return view.error();
  if ((*view)->versions().empty())
    return fail(ec::not_found, path + " has no version");
  table rows{
    {"version", "kind", "restored", "bytes", "time", "checksum", "request"},
    {}};
  const auto& place = (*view)->place();
  for (const auto& x : (*view)->versions()) {
    const auto has_bytes = x.kind == msg::version_kind::content;
    const auto source = restored_from(**view, x);
    rows.rows.push_back(
      {cell::unsigned_number(x.number.value()), version_kind_text(x),
       source ? cell::unsigned_number(source->value()) : cell::nothing(),
       has_bytes ? cell::unsigned_number(x.bytes) : cell::nothing(),
       time_cell(std::chrono::milliseconds{x.time_ms}),
       has_bytes ? cell{checksum_text(x.checksum)} : cell::nothing(),
       client::to_string({x.put, place.status.inode, place.group,
                          place.looked_up_at})});
  }
  context.out.print(rows);
  return 0;
}

struct restore_options {
  std::string path;
  std::int64_t version = 0;
};

result<exit_code> restore(const restore_options& x, verb_context& context) {
  if (x.version == 0)
    return restore_deleted(context, x.path);
  const auto view = open_versions(context, x.path);
  if (!view)
    return view.error();
  auto old
    = (*view)->version(version_number{static_cast<std::uint64_t>(x.version)});
  if (!old)
    return old.error();
  return restore_version(context, x.path, *std::move(old));
}

} // namespace

verb versions_verb() {
  return {"versions",
          "Files",
          "List the kept versions of a file, the newest first.",
          {"versions /docs/plan.txt", "versions /docs/plan.txt --json"},
          [](parameters& to) -> action {
            auto path = std::make_shared<std::string>();
            to.positional("PATH", *path, "of a versioned file");
            return
              [path](verb_context& context) { return list(*path, context); };
          }};
}

verb restore_verb() {
  return {"restore",
          "Files",
          "Make a new version of a file out of an older one.",
          {"restore /docs/plan.txt --version 3", "restore /docs/deleted.txt"},
          [](parameters& to) -> action {
            auto x = std::make_shared<restore_options>();
            to.positional("PATH", x->path, "of a versioned file");
            to.number("--version", "V", x->version, 1, any_version,
                      "whose content it shall have; of a deleted file, if "
                      "left out, the last one before")
              .fallback.clear();
            return [x](verb_context& context) { return restore(*x, context); };
          }};
}

} // namespace dfs::admin
