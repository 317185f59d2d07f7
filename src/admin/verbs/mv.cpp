#include "admin/file_cells.hpp"
#include "admin/file_transfer.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"
#include "client/cluster_client.hpp"
#include "messages/version_admin_methods.hpp"

#include <chrono>

namespace dfs::admin {

namespace {

struct move_options {
  std::string from;
  std::string to;
  bool force = false;
  bool exact = false;
};

/// SPEC S9
constexpr std::chrono::seconds lists_are_true_within{5};
constexpr std::chrono::milliseconds look_again{50};

/// Whether a file is there that the namespace hides: it was put a moment ago,
/// and only its group knows.
result<bool> is_hidden_yet(verb_context& context, const std::string& path) {
  const auto row = ask_master(context, msg::list_versioned{path, {}, 1});
  if (!row || row->entries.empty() || !row->entries.front().name.empty()
      || !row->entries.front().hidden)
    return false;
  const auto view = open_versions(context, path);
  if (!view)
    return view.error().code == ec::not_found ? result<bool>{false}
                                              : view.error();
  return static_cast<bool>((*view)->newest());
}

// Lists hide a deleted file, and a name that hides gives way.
result<nothing> check_hidden(verb_context& context, const std::string& path) {
  const auto there = is_hidden_yet(context, path);
  if (!there)
    return there.error();
  if (*there)
    return fail(ec::exists, path + " exists: it was put again a moment ago");
  return done;
}

/// A file that is hidden yet is moved when the namespace has heard of it.
/// @pre The request has its number: all tries are one change.
result<msg::file_status>
rename(verb_context& context, const msg::rename_entry& request) {
  auto moved = ask_master(context, request);
  if (moved || moved.error().code != ec::not_found)
    return moved;
  const auto there = is_hidden_yet(context, request.from);
  auto cluster = context.cluster();
  if (!there || !*there || !cluster)
    return moved;
  const auto end = std::chrono::steady_clock::now() + lists_are_true_within;
  while (!moved && moved.error().code == ec::not_found
         && std::chrono::steady_clock::now() < end) {
    (*cluster)->wait(look_again);
    moved = ask_master(context, request);
  }
  return moved;
}

result<exit_code> move_entry(const move_options& x, verb_context& context) {
  msg::rename_entry request;
  request.request = context.next_request().value();
  request.from = x.from;
  request.to = x.to;
  if (!x.exact) {
    auto target = target_path(context, x.to, base_name(x.from));
    if (!target)
      return target.error();
    request.to = *std::move(target);
  }
  request.force = x.force;
  if (!x.force)
    if (auto good = check_hidden(context, request.to); !good)
      return explain(of_a_change(good.error(), context), context,
                     context.first_request());
  const auto moved = rename(context, request);
  if (!moved)
    return explain_transfer(moved.error(), context, {});
  if (context.out.how().json)
    context.out.print(status_record(*moved));
  return 0;
}

} // namespace

verb mv_verb() {
  return {"mv",
          "Files",
          "Rename a file or a tree, at once and whole.",
          {"mv /photos/2025 /archive/2025", "mv /photos/blurred.jpg /archive",
           "mv --force /draft /final"},
          [](parameters& to) -> action {
            auto x = std::make_shared<move_options>();
            to.positional("FROM", x->from, "path that is");
            to.positional("TO", x->to,
                          "path that shall be; a directory, or with a / at its "
                          "end: under the same name in it");
            to.flag("--force,-f", x->force,
                    "over an existing file, which goes to the trash, or over "
                    "an empty directory");
            to.flag("--exact,-T", x->exact,
                    "TO is the new path, never a directory to go into");
            return
              [x](verb_context& context) { return move_entry(*x, context); };
          }};
}

} // namespace dfs::admin
