#include "admin/ask.hpp"
#include "admin/traffic_table.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

namespace {

template <class Request>
result<exit_code> show_traffic(const std::string& node, verb_context& context) {
  auto cluster = context.cluster_at(node);
  if (!cluster)
    return cluster.error();
  auto report = ask(context, Request{});
  if (!report)
    return report.error();
  context.out.print(traffic_table(*report));
  return 0;
}

template <class Request>
action declare(parameters& to) {
  auto node = std::make_shared<std::string>();
  to.option("--node,--of", "NAME", *node,
            "which node; left out: any that answers");
  return [node](verb_context& context) {
    return show_traffic<Request>(*node, context);
  };
}

} // namespace

verb bandwidth_verb() {
  return {"bandwidth",
          "Group",
          "Traffic of a node's group plane since the last reset, by kind of "
          "message, headers of IP and UDP included.",
          {"bandwidth", "bandwidth --node master --json"},
          declare<msg::get_bandwidth>};
}

verb reset_time_verb() {
  return {"reset-time",
          "Group",
          "Count a node's group traffic from zero; prints what was counted.",
          {"reset-time --node master"},
          declare<msg::reset_time>};
}

} // namespace dfs::admin
