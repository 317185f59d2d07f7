#include "admin/file_cells.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

namespace {

struct mkdir_options {
  std::string path;
  bool parents = false;
  std::string where;         ///< Empty: as the directory above.
  std::int64_t replicas = 0; ///< 0: as the directory above says.
};

msg::storage_class class_of(const std::string& word) {
  using msg::storage_class;
  for (const auto x : {storage_class::chunked, storage_class::versioned,
                       storage_class::content, storage_class::shared})
    if (word == to_string(x))
      return x;
  return storage_class::as_above;
}

result<exit_code> make(const mkdir_options& x, verb_context& context) {
  msg::make_directory request;
  request.path = x.path;
  request.parents = x.parents;
  request.where = class_of(x.where);
  request.replication = static_cast<std::uint8_t>(x.replicas);
  auto made = ask_master(context, request);
  if (!made)
    return made.error();
  if (context.out.how().json)
    context.out.print(status_record(*made));
  return 0;
}

} // namespace

verb mkdir_verb() {
  return {"mkdir",
          "Files",
          "Make a directory.",
          {"mkdir /photos", "mkdir -p /photos/2026/november",
           "mkdir --replicas 2 /scratch", "mkdir --class versioned /docs"},
          [](parameters& to) -> action {
            auto x = std::make_shared<mkdir_options>();
            to.positional("PATH", x->path, "of the directory");
            to.flag("--parents,-p", x->parents,
                    "make missing parents; one that exists is fine");
            to.choice("--class", {"chunked", "versioned", "content", "shared"},
                      x->where,
                      "how files below it are kept; left out: as the directory "
                      "above says");
            to.number("--replicas", "N", x->replicas, 1, 8,
                      "copies of files made below it; left out: as the "
                      "directory above says, or the cluster")
              .fallback.clear();
            return [x](verb_context& context) { return make(*x, context); };
          }};
}

} // namespace dfs::admin
