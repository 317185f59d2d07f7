#include "admin/file_cells.hpp"
#include "admin/group_tables.hpp"
#include "admin/listing.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "messages/version_methods.hpp"
#include "settings/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace dfs::admin {

namespace {

struct store_options {
  std::string server;
};

/// All servers, a line each.
void print_servers(verb_context& context, const msg::fileserver_list& list) {
  table rows{{"server", "state", "groups", "leads", "files", "missing", "bytes",
              "free", "data"},
             {}};
  for (const auto& x : list.servers)
    rows.rows.push_back(
      {x.name, word_for(x.phase), cell::unsigned_number(x.groups),
       cell::unsigned_number(x.leads), cell::unsigned_number(x.files),
       cell::unsigned_number(x.missing), cell::bytes(x.bytes),
       cell::bytes(x.free_bytes), to_string(x.data)});
  context.out.print(rows);
}

/// The files of the groups that a server keeps, found by their names.
class store_listing {
public:
  store_listing(verb_context& context, const msg::fileserver_status& server)
    : context_{context},
      server_{server} {
    // nop
  }

  result<exit_code> run() {
    if (auto walked = walk("/"); !walked)
      return walked.error();
    context_.out.print(rows_);
    return 0;
  }

private:
  result<nothing> walk(const std::string& path) {
    const auto status = ask_master(context_, msg::get_status{path});
    if (!status)
      return gone(status.error());
    std::vector<std::string> below;
    std::vector<std::string> files;
    auto listed = list_all(context_, path, {}, [&](const auto& entry) {
      (entry.kind == msg::entry_kind::directory ? below : files)
        .push_back(join_path(path, entry.name));
      return true;
    });
    if (!listed)
      return gone(listed.error());
    if (status->where == msg::storage_class::versioned)
      for (const auto& file : files)
        if (auto shown = show(file); !shown)
          return shown;
    for (const auto& directory : below)
      if (auto walked = walk(directory); !walked)
        return walked;
    return done;
  }

  result<nothing> show(const std::string& path) {
    const auto found = ask_master(context_, msg::locate_file{path});
    if (!found)
      return gone(found.error());
    const auto& at = found->group;
    const auto& servers = at.set.servers;
    if (std::find(servers.begin(), servers.end(), server_.store)
        == servers.end())
      return done;
    rows_.rows.push_back({path, cell::unsigned_number(found->status.length),
                          time_cell(found->status.modified),
                          cell::unsigned_number(at.set.group.value()),
                          at.primary == server_.store ? "primary" : "replica"});
    return done;
  }

  /// What went away while the tree was walked is not there.
  static result<nothing> gone(const error& why) {
    if (why.code == ec::not_found)
      return done;
    return why;
  }

  verb_context& context_;
  const msg::fileserver_status& server_;
  table rows_{{"path", "bytes", "modified", "group", "role"}, {}};
};

result<exit_code> run(const store_options& x, verb_context& context) {
  const auto list = ask_master(context, msg::list_fileservers{});
  if (!list)
    return list.error();
  if (x.server.empty()) {
    print_servers(context, *list);
    return 0;
  }
  std::vector<std::string> names;
  for (const auto& each : list->servers) {
    if (each.name == x.server)
      return store_listing{context, each}.run();
    names.push_back(each.name);
  }
  return fail(ec::not_found,
              fmt::format("no file server is called '{}'{}; `dfsnode store` "
                          "lists them",
                          x.server, settings::did_you_mean(x.server, names)));
}

} // namespace

verb store_verb() {
  return {"store",
          "Files",
          "Show what the file servers hold; with --server the versioned files "
          "of one.",
          {"store", "store --server fs2"},
          [](parameters& to) -> action {
            auto x = std::make_shared<store_options>();
            to.option("--server", "NAME", x->server,
                      "a file server, as it is called in the group");
            return [x](verb_context& context) { return run(*x, context); };
          }};
}

} // namespace dfs::admin
