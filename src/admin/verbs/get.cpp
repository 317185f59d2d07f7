#include "admin/file_transfer.hpp"
#include "admin/file_tree.hpp"
#include "admin/verbs/all.hpp"
#include "client/local_files.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <utility>

namespace dfs::admin {

namespace {

constexpr auto any_size = std::numeric_limits<std::int64_t>::max();

struct get_verb_options {
  std::string path;
  std::string local;
  std::int64_t offset = 0;
  std::int64_t length = -1; ///< To the end.
  bool raw = false;
  bool recursive = false;
  std::int64_t version = 0; ///< The newest.

  [[nodiscard]] get_range range() const {
    get_range x;
    x.begin = static_cast<std::uint64_t>(offset);
    if (length >= 0)
      x.length = static_cast<std::uint64_t>(length);
    x.raw = raw;
    x.version = version_number{static_cast<std::uint64_t>(version)};
    return x;
  }
};

result<exit_code> get_file(const get_verb_options& x, verb_context& context) {
  const auto files = context.files();
  if (!files)
    return files.error();
  const auto local
    = std::filesystem::is_directory(x.local)
        ? (std::filesystem::path{x.local} / base_name(x.path)).string()
        : x.local;
  auto sink = client::local_sink::create(local, (*files)->disk());
  if (!sink)
    return sink.error(); // It names the local file; no advice on others.
  progress shown{context.out, local, std::nullopt};
  const auto got = read_range(context, x.path, x.range(), *sink, &shown);
  if (!got)
    return explain_transfer(got.error(), context, x.path);
  const auto kept = (*files)->wait<nothing>(
    [&](auto then) { (*sink)->commit(true, std::move(then)); });
  if (!kept)
    return explain_transfer(kept.error(), context, local);
  if (context.out.how().json) {
    record said{{"path", x.path}, {"local", local}};
    shown.add_to(said);
    context.out.print(said);
  }
  context.out.progress({});
  context.out.note(fmt::format("{}: {}", local, shown.summary()));
  return 0;
}

result<exit_code> get(const get_verb_options& x, verb_context& context) {
  if (x.recursive && x.version != 0)
    return fail(ec::invalid_argument,
                "-r takes the newest versions: leave --version out");
  if (x.recursive && (x.offset != 0 || x.length >= 0))
    return fail(ec::invalid_argument,
                "-r takes whole files: leave --offset and --length out");
  if (x.recursive)
    return get_tree(context, x.path, x.local, x.raw);
  if (x.local != "-")
    return get_file(x, context);
  const auto got = print_range(context, x.path, x.range());
  if (!got)
    return explain_transfer(got.error(), context, x.path);
  return 0;
}

} // namespace

verb get_verb() {
  return {"get",
          "Files",
          "Bring a file or a tree from the cluster, verified end to end.",
          {"get /images/big.iso big.iso", "get /photos.tar - | tar x",
           "get -r /doc ./doc", "get --offset 1048576 --length 4096 /f part",
           "get --version 3 /docs/plan.txt old.txt"},
          [](parameters& to) -> action {
            auto x = std::make_shared<get_verb_options>();
            to.positional("PATH", x->path, "of the file");
            to.positional(
                "LOCAL", x->local,
                "where to: a file, which is replaced when all is there; a "
                "directory; - for standard output")
              .file();
            to.flag("--recursive,-r", x->recursive,
                    "PATH is a directory: all files in it");
            to.number("--offset", "BYTES", x->offset, 0, any_size,
                      "begin there, not at the beginning");
            to.number("--length", "BYTES", x->length, 0, any_size,
                      "at most so many bytes");
            to.number("--version", "V", x->version, 1, any_size,
                      "of a versioned file, not the newest")
              .fallback.clear();
            to.flag("--raw", x->raw, "with the padding of appends, as '%'");
            return [x](verb_context& context) { return get(*x, context); };
          }};
}

} // namespace dfs::admin
