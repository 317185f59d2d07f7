#include "support/history/queue_checker.hpp"
#include "support/history/queue_json.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

// dfs-queue_history: judges a history of queues that was kept.
//
//   dfs-queue_history witness FILE   by the places that the answers carry
//   dfs-queue_history drained FILE   by what came out until all was empty
//
// Ends with 0 if nothing that was promised is broken, with 1 if something is,
// with 2 if there is no such history.

namespace {

using namespace dfs;
using namespace dfs::history;

int judge(std::string_view how, const std::string& path) {
  std::ifstream file{path};
  if (!file) {
    fmt::print(stderr, "queue_history: cannot read {}\n", path);
    return 2;
  }
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto history = queue_history_from_json(text);
  if (!history) {
    fmt::print(stderr, "queue_history: {}\n", history.error().context);
    return 2;
  }
  const auto told
    = how == "witness" ? check_witness(*history) : check_drained(*history);
  fmt::print("{}: {} operations, {} unknown, {} of them seen\n",
             told.violations.empty() ? "kept" : "broken", told.operations,
             told.unknown, told.unknown_seen);
  for (const auto& violation : told.violations)
    fmt::print("{}\n", violation);
  return told.violations.empty() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view how = argc == 3 ? argv[1] : "";
  if (how != "witness" && how != "drained") {
    fmt::print(stderr, "usage: dfs-queue_history witness|drained FILE\n");
    return 2;
  }
  return judge(how, argv[2]);
}
