#include "admin/file_transfer.hpp"
#include "admin/file_tree.hpp"
#include "admin/verbs/all.hpp"

#include <utility>

namespace dfs::admin {

namespace {

struct copy_options {
  std::string from;
  std::string to;
  put_options how;
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
  auto view = (*files)->open_file(x.from, context.transfer_timeout());
  if (!view)
    return explain_transfer(view.error(), context, x.from);
  const auto asked = (*files)->wait<nothing>(
    [&](auto then) { (*view)->find_end(std::move(then)); });
  if (!asked)
    return explain_transfer(asked.error(), context, x.from);
  return store_file(
    context,
    std::make_shared<client::cluster_source>((*files)->session(), *view),
    *target, x.how, {{"from", x.from}});
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
            x->how.declare(to, "FROM", "TO");
            return [x](verb_context& context) {
              return x->how.recursive
                       ? copy_tree(context, x->from, x->to, x->how)
                       : copy_file(*x, context);
            };
          }};
}

} // namespace dfs::admin
