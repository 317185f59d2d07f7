#include "net/sealed_socket.hpp"

#include "support/eventually.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace dfs::net {
namespace {

using namespace std::chrono_literals;

class SealedSocket : public testing::Test {
protected:
  static std::unique_ptr<sealed_socket> open() {
    const endpoint here{*ip_address::parse("127.0.0.1"), 0};
    auto opened = sealed_socket::open(
      {.bind = here,
       .advertised = here,
       .ring = *wire::key_ring::parse("1 " + std::string(64, 'a'))});
    EXPECT_TRUE(opened) << opened.error().context;
    return *std::move(opened);
  }

  // What has come to it until now.
  std::vector<std::string>& take(sealed_socket& at) {
    auto& all = heard[&at];
    while (!at.receive([&](const endpoint& peer, std::string_view body) {
      all.emplace_back(body);
      peers[&at].insert(peer);
    }))
      ;
    at.flush();
    return all;
  }

  // The first datagrams of two servers settle who they are; a challenge is no
  // longer than what it answers.
  void greet(sealed_socket& to) {
    ASSERT_TRUE(test::eventually(
      [&] {
        from->send(to.bound(), std::string(100, 'h'));
        from->flush();
        take(to);
        take(*from);
        return !heard[&to].empty();
      },
      5s));
    take(to);
    heard[&to].clear();
  }

  std::unique_ptr<sealed_socket> from = open();
  std::map<const sealed_socket*, std::vector<std::string>> heard;
  std::map<const sealed_socket*, std::set<endpoint>> peers;
};

TEST_F(SealedSocket, TellsWhereADatagramCameFrom) {
  const auto one = open();
  greet(*one);
  EXPECT_EQ(peers[one.get()], std::set{from->bound()});
}

TEST_F(SealedSocket, KeepsTheOrderToEachPeer) {
  const auto one = open();
  const auto two = open();
  greet(*one);
  greet(*two);
  // Lengths that let many go as one, and lengths that do not.
  std::vector<std::string> sent;
  for (int i = 0; i < 200; ++i)
    sent.push_back(std::to_string(i)
                   + std::string(i % 7 == 0    ? 10
                                 : i % 50 < 40 ? 1'390
                                               : 700,
                                 'x'));
  for (std::size_t i = 0; i < sent.size(); ++i) {
    from->send(one->bound(), sent[i]);
    if (i % 2 == 0)
      from->send(two->bound(), sent[i]);
    if (i % 20 == 0) { // Buffers are small.
      from->flush();
      take(*one);
      take(*two);
    }
  }
  from->flush();
  std::vector<std::string> half;
  for (std::size_t i = 0; i < sent.size(); i += 2)
    half.push_back(sent[i]);
  EXPECT_TRUE(test::eventually([&] { return take(*one) == sent; }, 5s));
  EXPECT_TRUE(test::eventually([&] { return take(*two) == half; }, 5s));
  EXPECT_EQ(from->counters().refused, 0u);
  EXPECT_GE(from->counters().out.packets, 300u);
}

TEST_F(SealedSocket, SomebodyWhoIsGoneHoldsNobodyUp) {
  const auto here = open();
  auto gone = open();
  greet(*here);
  greet(*gone);
  const auto where = gone->bound();
  gone.reset();
  for (int i = 0; i < 50; ++i) {
    for (int k = 0; k < 3; ++k)
      from->send(where, std::string(1'390, 'x'));
    from->send(here->bound(), std::to_string(i));
    from->flush();
  }
  EXPECT_TRUE(test::eventually([&] { return take(*here).size() == 50u; }, 5s));
}

TEST_F(SealedSocket, TooLongIsNotSent) {
  from->send(from->bound(), std::string(wire::body_bytes_max + 1, 'x'));
  from->send(from->bound(), "");
  EXPECT_EQ(from->counters().too_large, 2u);
}

} // namespace
} // namespace dfs::net
