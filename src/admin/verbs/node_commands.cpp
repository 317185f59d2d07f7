#include "admin/ask.hpp"
#include "admin/console.hpp"
#include "admin/console/cluster_node.hpp"
#include "admin/verbs/all.hpp"

#include <iostream>
#include <memory>
#include <utility>

// Commands of the console that are used often enough to be verbs of their own.

namespace dfs::admin {

namespace {

struct node_options {
  std::string node;
  std::string sort = "name";
  std::string subsystem;
  std::string level;
  std::string lasts;
  std::string limit = "100";
  bool status = false;
};

/// Quoted, so that a blank in a name makes no second word.
std::string quoted(const std::string& word) {
  return '"' + word + '"';
}

result<exit_code> run_at(verb_context& context, const std::string& node,
                         const std::string& line) {
  const auto attached = attach(context, node);
  if (!attached)
    return attached.error();
  const console_printer printer{
    context.around.out != nullptr ? *context.around.out : std::cout,
    context.around.err != nullptr ? *context.around.err : std::cerr,
    context.out.how()};
  const auto outcome
    = run_console_line(line, **attached, printer, wait_for_key, false);
  if (!outcome)
    return explain(outcome.error(), context, request_id{});
  return 0;
}

std::shared_ptr<node_options> declare_node(parameters& to) {
  auto x = std::make_shared<node_options>();
  to.option("--node", "NAME", x->node,
            "the member to ask; left out: one that answers");
  return x;
}

} // namespace

verb actors_verb() {
  return {"actors",
          "Operating",
          "Actors of a node: mailboxes, messages, handling times, failures.",
          {"actors --node master", "actors --sort p99"},
          [](parameters& to) -> action {
            auto x = declare_node(to);
            to.option("--sort", "KEY", x->sort,
                      "name, messages, mailbox, p99, max, failures, restarts "
                      "or age");
            return [x](verb_context& context) {
              return run_at(context, x->node,
                            "actors --sort " + quoted(x->sort));
            };
          }};
}

verb log_level_verb() {
  return {"log level",
          "Operating",
          "Change a log level of a node, for good or for a while; audited.",
          {"log level gate debug --for 5m --node chunkserver-1"},
          [](parameters& to) -> action {
            auto x = declare_node(to);
            to.positional("SUBSYSTEM", x->subsystem, "'*' is all of them");
            to.positional("LEVEL", x->level,
                          "trace, debug, info, warning, error or off");
            to.option("--for", "TIME", x->lasts,
                      "then back, such as 5m; left out: it stays");
            return [x](verb_context& context) {
              auto line
                = "log level " + quoted(x->subsystem) + " " + quoted(x->level);
              if (!x->lasts.empty())
                line += " --for " + quoted(x->lasts);
              return run_at(context, x->node, line);
            };
          }};
}

verb admin_leases_verb() {
  return {
    "admin leases",
    "Operating",
    "Chunks that a chunkserver leads, and its node lease.",
    {"admin leases chunkserver-1", "admin leases chunkserver-1 --limit 9"},
    [](parameters& to) -> action {
      auto x = std::make_shared<node_options>();
      to.positional("NODE", x->node, "the chunkserver");
      to.option("--limit", "COUNT", x->limit, "chunks to list at most").fallback
        = "100";
      return [x](verb_context& context) {
        return run_at(context, x->node, "leases --limit " + quoted(x->limit));
      };
    }};
}

verb admin_scrub_verb() {
  return {"admin scrub",
          "Operating",
          "Make a chunkserver or file server verify all that it keeps now; "
          "audited.",
          {"admin scrub chunkserver-1", "admin scrub chunkserver-1 --status"},
          [](parameters& to) -> action {
            auto x = std::make_shared<node_options>();
            to.positional("NODE", x->node, "the chunkserver or file server");
            to.flag("--status", x->status, "only say how far it is");
            return [x](verb_context& context) {
              return run_at(context, x->node,
                            x->status ? "scrub" : "scrub start");
            };
          }};
}

verb log_verb() {
  return {"log",
          "Operating",
          "Log levels of a node, by subsystem.",
          {"log --node chunkserver-1"},
          [](parameters& to) -> action {
            auto x = declare_node(to);
            return [x](verb_context& context) {
              return run_at(context, x->node, "log");
            };
          }};
}

} // namespace dfs::admin
