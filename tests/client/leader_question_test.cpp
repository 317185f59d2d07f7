#include "client/master_client.hpp"

#include "support/member_door.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::answer_directory;
using test::member_door;
using test::refusal;

/// A word is bound to its certificate (docs/protocols/gate.md, C11).
struct LeaderQuestion : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  test::credential_files user = pki.client("alice", "writer");

  std::unique_ptr<master_client> client(std::vector<std::string> contacts) {
    return std::make_unique<master_client>(
      test::tls_of(user),
      connection_options{.contacts = std::move(contacts), .timeout = 10s});
  }

  /// It says of itself that it leads, in that term.
  static void claim(member_door& x, std::uint64_t term) {
    x.knows({x.record(msg::role::master)}, x.record(msg::role::master));
    x.term = term;
  }
};

const msg::make_directory change{4711, "/a"};

TEST_F(LeaderQuestion, OnlyAMastersCertificateLeads) { // SPEC O4, S10
  for (const auto old_version : {false, true}) {
    SCOPED_TRACE(old_version);
    member_door liar{pki.server("node-1", "chunkserver,fileserver"),
                     answer_directory};
    member_door master{pki.server("node-2", "master"), answer_directory};
    claim(liar, ~std::uint64_t{0});
    claim(master, 8);
    liar.old_version = old_version;
    const auto alone = client({liar.door.server.contact()})->call(change);
    EXPECT_EQ(refusal(alone), ec::denied);
    for (int i = 0; i < 4; ++i) { // In either order.
      auto alice
        = client({liar.door.server.contact(), master.door.server.contact()});
      const auto answer = alice->call(change);
      EXPECT_TRUE(answer) << answer.error().context;
    }
    EXPECT_EQ(liar.changes, 0);
    EXPECT_EQ(master.changes, 4);
  }
}

TEST_F(LeaderQuestion, ANodeMayHaveSeveralRoles) {
  for (const auto* roles : {"introducer,master", "chunkserver,later,master"}) {
    SCOPED_TRACE(roles);
    member_door master{pki.server("node-1", roles), answer_directory};
    claim(master, 1);
    const auto answer = client({master.door.server.contact()})->call(change);
    EXPECT_TRUE(answer) << answer.error().context;
  }
}

} // namespace
} // namespace dfs::client
