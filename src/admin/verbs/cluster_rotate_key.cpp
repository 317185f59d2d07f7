#include "admin/verbs/all.hpp"
#include "settings/bundle.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs::admin {

namespace {

struct rotate_options {
  std::string directory;
  std::string which;
  std::string step = "add";
};

constexpr std::pair<std::string_view, settings::rotation> steps[]{
  {"add", settings::rotation::add},
  {"use", settings::rotation::use},
  {"retire", settings::rotation::retire},
};

std::string what_next(const rotate_options& x) {
  const auto command = [&x](std::string_view step) {
    return fmt::format("dfsnode cluster rotate-key --dir {} --which {} --step "
                       "{}",
                       x.directory, x.which, step);
  };
  const auto copy
    = fmt::format("Copy {}/{}.key into every node's bundle and send the nodes "
                  "SIGHUP.",
                  x.directory, x.which);
  if (x.step == "add")
    return copy + "\nEvery node opens the new key then, and none uses it yet."
           + "\nThen: " + command("use");
  if (x.step == "use")
    return copy + "\nEvery node uses the new key then, and still opens the old."
           + "\nThen: " + command("retire");
  return copy + "\nThe old key is worth nothing then.";
}

result<exit_code> rotate(const rotate_options& x, verb_context& context) {
  auto step = settings::rotation::add;
  for (auto [name, value] : steps)
    if (name == x.step)
      step = value;
  const auto keys
    = settings::rotate_key(x.directory,
                           x.which == "cluster" ? settings::key_kind::cluster
                                                : settings::key_kind::token,
                           step);
  if (!keys)
    return keys.error();
  table shown{{"generation", "use"}, {}};
  for (const auto& key : *keys)
    shown.rows.push_back({cell::number(key.number),
                          key == keys->front() ? "seals and opens" : "opens"});
  context.out.print(shown);
  context.out.say(what_next(x));
  return 0;
}

} // namespace

verb cluster_rotate_key_verb() {
  return {"cluster rotate-key",
          "Credentials",
          "Replace a key in three rolling steps, without downtime.",
          {"cluster rotate-key --dir home --which cluster",
           "cluster rotate-key --dir home --which cluster --step use"},
          [](parameters& to) -> action {
            auto x = std::make_shared<rotate_options>();
            to.option("--dir", "DIR", x->directory,
                      "directory made by `cluster init`")
              .required()
              .directory();
            to.choice("--which", {"cluster", "token"}, x->which,
                      "the key of the group plane, or the one of tokens")
              .required();
            to.choice("--step", {"add", "use", "retire"}, x->step,
                      "one roll-out each");
            return [x](verb_context& context) { return rotate(*x, context); };
          }};
}

} // namespace dfs::admin
