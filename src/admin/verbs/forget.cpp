#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "messages/chunk_status_methods.hpp"
#include "messages/version_admin_methods.hpp"

#include <fmt/format.h>

namespace dfs::admin {

namespace {

struct forget_options {
  std::string server;
  bool force = false;
};

void print(verb_context& context, const msg::server_forgotten& gone) {
  context.out.print(
    record{{"forgotten", gone.name},
           {"role", "chunkserver"},
           {"store", fmt::format("{:016x}", gone.store.value())},
           {"replicas", cell::unsigned_number(gone.replicas)},
           {"lost", cell::unsigned_number(gone.lost)}});
}

void print(verb_context& context, const msg::fileserver_forgotten& gone) {
  context.out.print(
    record{{"forgotten", gone.name},
           {"role", "fileserver"},
           {"store", fmt::format("{:016x}", gone.store.value())}});
}

// One node may have been both.
result<exit_code> forget(const forget_options& x, verb_context& context) {
  const auto chunks
    = ask_master(context, msg::forget_server{x.server, x.force});
  if (!chunks && chunks.error().code != ec::not_found)
    return chunks.error();
  if (chunks)
    print(context, *chunks);
  const auto files = ask_master(context, msg::forget_fileserver{x.server});
  if (files)
    print(context, *files);
  else if (files.error().code != ec::not_found)
    return files.error();
  else if (!chunks)
    return fail(ec::not_found,
                fmt::format("no chunkserver or file server is called '{}', or "
                            "it is forgotten; `dfsnode status` lists them",
                            x.server));
  return 0;
}

} // namespace

verb admin_forget_verb() {
  return {
    "admin forget",
    "Operating",
    "Reckon no more with a chunkserver or file server that never comes back; "
    "audited.",
    {"admin forget chunkserver-3"},
    [](parameters& to) -> action {
      auto x = std::make_shared<forget_options>();
      to.positional("SERVER", x->server, "its name, or the id of its store");
      to.flag("--force", x->force,
              "also if chunks are nowhere else: they are lost");
      return [x](verb_context& context) { return forget(*x, context); };
    }};
}

} // namespace dfs::admin
