#include "admin/file_transfer.hpp"
#include "admin/file_tree.hpp"
#include "admin/verbs/all.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs::admin {

namespace {

struct copy_options {
  std::string from;
  std::string to;
  put_options how;
  bool recursive = false;
};

result<exit_code> copy_file(const copy_options& x, verb_context& context) {
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto target = target_path(context, x.to, base_name(x.from));
  if (!target)
    return target.error();
  if (*target == x.from)
    return fail(ec::invalid_argument, x.from + " would be copied to itself");
  const auto timeout = context.transfer_timeout();
  auto view = (*files)->open_file(x.from, timeout);
  if (!view)
    return explain_transfer(view.error(), context, x.from);
  const auto asked = (*files)->wait<nothing>(
    [&](auto then) { (*view)->find_end(std::move(then)); });
  if (!asked)
    return explain_transfer(asked.error(), context, x.from);
  progress shown{context.out, *target, (*view)->length()};
  client::file_write what;
  what.path = *target;
  what.force = x.how.force;
  what.parents = x.how.parents;
  what.timeout = timeout;
  what.request = context.next_request().value();
  what.progress = [&](std::uint64_t bytes) { shown.add(bytes); };
  const auto made = (*files)->write_file(
    std::make_shared<client::cluster_source>((*files)->session(), *view),
    std::move(what));
  if (!made)
    return explain_transfer(made.error(), context, *target);
  if (context.out.how().json) {
    record said{{"from", x.from}, {"path", made->path}};
    shown.add_to(said);
    context.out.print(said);
  }
  context.out.progress({});
  context.out.note(fmt::format("{}: {}", made->path, shown.summary()));
  return 0;
}

} // namespace

verb cp_verb() {
  return {"cp",
          "Files",
          "Copy a file or a tree within the cluster.",
          {"cp /images/big.iso /images/copy.iso", "cp -r /doc /archive/doc"},
          [](parameters& to) -> action {
            auto x = std::make_shared<copy_options>();
            to.positional("FROM", x->from, "of the file");
            to.positional(
              "TO", x->to,
              "of the copy; a directory, or with a / at its end: under the "
              "same name in it");
            to.flag("--recursive,-r", x->recursive,
                    "FROM is a directory: all files in it, also to a TO that "
                    "is there");
            to.flag("--force,-f", x->how.force,
                    "over an existing file, which goes to the trash");
            to.flag("--parents,-p", x->how.parents, "make missing directories");
            return [x](verb_context& context) {
              return x->recursive ? copy_tree(context, x->from, x->to, x->how)
                                  : copy_file(*x, context);
            };
          }};
}

} // namespace dfs::admin
