#include "admin/dev/cluster.hpp"
#include "admin/dev/control_socket.hpp"
#include "admin/dev/directory_lock.hpp"
#include "admin/verbs/all.hpp"

#include <cstdlib>
#include <filesystem>

namespace dfs::admin {

namespace {

namespace fs = std::filesystem;

/// More would only measure how well one machine juggles processes.
constexpr std::int64_t nodes_max = 50;

struct dev_options {
  std::int64_t nodes = 3;
  std::string directory;
  std::string name; ///< Of `start` and `stop`.
};

result<fs::path> new_directory() {
  const auto* base = std::getenv("TMPDIR");
  auto name = std::string{base != nullptr && *base != 0 ? base : "/tmp"}
              + "/dfsnode-dev-XXXXXX";
  if (mkdtemp(name.data()) == nullptr)
    return fail(ec::io_error,
                "cannot make a directory " + name + "; name one with --dir");
  return fs::path{name};
}

/// A directory for a cluster: a new one, an empty one, or one that holds a
/// cluster already. Anything else belongs to somebody.
result<fs::path> own_directory(const std::string& wanted) {
  if (wanted.empty())
    return new_directory();
  std::error_code failed;
  const auto path = fs::absolute(wanted, failed);
  fs::create_directories(path, failed);
  if (failed || !fs::is_directory(path, failed))
    return fail(ec::configuration,
                "cannot make the directory " + path.string() + ": "
                  + (failed ? failed.message() : "it is a file")
                  + "; name another --dir");
  if (!fs::is_empty(path, failed) && !directory_lock::stands_in(path))
    return fail(ec::configuration,
                path.string()
                  + " is not empty and holds no dev cluster; name "
                    "a new directory with --dir");
  return path;
}

result<exit_code> run_cluster(const dev_options& x) {
  dev_cluster::hold_signals();
  auto directory = own_directory(x.directory);
  if (!directory)
    return directory.error();
  auto lock = directory_lock::take(*directory);
  if (!lock)
    return lock.error();
  auto layout
    = dev_layout::complete(*directory, static_cast<unsigned>(x.nodes));
  if (!layout)
    return layout.error();
  auto control = control_socket::listen(*directory);
  if (!control)
    return control.error();
  dev_cluster cluster{*std::move(layout), fs::read_symlink("/proc/self/exe"),
                      *std::move(control)};
  return cluster.run();
}

result<exit_code> tell_cluster(const std::string& verb, const dev_options& x,
                               verb_context& context) {
  auto said = ask_control_socket(x.directory, verb + " " + x.name);
  if (!said)
    return said.error();
  record now{{"node", x.name}, {"state", verb == "start" ? "runs" : "ended"}};
  if (verb == "start")
    now.emplace_back("pid", cell::number(std::atoll(said->c_str())));
  context.out.print(now);
  return 0;
}

verb tell_verb(const std::string& word, const std::string& help) {
  return {"dev " + word,
          "Cluster on this machine",
          help,
          {"dev " + word + " chunkserver-2 --dir DIR"},
          [word](parameters& to) -> action {
            auto x = std::make_shared<dev_options>();
            to.positional("NAME", x->name, "as in DIR/pids");
            to.option("--dir", "DIR", x->directory,
                      "of the cluster, as `dfsnode dev` printed it")
              .required()
              .directory();
            return [x, word](verb_context& context) {
              return tell_cluster(word, *x, context);
            };
          }};
}

} // namespace

verb dev_verb() {
  return {"dev",
          "Cluster on this machine",
          "Run a whole secured cluster here until Ctrl-C: an introducer, a "
          "master, N chunkservers and N file servers.",
          {"dev --nodes 3", "dev --nodes 5 --dir ~/cluster"},
          [](parameters& to) -> action {
            auto x = std::make_shared<dev_options>();
            to.number("--nodes", "N", x->nodes, 1, nodes_max,
                      "chunkservers, and as many file servers");
            to.option("--dir", "DIR", x->directory,
                      "where keys, settings and data stay; left out: a new one")
              .directory();
            return [x](verb_context&) { return run_cluster(*x); };
          }};
}

verb dev_start_verb() {
  return tell_verb("start", "Start a node of a running `dfsnode dev` again.");
}

verb dev_stop_verb() {
  return tell_verb("stop", "Stop a node of a running `dfsnode dev` (SIGTERM).");
}

} // namespace dfs::admin
