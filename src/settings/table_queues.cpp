#include "settings/rows.hpp"

// Rows about queues, for file servers.

namespace dfs::settings {

namespace {

using section = queue_section;

constexpr auto queue = &node::queue;
constexpr auto fileserver
  = static_cast<audience>(static_cast<std::uint8_t>(msg::role::fileserver));

void add(rows& to, row x) {
  x.concerns = fileserver;
  to.push_back(std::move(x));
}

} // namespace

void add_queues(rows& to) {
  add(to, server("queue.server_id", number(0, 65535), "0",
                 "This server's id in queue.servers; it never changes. 0: it "
                 "takes no part in the group that keeps queues.",
                 to_server<queue, &section::server_id>));
  add(to, server("queue.servers", {kind::servers}, "",
                 "All servers of the group, 1 to 16, the same on each of them: "
                 "id, node name, and the UDP address that its ordered "
                 "multicast has; its port is opened on node.bind.",
                 to_server<queue, &section::servers>));
  add(to,
      server(
        "queue.primary",
        {kind::choice, 0, 0, {"majority", "highest-id", "highest-id-literal"}},
        "majority",
        "Which side of a split group goes on: the one with more than half "
        "of the last configuration, the one with its highest id, or (by "
        "the letter) each; then the side without the highest id loses "
        "what it did. The same on all.",
        to_server<queue, &section::primary>));
  add(to, server("queue.durability",
                 {kind::choice, 0, 0, {"durable", "memory"}}, "durable",
                 "When an operation is acknowledged: on the disks of more than "
                 "half, or in their memory (a restart of more than half loses "
                 "all). The same on all.",
                 to_server<queue, &section::durability>));
  add(to, server("queue.min_quorum", number(1, 16), "2",
                 "Members that a configuration has at least, if the group has "
                 "so many servers. The same on all.",
                 to_server<queue, &section::min_quorum>));
}

} // namespace dfs::settings
