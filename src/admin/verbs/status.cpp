#include "admin/fileserver_health.hpp"
#include "admin/group_tables.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "base/counted.hpp"
#include "messages/chunk_status_methods.hpp"
#include "messages/version_methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace dfs::admin {

namespace {

struct space {
  std::uint64_t total = 0;
  std::uint64_t free = 0;
};

space space_of(const msg::server_status& x) {
  space sum;
  for (const auto& volume : x.volumes) {
    sum.total += volume.total_bytes;
    sum.free += volume.free_bytes;
  }
  return sum;
}

/// What somebody chose is said each time, and is nothing that goes wrong.
bool is_chosen(const msg::health_finding& x) {
  return x.code == "DATA_NOT_ENCRYPTED";
}

bool is_well(const msg::cluster_status& x) {
  return std::all_of(x.findings.begin(), x.findings.end(), is_chosen);
}

std::string_view word_for(const msg::cluster_status& x) {
  if (is_well(x))
    return "healthy";
  return x.findings.front().error ? "error" : "warning";
}

std::optional<std::chrono::seconds> time_left(const msg::cluster_status& x) {
  if (x.repair_rate == 0)
    return std::nullopt;
  return std::chrono::seconds{x.repair_bytes / x.repair_rate + 1};
}

cell repairs_cell(const msg::cluster_status& x) {
  const auto left = time_left(x);
  const record plain{
    {"chunks_waiting", cell::unsigned_number(x.repairs_waiting)},
    {"copies_under_way", cell::unsigned_number(x.repairs_running)},
    {"bytes", cell::bytes(x.repair_bytes)},
    {"bytes_per_s", cell::bytes(x.repair_rate)},
    {"left_ms", left ? cell::duration(*left) : cell::nothing()}};
  if (x.repairs_waiting + x.repairs_running == 0)
    return cell::object("none", plain);
  auto text = fmt::format(
    "{} waiting, {} under way, {} to go", counted(x.repairs_waiting, "chunk"),
    counted(x.repairs_running, "copy", "copies"), bytes_text(x.repair_bytes));
  if (left)
    text += fmt::format(", about {} left", duration_text(*left));
  return cell::object(std::move(text), plain);
}

record summary(const msg::cluster_status& x) {
  return {{"health", word_for(x)},
          {"term", cell::unsigned_number(x.term.value())},
          {"chunks", cell::unsigned_number(x.chunks)},
          {"healthy", cell::unsigned_number(x.healthy + x.surplus)},
          {"under_replicated", cell::unsigned_number(x.under_replicated)},
          {"unavailable", cell::unsigned_number(x.unavailable)},
          {"lost", cell::unsigned_number(x.lost)},
          {"repairs", repairs_cell(x)}};
}

table servers(const msg::cluster_status& x) {
  table rows{
    {"server", "store", "zone", "serving", "load", "free", "total", "data"},
    {}};
  for (const auto& server : x.servers) {
    const auto room = space_of(server);
    rows.rows.push_back(
      {server.name, fmt::format("{:016x}", server.store.value()), server.zone,
       cell::boolean(server.serving), cell::unsigned_number(server.load),
       cell::bytes(room.free), cell::bytes(room.total),
       to_string(server.data)});
  }
  return rows;
}

table findings(const msg::cluster_status& x) {
  table rows{{"code", "severity", "what"}, {}};
  for (const auto& finding : x.findings)
    rows.rows.push_back(
      {finding.code, finding.error ? "error" : "warning", finding.text});
  return rows;
}

/// A master that serves no versioned files has no file servers.
result<msg::fileserver_list> file_servers(verb_context& context) {
  auto found = ask_master(context, msg::list_fileservers{});
  if (!found && found.error().code == ec::unsupported)
    return msg::fileserver_list{};
  return found;
}

result<exit_code> show_status(verb_context& context) {
  auto status = ask_master(context, msg::get_cluster_status{});
  if (!status)
    return status.error();
  const auto files = file_servers(context);
  if (!files)
    return files.error();
  for (auto& finding : fileserver_findings(*files))
    status->findings.push_back(std::move(finding));
  // `word_for` goes by the first.
  std::stable_partition(status->findings.begin(), status->findings.end(),
                        [](const auto& x) { return x.error; });
  auto shown = summary(*status);
  if (!files->servers.empty())
    shown.emplace_back("groups", groups_cell(*files));
  context.out.print(shown, {{"servers", servers(*status)},
                            {"fileservers", fileserver_table(*files)},
                            {"file_repairs", repair_table(*files)},
                            {"findings", findings(*status)}});
  return is_well(*status) ? 0 : 1;
}

result<exit_code> show_space(verb_context& context) {
  auto status = ask_master(context, msg::get_cluster_status{});
  if (!status)
    return status.error();
  const auto files = file_servers(context);
  if (!files)
    return files.error();
  table rows{{"server", "volume", "total", "used", "free", "failed"}, {}};
  const auto add = [&](const std::string& server, const auto& volumes) {
    for (const msg::volume_status& volume : volumes)
      rows.rows.push_back(
        {server, volume.path, cell::bytes(volume.total_bytes),
         cell::bytes(volume.total_bytes
                     - std::min(volume.free_bytes, volume.total_bytes)),
         cell::bytes(volume.free_bytes), cell::boolean(volume.failed)});
  };
  for (const auto& server : status->servers)
    add(server.name, server.volumes);
  for (const auto& server : files->servers) {
    add(server.name, server.volumes);
    add(server.name, server.disks);
  }
  add("master", status->master_disks);
  context.out.print(rows);
  return 0;
}

} // namespace

verb status_verb() {
  return {"status",
          "Operating",
          "Show the health of servers, chunks and versioned files; ends with 1 "
          "unless all is well.",
          {"status", "status --json"},
          [](parameters&) -> action {
            return [](verb_context& context) { return show_status(context); };
          }};
}

verb df_verb() {
  return {"df",
          "Operating",
          "Show the space of every volume, of the disks of rows, metadata and "
          "the queues' log.",
          {"df"},
          [](parameters&) -> action {
            return [](verb_context& context) { return show_space(context); };
          }};
}

} // namespace dfs::admin
