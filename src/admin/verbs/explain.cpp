#include "admin/fsck/report.hpp"
#include "admin/group_tables.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"
#include "messages/chunk_control.hpp"
#include "messages/chunk_status_methods.hpp"
#include "messages/version_methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace dfs::admin {

namespace {

/// A page of a file's chunks, and what the master knows of their replicas.
struct chunk_page {
  msg::file_layout layout;
  std::map<chunk_id, msg::chunk_report> reports;
};

class explanation {
public:
  explicit explanation(const msg::cluster_status& status) {
    for (const auto& x : status.servers)
      servers_[x.store] = x;
  }

  void add(const chunk_page& page) {
    auto index = page.layout.first;
    for (const auto& x : page.layout.chunks) {
      const auto found = page.reports.find(x.chunk);
      add(index++, x,
          found != page.reports.end() ? found->second : msg::chunk_report{});
    }
  }

  [[nodiscard]] const table& rows() const {
    return rows_;
  }

private:
  void add(std::uint32_t index, const msg::chunk_location& x,
           const msg::chunk_report& report) {
    rows_.rows.push_back(
      {cell::unsigned_number(index), cell::unsigned_number(x.chunk.value()),
       cell::unsigned_number(x.committed.version.value()),
       cell::unsigned_number(x.committed.length), to_string(report.health),
       x.primary == store_id{} ? cell::nothing() : cell{name_of(x.primary)},
       replicas_of(x, report), placement_of(report),
       report.repair.empty() ? cell::nothing() : cell{report.repair}});
  }

  [[nodiscard]] std::string name_of(store_id store) const {
    const auto found = servers_.find(store);
    return found != servers_.end() ? found->second.name
                                   : fmt::format("{:016x}", store.value());
  }

  /// "a, b (not serving), c (stale)"
  [[nodiscard]] cell replicas_of(const msg::chunk_location& x,
                                 const msg::chunk_report& report) const {
    table all{{"server", "store", "address", "zone", "state", "version",
               "serving", "primary"},
              {}};
    std::string text;
    for (const auto& replica : report.replicas) {
      const auto name = name_of(replica.store);
      const auto found = servers_.find(replica.store);
      const auto known = found != servers_.end();
      all.rows.push_back(
        {name, fmt::format("{:016x}", replica.store.value()),
         known ? cell{to_string(found->second.data)} : cell::nothing(),
         known ? cell{found->second.zone} : cell::nothing(),
         to_string(replica.what),
         cell::unsigned_number(replica.version.value()),
         cell::boolean(replica.serving),
         cell::boolean(replica.store == x.primary)});
      text += (text.empty() ? "" : ", ") + name;
      if (replica.what != msg::replica_condition::current)
        text += fmt::format(" ({})", to_string(replica.what));
      else if (!replica.serving)
        text += " (not serving)";
    }
    return cell::list(text.empty() ? "none" : text, std::move(all));
  }

  [[nodiscard]] cell placement_of(const msg::chunk_report& report) const {
    std::set<std::string> zones;
    std::uint64_t serving = 0;
    for (const auto& replica : report.replicas) {
      if (replica.what != msg::replica_condition::current)
        continue;
      serving += replica.serving ? 1 : 0;
      if (const auto found = servers_.find(replica.store);
          found != servers_.end())
        zones.insert(found->second.zone);
    }
    return cell::object(
      fmt::format("{} of {} serve, in {}", serving,
                  counted(report.wanted, "copy", "copies"),
                  counted(zones.size(), "zone")),
      {{"copies_serving", cell::unsigned_number(serving)},
       {"copies_wanted", cell::unsigned_number(report.wanted)},
       {"zones", cell::list({zones.begin(), zones.end()})}});
  }

  std::map<store_id, msg::server_status> servers_;
  table rows_{{"index", "chunk", "version", "bytes", "health", "primary",
               "replicas", "why_there", "repair"},
              {}};
};

/// From `wanted.first` on.
result<chunk_page>
ask_page(verb_context& context, const msg::open_file& wanted) {
  chunk_page page;
  auto layout = ask_master(context, wanted);
  if (!layout)
    return layout.error();
  page.layout = *std::move(layout);
  auto& chunks = page.layout.chunks;
  if (chunks.empty())
    return page;
  if (chunks.size() > msg::chunk_page_max)
    chunks.resize(msg::chunk_page_max);
  msg::check_chunks question;
  for (const auto& x : chunks)
    question.chunks.push_back(x.chunk);
  auto checked = ask_master(context, question);
  if (!checked)
    return checked.error();
  for (auto& x : checked->chunks)
    page.reports[x.chunk] = std::move(x);
  return page;
}

/// How it stands with the group of a versioned file.
result<msg::group_status> ask_group(verb_context& context, group_id group) {
  // `after` 0 means from the first one, which is 0.
  msg::list_groups page{group_id{std::max<std::uint64_t>(group.value(), 1) - 1},
                        2};
  const auto list = ask_master(context, page);
  if (!list)
    return list.error();
  for (const auto& x : list->groups)
    if (x.where.set.group == group)
      return x;
  return fail(ec::not_found, fmt::format("group {}", group.value()));
}

result<exit_code>
explain_versioned(const std::string& path, verb_context& context) {
  const auto found = ask_master(context, msg::locate_file{path});
  if (!found)
    return found.error();
  const auto group = ask_group(context, found->group.set.group);
  if (!group)
    return group.error();
  const auto servers = ask_master(context, msg::list_fileservers{});
  if (!servers)
    return servers.error();
  const auto& set = group->where.set;
  const auto& rule = set.rule;
  table rows{{"server", "store", "zone", "phase", "role", "data"}, {}};
  for (const auto& x : servers->servers)
    if (std::find(set.servers.begin(), set.servers.end(), x.store)
        != set.servers.end())
      rows.rows.push_back(
        {x.name, fmt::format("{:016x}", x.store.value()), x.zone,
         word_for(x.phase),
         x.store == group->where.primary ? "primary" : "replica",
         to_string(x.data)});
  context.out.print(
    record{{"path", path},
           {"class", "versioned"},
           {"version", cell::unsigned_number(found->status.version.value())},
           {"group", cell::unsigned_number(set.group.value())},
           {"phase", word_for(group->phase)},
           {"copies", cell::unsigned_number(rule.copies)},
           {"write", cell::unsigned_number(rule.write)},
           {"read", cell::unsigned_number(rule.read)},
           {"detail",
            group->detail.empty() ? cell::nothing() : cell{group->detail}}},
    {{"servers", std::move(rows)}});
  return 0;
}

result<exit_code> explain_file(const std::string& path, verb_context& context) {
  const auto entry = ask_master(context, msg::get_status{path});
  if (!entry)
    return entry.error();
  if (entry->kind == msg::entry_kind::file
      && entry->where == msg::storage_class::versioned)
    return explain_versioned(path, context);
  auto status = ask_master(context, msg::get_cluster_status{});
  if (!status)
    return status.error();
  explanation all{*status};
  msg::open_file wanted;
  wanted.path = path;
  for (;;) {
    const auto page = ask_page(context, wanted);
    if (!page)
      return page.error();
    all.add(*page);
    wanted.first += static_cast<std::uint32_t>(page->layout.chunks.size());
    if (page->layout.chunks.empty()
        || wanted.first >= page->layout.status.chunks)
      break;
  }
  context.out.print(all.rows());
  return 0;
}

} // namespace

verb explain_verb() {
  return {"explain",
          "Operating",
          "Show a file's chunks: versions, replicas, who leads them, and why "
          "they are there; of a versioned file its group.",
          {"explain /photos/2026.tar"},
          [](parameters& to) -> action {
            auto path = std::make_shared<std::string>();
            to.positional("PATH", *path, "of a file");
            return [path](verb_context& context) {
              return explain_file(*path, context);
            };
          }};
}

} // namespace dfs::admin
