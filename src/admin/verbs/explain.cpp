#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "messages/chunk_status_methods.hpp"

#include <fmt/format.h>

#include <map>

namespace dfs::admin {

namespace {

struct known_server {
  std::string name;
  std::string zone;
  bool serving = false;
};

using server_names = std::map<std::uint64_t, known_server>;

std::string name_of(const server_names& known, store_id store) {
  const auto found = known.find(store.value());
  if (found == known.end())
    return fmt::format("{:016x}", store.value());
  return found->second.name + (found->second.serving ? "" : " (not serving)");
}

std::string
replicas_text(const server_names& known, const msg::chunk_location& x) {
  std::string text;
  for (const auto& replica : x.replicas)
    text += (text.empty() ? "" : ", ") + name_of(known, replica.store);
  return text.empty() ? "none" : text;
}

std::string placement_text(const server_names& known,
                           const msg::chunk_location& x, unsigned wanted) {
  std::map<std::string, unsigned> zones;
  unsigned serving = 0;
  for (const auto& replica : x.replicas) {
    const auto found = known.find(replica.store.value());
    if (found == known.end())
      continue;
    ++zones[found->second.zone];
    serving += found->second.serving ? 1 : 0;
  }
  return fmt::format("{} of {} copies serve, in {} zone{}", serving, wanted,
                     zones.size(), zones.size() == 1 ? "" : "s");
}

void add_rows(table& rows, const server_names& known,
              const msg::file_layout& layout) {
  auto index = layout.first;
  for (const auto& x : layout.chunks)
    rows.rows.push_back(
      {cell::unsigned_number(index++), cell::unsigned_number(x.chunk.value()),
       cell::unsigned_number(x.committed.version.value()),
       cell::unsigned_number(x.committed.length),
       x.primary == store_id{} ? cell::nothing()
                               : cell{name_of(known, x.primary)},
       replicas_text(known, x),
       placement_text(known, x, layout.status.replication)});
}

result<exit_code> explain_file(const std::string& path, verb_context& context) {
  auto status = ask_master(context, msg::get_cluster_status{});
  if (!status)
    return status.error();
  server_names known;
  for (const auto& server : status->servers)
    known[server.store.value()] = {server.name, server.zone, server.serving};
  table rows{
    {"index", "chunk", "version", "bytes", "primary", "replicas", "why_there"},
    {}};
  msg::open_file wanted;
  wanted.path = path;
  for (;;) {
    auto layout = ask_master(context, wanted);
    if (!layout)
      return layout.error();
    add_rows(rows, known, *layout);
    wanted.first += static_cast<std::uint32_t>(layout->chunks.size());
    if (layout->chunks.empty() || wanted.first >= layout->status.chunks)
      break;
  }
  context.out.print(rows);
  return 0;
}

} // namespace

verb explain_verb() {
  return {"explain",
          "Operating",
          "Show a file's chunks: versions, replicas, who leads them, and why "
          "they are there.",
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
