#include "admin/ask.hpp"
#include "admin/member_table.hpp"
#include "admin/verbs/all.hpp"
#include "base/utc_time.hpp"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <utility>

namespace dfs::admin {

namespace {

/// Between two searches for a contact that answers.
constexpr std::chrono::milliseconds pause{200};

void show_change(const msg::member_changed& x, verb_context& context) {
  const auto when = utc_text(context.now());
  if (context.out.how().json)
    context.out.print(record{{"time", when},
                             {"change", to_string(x.change)},
                             {"id", to_string(x.member.id)},
                             {"name", x.member.name},
                             {"roles", roles_cell(x.member.roles)},
                             {"cause", x.cause}});
  else
    context.out.say(fmt::format(
      "{} {:5} {} {} {} {}", when, to_string(x.change), to_string(x.member.id),
      x.member.name, msg::roles_to_string(x.member.roles), x.cause));
}

/// A view of the group that outlives the nodes that give it.
class member_watch {
public:
  explicit member_watch(verb_context& context) : context_{context} {
    // nop
  }

  /// Prints until nobody reads any more, or until the node says no more: then
  /// its error. @param leaves Also when that node is no member any more.
  result<nothing> follow(client::cluster_client& at, bool leaves) {
    opened_ = false;
    auto lost = false;
    auto ended = at.watch(
      msg::watch_members{}, {},
      [&](const msg::member_list& now) {
        open(at.connection().login().node, now);
        return context_.out.flush();
      },
      [&](const msg::member_changed& x) {
        lost = leaves && x.member.id == self_
               && x.change != msg::member_change::joined;
        change(x);
        return context_.out.flush() && !lost;
      });
    if (ended && lost)
      return fail(ec::unavailable, at_ + " has left the group");
    return ended;
  }

  /// Whether the last one that was followed has said anything.
  [[nodiscard]] bool opened() const {
    return opened_;
  }

private:
  using members = std::map<msg::member_id, msg::member_record>;

  void open(const std::string& node, const msg::member_list& now) {
    members present;
    for (const auto& x : now.members)
      present.emplace(x.id, x);
    opened_ = true;
    self_ = now.self;
    if (at_.empty()) {
      if (!context_.out.how().json)
        context_.out.print(member_table(now.members));
      known_ = std::move(present);
    } else {
      context_.out.note("lost " + at_ + ", now watching " + node);
      catch_up(present, "as " + node + " has it");
    }
    at_ = node;
  }

  // What was missed in between.
  void catch_up(const members& present, const std::string& cause) {
    const auto before = known_;
    for (const auto& [id, x] : before)
      if (!present.contains(id))
        change({msg::member_change::left, x, cause});
    for (const auto& [id, x] : present)
      if (!before.contains(id))
        change({msg::member_change::joined, x, cause});
  }

  void change(const msg::member_changed& x) {
    if (x.change == msg::member_change::joined)
      known_[x.member.id] = x.member;
    else
      known_.erase(x.member.id);
    show_change(x, context_);
  }

  verb_context& context_;
  members known_;
  std::string at_; ///< Whose view it is; empty: nobody's so far.
  msg::member_id self_;
  bool opened_ = false;
};

/// A contact that is in the group; looks for one as long as a request lasts.
result<std::shared_ptr<client::cluster_client>>
another_contact(verb_context& context, std::chrono::milliseconds patience) {
  for (auto left = patience;; left -= pause) {
    context.reset();
    const auto listed = context.member_list();
    auto cluster = context.cluster();
    if (listed || !cluster)
      return cluster;
    if (left <= pause)
      return listed.error();
    (*cluster)->wait(pause);
  }
}

result<exit_code> watch(const std::string& node, verb_context& context) {
  const auto settings = context.client_settings();
  if (!settings)
    return settings.error();
  if (node.empty())
    if (const auto listed = context.member_list(); !listed)
      return listed.error();
  auto cluster = context.cluster_at(node);
  member_watch view{context};
  while (cluster) {
    const auto ended = view.follow(**cluster, node.empty());
    if (ended)
      return 0;
    if (!node.empty() || !view.opened())
      return explain(ended.error(), context, {});
    cluster = another_contact(context, settings->timeout);
  }
  return cluster.error();
}

} // namespace

verb watch_members_verb() {
  return {"watch members",
          "Group",
          "Print each change of the member list as it happens; Ctrl-C ends.",
          {"watch members", "watch members --node master --json"},
          [](parameters& to) -> action {
            auto node = std::make_shared<std::string>();
            to.option("--node,--of", "NAME", *node,
                      "whose list; left out: of any node that answers");
            return
              [node](verb_context& context) { return watch(*node, context); };
          }};
}

} // namespace dfs::admin
