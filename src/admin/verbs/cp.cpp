#include "admin/file_transfer.hpp"
#include "admin/file_tree.hpp"
#include "admin/verbs/all.hpp"
#include "admin/versioned_files.hpp"

#include <utility>

namespace dfs::admin {

namespace {

struct copy_options {
  std::string from;
  std::string to;
  put_options how;
};

result<exit_code> copy_file(const copy_options& x, verb_context& context) {
  const auto target = target_path(context, x.to, base_name(x.from));
  if (!target)
    return target.error();
  if (*target == x.from)
    return fail(ec::invalid_argument, x.from + " would be copied to itself");
  const auto source = open_source(context, x.from);
  if (!source)
    return explain_transfer(source.error(), context, x.from);
  return store_file(context, *source, *target, x.how, {{"from", x.from}});
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
