#include "admin/ask.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

namespace {

/// Longer than an introducer takes to find out that nobody else answers, and
/// less than a request waits for its answer.
constexpr std::chrono::milliseconds join_patience{8'000};

struct target {
  std::string node;
  std::string contact; ///< A node that left stands in no list.
};

result<std::shared_ptr<client::cluster_client>>
reach(const target& x, verb_context& context) {
  if (x.node.empty() == x.contact.empty())
    return fail(ec::invalid_argument,
                "say which node: NODE, or its --contact. Try: dfsnode members");
  if (x.contact.empty())
    return context.cluster_at(x.node);
  auto where = endpoint::parse(x.contact);
  if (!where)
    return where.error();
  return context.cluster_to(*where);
}

result<exit_code> join(const target& x, verb_context& context) {
  auto cluster = reach(x, context);
  if (!cluster)
    return cluster.error();
  msg::join_group request;
  request.patience = join_patience;
  auto joined = ask(context, request);
  if (!joined)
    return joined.error();
  context.out.print(record{
    {"name", joined->self.name},
    {"id", to_string(joined->self.id)},
  });
  return 0;
}

result<exit_code> leave(const target& x, verb_context& context) {
  auto cluster = reach(x, context);
  if (!cluster)
    return cluster.error();
  const auto self = (*cluster)->call(msg::get_self{});
  auto left = ask(context, msg::leave_group{});
  if (!left)
    return left.error();
  record shown{{"left", to_string(left->self)}};
  if (self)
    shown.emplace_back("back", "dfsnode join --contact "
                                 + to_string(self->stream_address()));
  context.out.print(shown);
  return 0;
}

void declare(parameters& to, target& x) {
  to.positional("NODE", x.node, "which node, if it is in the group").optional();
  to.option("--contact", "IP:PORT", x.contact,
            "stream address of the node, for one that stands in no list");
}

} // namespace

verb join_verb() {
  return {"join",
          "Group",
          "Make a running node enter the group again, after `leave`.",
          {"join --contact 10.0.0.5:7403"},
          [](parameters& to) -> action {
            auto x = std::make_shared<target>();
            declare(to, *x);
            return [x](verb_context& context) { return join(*x, context); };
          }};
}

verb leave_verb() {
  return {"leave",
          "Group",
          "Make a node leave the group; its process goes on running.",
          {"leave chunkserver-2"},
          [](parameters& to) -> action {
            auto x = std::make_shared<target>();
            declare(to, *x);
            return [x](verb_context& context) { return leave(*x, context); };
          }};
}

} // namespace dfs::admin
