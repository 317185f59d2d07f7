#include "support/sim/versions_messages.hpp"

namespace dfs::sim {

std::string_view name_of(const version_message& x) {
  constexpr std::string_view names[] = {
    "locate",      "located",   "fetch",    "content",    "failed",   "refused",
    "put",         "done",      "settle",   "settled",    "decide",   "decided",
    "read",        "state",     "finish",   "promise",    "promised", "accept",
    "accepted",    "commit",    "list",     "listed",     "forget",   "forgot",
    "fetch-group", "group",     "register", "registered", "beat",     "heard",
    "orders",      "news",      "note",     "receipted",  "told",     "found",
    "search",      "remembered"};
  static_assert(std::size(names) == std::variant_size_v<version_message>);
  return names[x.index()];
}

} // namespace dfs::sim
