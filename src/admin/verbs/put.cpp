#include "admin/file_transfer.hpp"
#include "admin/file_tree.hpp"
#include "admin/verbs/all.hpp"
#include "client/local_files.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs::admin {

namespace {

struct put_verb_options {
  std::string local;
  std::string path;
  put_options how;
  bool recursive = false;
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
  progress shown{context.out, *path, (*source)->length()};
  client::file_write what;
  what.path = *path;
  what.force = x.how.force;
  what.parents = x.how.parents;
  what.resume = x.how.resume;
  what.timeout = context.transfer_timeout();
  what.request = context.next_request().value();
  what.progress = [&](std::uint64_t bytes) { shown.add(bytes); };
  const auto made = (*files)->write_file(*source, std::move(what));
  if (!made)
    return explain_transfer(made.error(), context, *path);
  if (context.out.how().json) {
    record said{{"path", made->path}};
    shown.add_to(said);
    context.out.print(said);
  }
  context.out.progress({});
  context.out.note(fmt::format("{}: {}", made->path, shown.summary()));
  return 0;
}

} // namespace

verb put_verb() {
  return {
    "put",
    "Files",
    "Store a local file, standard input or a tree in the cluster.",
    {"put big.iso /images/big.iso", "tar c photos | dfsnode put - /photos.tar",
     "put -r /usr/share/doc /doc", "put --resume big.iso /images/big.iso"},
    [](parameters& to) -> action {
      auto x = std::make_shared<put_verb_options>();
      to.positional("LOCAL", x->local, "a file, - for standard input").file();
      to.positional("PATH", x->path,
                    "where to; a directory, or with a / at its end: under the "
                    "same name in it");
      to.flag("--recursive,-r", x->recursive,
              "LOCAL is a directory: all regular files in it, also to a PATH "
              "that is there");
      to.flag("--force,-f", x->how.force,
              "over an existing file, which goes to the trash");
      to.flag("--parents,-p", x->how.parents, "make missing directories");
      to.flag(
        "--resume", x->how.resume,
        "go on where an interrupted put of the same file ended, and leave "
        "what is there when this one is interrupted");
      return [x](verb_context& context) {
        return x->recursive ? put_tree(context, x->local, x->path, x->how)
                            : put_file(*x, context);
      };
    }};
}

} // namespace dfs::admin
