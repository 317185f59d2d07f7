#include "admin/file_transfer.hpp"
#include "admin/file_tree.hpp"
#include "admin/verbs/all.hpp"
#include "client/local_files.hpp"

namespace dfs::admin {

namespace {

struct put_verb_options {
  std::string local;
  std::string path;
  put_options how;
};

result<exit_code> put_file(const put_verb_options& x, verb_context& context) {
  const auto files = context.files();
  if (!files)
    return files.error();
  auto source = client::local_source::open(x.local, (*files)->disk());
  if (!source)
    return source.error();
  const auto path = target_path(context, x.path, base_name(x.local));
  if (!path)
    return path.error();
  return store_file(context, *source, *path, x.how, {});
}

} // namespace

verb put_verb() {
  return {
    "put",
    "Files",
    "Store a local file, standard input or a tree in the cluster; in a "
    "directory of versioned files as a new version.",
    {"put big.iso /images/big.iso", "tar c photos | dfsnode put - /photos.tar",
     "put -r /usr/share/doc /doc", "put --resume big.iso /images/big.iso"},
    [](parameters& to) -> action {
      auto x = std::make_shared<put_verb_options>();
      to.positional("LOCAL", x->local, "a file, - for standard input").file();
      to.positional("PATH", x->path,
                    "where to; a directory, or with a / at its end: under the "
                    "same name in it");
      x->how.declare(to, "LOCAL", "PATH");
      to.flag(
        "--resume", x->how.resume,
        "go on where an interrupted put of the same file ended, and leave "
        "what is there when this one is interrupted");
      return [x](verb_context& context) {
        return x->how.recursive ? put_tree(context, x->local, x->path, x->how)
                                : put_file(*x, context);
      };
    }};
}

} // namespace dfs::admin
