#include "admin/file_cells.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

namespace {

struct touch_options {
  std::string path;
  bool exclusive = false;
  std::int64_t replication = 0;
};

result<exit_code> touch(const touch_options& x, verb_context& context) {
  msg::create_file request;
  request.path = x.path;
  request.exclusive = x.exclusive;
  request.replication = static_cast<std::uint8_t>(x.replication);
  auto made = ask_master(context, request);
  if (!made)
    return made.error();
  if (context.out.how().json)
    context.out.print(status_record(*made));
  return 0;
}

} // namespace

verb touch_verb() {
  return {"touch",
          "Files",
          "Make an empty file, or give one that is there a new time.",
          {"touch /photos/ready"},
          [](parameters& to) -> action {
            auto x = std::make_shared<touch_options>();
            to.positional("PATH", x->path, "of the file");
            to.flag("--exclusive", x->exclusive, "refuse if it is there");
            to.number("--replication", "N", x->replication, 1, 8,
                      "copies of a new file; left out: the cluster's");
            return [x](verb_context& context) { return touch(*x, context); };
          }};
}

} // namespace dfs::admin
