#include "admin/group_tables.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "messages/restore_methods.hpp"
#include "messages/version_methods.hpp"

#include <fmt/format.h>

// What a person decides after a restore of the metadata, and about chunks and
// versioned files that no name has: docs/runbook.md.

namespace dfs::admin {

namespace {

result<exit_code> confirm_restore(verb_context& context) {
  const auto done = ask_master(context, msg::confirm_restore{});
  if (!done)
    return done.error();
  context.out.print(
    record{{"restored_at", cell::unsigned_number(done->restored_at.value())}});
  return 0;
}

result<exit_code>
confirm_deletion(const std::string& server, verb_context& context) {
  const auto done = ask_master(context, msg::confirm_deletion{server});
  if (!done)
    return done.error();
  context.out.print(record{{"server", done->name},
                           {"orphans", cell::unsigned_number(done->orphans)}});
  return 0;
}

/// Versioned files are told of by the primaries of their groups.
result<nothing> note_silent_groups(verb_context& context) {
  const auto groups = all_groups(
    [&](const msg::list_groups& page) { return ask_master(context, page); });
  if (!groups && groups.error().code == ec::unsupported)
    return done; // Chunked files only.
  if (!groups)
    return groups.error();
  std::string silent;
  auto count = 0;
  for (const auto& x : *groups) {
    if (x.where.primary != store_id{} || x.phase == msg::group_phase::waiting)
      continue;
    ++count;
    if (count <= 8)
      silent += fmt::format("{}{}", count == 1 ? "" : ", ",
                            x.where.set.group.value());
  }
  if (count == 0)
    return done;
  context.out.note(fmt::format(
    "{} of {} groups have no primary ({}{}): which of their versioned files "
    "are newer than the backup is not known. Try: again, when `groups` shows "
    "them healthy",
    count, groups->size(), silent, count > 8 ? ", …" : ""));
  return done;
}

result<exit_code> adopt(const std::string& to, verb_context& context) {
  table made{{"file", "bytes"}, {}};
  std::string waits_for;
  msg::adopt_orphans next{to, {}};
  for (auto more = true; more;) {
    const auto page = ask_master(context, next);
    if (!page)
      return page.error();
    for (const auto& x : page->files)
      made.rows.push_back({x.path, cell::bytes(x.bytes)});
    next.after = page->next;
    more = page->more;
    waits_for = page->chunks_wait_for;
  }
  if (!made.rows.empty() || waits_for.empty())
    context.out.print(made);
  if (auto told = note_silent_groups(context); !told)
    return told.error();
  if (!waits_for.empty())
    return fail(ec::too_few_servers, "no chunk was adopted: " + waits_for);
  if (made.rows.empty())
    context.out.note("no chunk and no versioned file is newer than the "
                     "metadata: nothing to adopt");
  return 0;
}

} // namespace

verb admin_adopt_orphans_verb() {
  return {
    "admin adopt-orphans",
    "Operating",
    "Make files of the chunks, and names for the versioned files, that are "
    "newer than a restored backup; audited.",
    {"admin adopt-orphans --to /lost+found"},
    [](parameters& to) -> action {
      auto directory = std::make_shared<std::string>();
      to.option("--to", "DIR", *directory,
                "a directory of chunked files, made if need be; versioned ones "
                "go to DIR/versioned")
        .required();
      return [directory](verb_context& context) {
        return adopt(*directory, context);
      };
    }};
}

verb admin_confirm_restore_verb() {
  return {"admin confirm-restore",
          "Operating",
          "Go on with restored metadata: what they do not need may be deleted; "
          "audited.",
          {"admin confirm-restore"},
          [](parameters&) -> action {
            return
              [](verb_context& context) { return confirm_restore(context); };
          }};
}

verb admin_confirm_deletion_verb() {
  return {"admin confirm-deletion",
          "Operating",
          "Let the orphans of a chunkserver be deleted, however many; audited.",
          {"admin confirm-deletion chunkserver-3"},
          [](parameters& to) -> action {
            auto server = std::make_shared<std::string>();
            to.positional("SERVER", *server,
                          "its name, or the id of its store");
            return [server](verb_context& context) {
              return confirm_deletion(*server, context);
            };
          }};
}

} // namespace dfs::admin
