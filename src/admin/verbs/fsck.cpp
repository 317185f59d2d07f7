#include "admin/fsck/examine.hpp"
#include "admin/fsck/examine_versions.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"
#include "messages/chunk_status_methods.hpp"

#include <fmt/format.h>

namespace dfs::admin {

namespace {

struct fsck_options {
  std::string path = "/";
  bool deep = false;
};

std::string_view word_for(damage x) {
  switch (x) {
    case damage::none:
      return "clean";
    case damage::heals:
      return "damaged";
    case damage::loss:
      break;
  }
  return "lost";
}

table findings(const fsck_report& x, bool json) {
  table rows{{"path", "chunk", "problem", "damage", "what"}, {}};
  if (json) // People read them in the text.
    rows.columns.emplace_back("servers");
  for (const auto& finding : x.findings) {
    rows.rows.push_back(
      {finding.path.empty() ? cell::nothing() : cell{finding.path},
       finding.chunk == chunk_id{}
         ? cell::nothing()
         : cell::unsigned_number(finding.chunk.value()),
       finding.problem,
       finding.how == damage::none ? "none" : word_for(finding.how),
       finding.text});
    if (json)
      rows.rows.back().push_back(cell::list(finding.servers));
  }
  return rows;
}

record summary(const fsck_report& x, const fsck_options& how) {
  record shown{{"verdict", word_for(x.worst())},
               {"path", how.path},
               {"files", cell::unsigned_number(x.files)},
               {"chunks", cell::unsigned_number(x.chunks)},
               {"versions", cell::unsigned_number(x.versions)},
               {"replicas", cell::unsigned_number(x.replicas)}};
  if (how.deep) {
    shown.emplace_back("verified", cell::unsigned_number(x.verified));
    shown.emplace_back("verified_bytes", cell::bytes(x.verified_bytes));
  }
  return shown;
}

// Than the backup that was restored.
void add_newer(fsck_report& to, std::uint64_t count, std::string_view one,
               std::string_view several, std::string_view where) {
  if (count == 0)
    return;
  to.findings.push_back(
    {.path = {},
     .chunk = {},
     .problem = "NEWER_THAN_BACKUP",
     .how = damage::heals,
     .text
     = fmt::format("{} {} since the metadata were restored: dfsnode admin "
                   "adopt-orphans",
                   counted(count, one, several), where)});
}

result<exit_code> check(const fsck_options& how, verb_context& context) {
  const auto status = ask_master(context, msg::get_cluster_status{});
  if (!status)
    return status.error();
  const server_names names{status->servers};
  fsck_report found;
  fsck_walk walk;
  if (auto seen = examine_files(context, how.path, names, walk, found); !seen)
    return seen.error();
  if (auto seen = examine_versions(context, walk, found); !seen)
    return seen.error();
  if (how.deep)
    if (auto seen = examine_contents(context, walk, found); !seen)
      return seen.error();
  if (how.deep)
    if (auto seen
        = examine_replicas(context, status->servers, names, walk, found);
        !seen)
      return seen.error();
  add_newer(found, status->unnamed, "chunk is", "chunks are",
            "on servers and in no file");
  add_newer(found, status->unnamed_files, "versioned file is",
            "versioned files are", "on file servers and without a name");
  context.out.print(summary(found, how),
                    {{"findings", findings(found, context.out.how().json)}});
  return static_cast<exit_code>(found.worst());
}

} // namespace

verb fsck_verb() {
  return {
    "fsck",
    "Operating",
    "Check every file's chunks, versions and copies, and what lists show; "
    "ends with 1 for damage that heals, 5 for loss.",
    {"fsck", "fsck --deep /photos"},
    [](parameters& to) -> action {
      auto x = std::make_shared<fsck_options>();
      to.positional("PATH", x->path, "a file, or all below a directory")
        .optional()
        .fallback
        = "/";
      to.flag("--deep", x->deep,
              "have every copy read from its disk and verified");
      return [x](verb_context& context) { return check(*x, context); };
    }};
}

} // namespace dfs::admin
