#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "messages/chunk_status_methods.hpp"

#include <fmt/format.h>

namespace dfs::admin {

namespace {

struct forget_options {
  std::string server;
  bool force = false;
};

result<exit_code> forget(const forget_options& x, verb_context& context) {
  const auto gone = ask_master(context, msg::forget_server{x.server, x.force});
  if (!gone)
    return gone.error();
  context.out.print(
    record{{"forgotten", gone->name},
           {"store", fmt::format("{:016x}", gone->store.value())},
           {"replicas", cell::unsigned_number(gone->replicas)},
           {"lost", cell::unsigned_number(gone->lost)}});
  return 0;
}

} // namespace

verb admin_forget_verb() {
  return {"admin forget",
          "Operating",
          "Reckon no more with a chunkserver that never comes back; audited.",
          {"admin forget chunkserver-3"},
          [](parameters& to) -> action {
            auto x = std::make_shared<forget_options>();
            to.positional("SERVER", x->server,
                          "its name, or the id of its store");
            to.flag("--force", x->force,
                    "also if chunks are nowhere else: they are lost");
            return [x](verb_context& context) { return forget(*x, context); };
          }};
}

} // namespace dfs::admin
