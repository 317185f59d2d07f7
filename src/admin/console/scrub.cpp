#include "admin/console/command.hpp"

namespace dfs::admin {

namespace {

void print(console_context& context, const msg::scrub_status& x) {
  context.out.print(record{
    {"server", x.name},
    {"running", cell::boolean(x.running)},
    {"chunks", cell::unsigned_number(x.chunks)},
    {"chunks_of", cell::unsigned_number(x.chunks_of)},
    {"bytes", cell::bytes(x.bytes)},
    {"bad", cell::unsigned_number(x.bad)},
    {"passes", cell::unsigned_number(x.passes)},
    {"last_pass", x.since_pass.count() == 0 ? cell::nothing()
                                            : cell::duration(x.since_pass)},
    {"rate", x.rate == 0 ? cell::nothing() : cell::bytes(x.rate)},
  });
}

result<nothing> show(console_context& context, const console_arguments&) {
  const auto status = context.node.scrub(false);
  if (!status)
    return status.error();
  print(context, *status);
  return done;
}

result<nothing> start(console_context& context, const console_arguments&) {
  const auto status = context.node.scrub(true);
  if (!status)
    return status.error();
  print(context, *status);
  return done;
}

} // namespace

console_command scrub_command() {
  return {.name = "scrub",
          .usage = "",
          .help = "How far this server is with verifying what it keeps.",
          .run = show};
}

console_command scrub_start_command() {
  return {.name = "scrub start",
          .usage = "",
          .help = "Make this server verify all that it keeps now.",
          .run = start};
}

} // namespace dfs::admin
