#include "net/tls.hpp"

#include "support/test_pki.hpp"

#include <boost/asio/ssl/stream.hpp>

#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <tuple>

namespace dfs::net {

namespace {

using ::testing::HasSubstr;

tls_files as_files(const test::credential_files& x) {
  return {x.ca, x.certificate, x.key};
}

// Both ends of a handshake in memory: what each says in the end.
struct handshake {
  SSL* client;
  SSL* server;
  bool ok = false;

  handshake(const tls_context& from, const tls_context& to)
    : client{SSL_new(from->native_handle())},
      server{SSL_new(to->native_handle())} {
    BIO* left = nullptr;
    BIO* right = nullptr;
    BIO_new_bio_pair(&left, 1 << 16, &right, 1 << 16);
    SSL_set_bio(client, left, left);
    SSL_set_bio(server, right, right);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    auto connected = 0;
    auto accepted = 0;
    for (int round = 0; round < 10; ++round) {
      connected = SSL_do_handshake(client);
      accepted = SSL_do_handshake(server);
    }
    ok = connected == 1 && accepted == 1;
  }

  ~handshake() {
    SSL_free(client);
    SSL_free(server);
  }
};

struct Tls : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path() / "pki"};

  [[nodiscard]] tls_context context(const test::credential_files& x) const {
    auto made = make_tls_context(as_files(x));
    return made ? *made : nullptr;
  }

  static std::string refusal(const tls_files& files) {
    auto made = make_tls_context(files);
    if (made)
      return "accepted";
    EXPECT_EQ(made.error().code, ec::configuration);
    return made.error().context;
  }
};

} // namespace

// SPEC O4
TEST_F(Tls, ShowsEachSideWhoTheOtherIs) {
  const auto master = context(pki.server("master-1", "introducer,master"));
  const auto alice = context(pki.client("alice", "writer"));
  ASSERT_TRUE(master && alice);
  const handshake met{alice, master};
  ASSERT_TRUE(met.ok);
  EXPECT_STREQ(SSL_get_version(met.client), "TLSv1.3");
  EXPECT_EQ(identity_of(met.client),
            (identity{"master-1", pki.cluster(), "server:introducer,master"}));
  EXPECT_EQ(identity_of(met.server),
            (identity{"alice", pki.cluster(), "client:writer"}));
  EXPECT_EQ(own_identity(alice), identity_of(met.server));
}

// SPEC O4
TEST_F(Tls, RefusesACertificateOfAnotherAuthority) {
  test::test_pki other{dir.path() / "other"};
  const auto ours = context(pki.server("master-1", "master"));
  const auto theirs = context(other.server("master-1", "master"));
  ASSERT_TRUE(ours && theirs);
  EXPECT_FALSE((handshake{theirs, ours}).ok);
  EXPECT_FALSE((handshake{ours, theirs}).ok);
}

// SPEC O4
TEST_F(Tls, RefusesAPeerWithoutACertificate) {
  const auto ours = context(pki.server("master-1", "master"));
  auto bare = std::make_shared<boost::asio::ssl::context>(
    boost::asio::ssl::context::tls);
  EXPECT_FALSE((handshake{bare, ours}).ok);
}

TEST_F(Tls, RefusesAnOlderProtocol) {
  const auto ours = context(pki.server("master-1", "master"));
  const auto old = context(pki.server("master-2", "master"));
  SSL_CTX_set_min_proto_version(old->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(old->native_handle(), TLS1_2_VERSION);
  EXPECT_FALSE((handshake{old, ours}).ok);
}

// Goal: each fault names the file and the cure. SPEC O4, S4
TEST_F(Tls, SaysWhichFileIsWrongAndHowToMendIt) {
  const auto good = as_files(pki.server("node-1", "chunkserver"));
  ASSERT_EQ(refusal(good), "accepted");

  auto files = good;
  files.certificate = dir.path() / "absent.crt";
  EXPECT_THAT(refusal(files), HasSubstr("absent.crt: No such file"));

  files = good;
  files.key = dir.path();
  EXPECT_THAT(refusal(files), HasSubstr("not a regular file"));

  files = good;
  files.key = pki.server("node-2", "chunkserver").key;
  EXPECT_THAT(refusal(files), HasSubstr("not the key of the certificate in "
                                        + files.certificate));

  files = good;
  files.ca = test::test_pki{dir.path() / "other"}.ca_path();
  EXPECT_THAT(refusal(files), HasSubstr(files.certificate + ": not signed by"));

  files = good;
  files.ca = dir.path() / "empty";
  std::ofstream{files.ca} << "nothing here\n";
  EXPECT_THAT(refusal(files), HasSubstr("empty: no certificate in it"));

  files = good;
  std::filesystem::permissions(files.key, std::filesystem::perms{0640});
  EXPECT_THAT(refusal(files), HasSubstr("chmod 600 " + files.key));
}

TEST_F(Tls, RefusesCertificatesOutOfTheirTime) {
  test::certificate_request wanted{
    .name = "node-1", .unit = "server:master", .cluster = pki.cluster()};
  wanted.valid_from_seconds = -120;
  wanted.valid_for_seconds = -60;
  EXPECT_THAT(refusal(as_files(pki.issue(wanted))), HasSubstr("has expired"));
  wanted.valid_from_seconds = 60;
  wanted.valid_for_seconds = 120;
  EXPECT_THAT(refusal(as_files(pki.issue(wanted))), HasSubstr("clock"));
}

// SPEC O4: rotation without downtime.
TEST_F(Tls, HandsNewHandshakesTheNewCertificate) {
  const auto peer = context(pki.server("peer", "master"));
  tls_source source{context(pki.server("old", "master"))};
  const handshake before{peer, source.get()};
  source.replace(context(pki.server("new", "master")));
  const handshake after{peer, source.get()};
  EXPECT_EQ(identity_of(before.client).name, "old");
  EXPECT_EQ(identity_of(after.client).name, "new");
}

TEST(TlsUnit, IsServerWithRolesOrClientWithOneRight) {
  const auto server = parse_unit("server:introducer,master");
  ASSERT_TRUE(server);
  EXPECT_TRUE(server->server);
  EXPECT_EQ(server->roles, (std::vector<std::string>{"introducer", "master"}));
  const auto client = parse_unit("client:admin");
  ASSERT_TRUE(client);
  EXPECT_FALSE(client->server);
  EXPECT_EQ(client->right, rights::admin);
  for (const auto* wrong :
       {"", "server", "server:", "server:a,", "server:,a", "Server:master",
        "client:", "client:root", "client:reader,admin", "user:admin",
        "server:master server:x", "client:admin "})
    EXPECT_FALSE(parse_unit(wrong)) << wrong;
}

TEST(TlsIdentity, AdmitsServersOfTheClusterOnly) {
  const identity node{"node-1", "c1", "server:master"};
  EXPECT_TRUE(check_server(node, "c1"));
  EXPECT_TRUE(check_server(node, "c1", "node-1"));
  EXPECT_FALSE(check_server(node, "c1", "node-2"));
  EXPECT_FALSE(check_server(node, "c2"));
  EXPECT_FALSE(check_server(node, ""));
  EXPECT_FALSE(check_server({"", "c1", "server:master"}, "c1"));
  EXPECT_FALSE(check_server({"Node 1", "c1", "server:master"}, "c1"));
  EXPECT_FALSE(check_server({"alice", "c1", "client:admin"}, "c1"));
  EXPECT_FALSE(check_server({"node-1", "c1", ""}, "c1"));
  EXPECT_FALSE(check_server({}, ""));
  EXPECT_TRUE(check_member_or_client({"alice", "c1", "client:admin"}, "c1"));
  EXPECT_FALSE(check_member_or_client({"alice", "c2", "client:admin"}, "c1"));
}

// A second CN must not be a way to be two nodes.
TEST_F(Tls, ReadsADoubledFieldAsNone) {
  const auto odd = pki.issue({.name = "node-1",
                              .unit = "server:master",
                              .cluster = pki.cluster(),
                              .second_name = "node-2"});
  const auto shown = own_identity(context(odd));
  EXPECT_EQ(shown.name, "");
  EXPECT_EQ(shown.unit, "server:master");
}

} // namespace dfs::net
