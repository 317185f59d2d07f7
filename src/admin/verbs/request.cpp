#include "admin/ask.hpp"
#include "admin/queues/queue_order.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"
#include "client/queues/queue_user.hpp"
#include "client/versions/put_settler.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs::admin {

namespace {

/// The system says no: it was not done.
constexpr exit_code not_done = 1;

error too_long_ago(const std::string& id, const std::string& advice) {
  return fail(
    ec::outcome_unknown,
    fmt::format("{}: too long ago, it cannot be told any more whether it was "
                "done. Try: {}",
                id, advice));
}

result<exit_code> settle_queue(const std::string& id, verb_context& context) {
  const auto name = client::parse_queue_name(id);
  if (!name)
    return name.error();
  const auto queues = context.queues();
  if (!queues)
    return queues.error();
  const auto known = (*queues)->settle(*name);
  if (!known && known.error().code == ec::not_found)
    return too_long_ago(id, "dfsnode qsize or qtop, and look");
  if (!known)
    return explain(known.error(), context, request_id{});
  return show_settled(id, *known, context.out) ? 0 : not_done;
}

result<exit_code> settle(const std::string& id, verb_context& context) {
  if (client::looks_like_queue_name(id))
    return settle_queue(id, context);
  const auto name = client::parse_put_name(id);
  if (!name)
    return name.error();
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto known = (*files)->wait<msg::put_settled>([&](auto then) {
    client::put_settler::start((*files)->versions(), *name,
                               context.transfer_timeout(), std::move(then));
  });
  if (!known && known.error().code == ec::not_found)
    return too_long_ago(id, "dfsnode versions of the file, and look");
  if (!known)
    return explain_version(known.error(), context, id);
  const auto done = known->version != version_number{};
  if (context.out.how().json)
    context.out.print(
      record{{"request", id},
             {"done", cell::boolean(done)},
             {"version", done ? cell::unsigned_number(known->version.value())
                              : cell::nothing()}});
  else if (done)
    context.out.say(
      fmt::format("{}: done, version {}", id, known->version.value()));
  else
    context.out.say(id + ": not done, and it never will be");
  return done ? 0 : not_done;
}

} // namespace

verb request_verb() {
  return {
    "request",
    "Files",
    "Find out what became of a put, or a change of queues, whose outcome was "
    "unknown: exit 0 if it is done, 1 if it is not and never will be, 4 if it "
    "cannot be told any more.",
    {"request 9.1@1042.7.388-a240"},
    [](parameters& to) -> action {
      auto id = std::make_shared<std::string>();
      to.positional("ID", *id, "as it was printed");
      return [id](verb_context& context) { return settle(*id, context); };
    }};
}

} // namespace dfs::admin
