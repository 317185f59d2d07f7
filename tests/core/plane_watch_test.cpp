#include "core/links/plane_watch.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

msg::member_record
member(std::uint16_t number, msg::role role, std::uint64_t start_ms = 10) {
  msg::member_record x;
  x.id = {*ip_address::parse("10.0.0.5"), number, start_ms};
  x.name = "node-" + std::to_string(number);
  x.roles = static_cast<msg::role_set>(role);
  return x;
}

msg::link_status link_of(const msg::member_record& x,
                         msg::link_state state = msg::link_state::up) {
  msg::link_status link;
  link.peer = x.id;
  link.name = x.name;
  link.state = state;
  return link;
}

struct PlaneWatch : testing::Test {
  instant now{instant{} + 1h};
  msg::member_record master = member(1, msg::role::master);
  msg::member_record server = member(2, msg::role::chunkserver);
  known_members group;
  plane_watch planes;

  PlaneWatch() {
    group.reset({master.id, {master, server}});
  }

  /// @returns the findings' codes, each with a space.
  std::string
  look(const std::vector<msg::link_status>& links, std::chrono::seconds later) {
    std::string codes;
    for (auto left = later + 1s; left > 0s; left -= 1s) {
      planes.look(group, links, now);
      now += 1s;
    }
    now -= 1s;
    for (const auto& x : planes.findings(now)) {
      EXPECT_FALSE(x.error);
      EXPECT_NE(x.text.find("node-2 at 10.0.0.5:2"), std::string::npos);
      codes += x.code + " ";
    }
    return codes;
  }
};

TEST_F(PlaneWatch, HasNothingToSayOfThoseBothReach) {
  EXPECT_EQ(look({link_of(server)}, 100s), "");
}

TEST_F(PlaneWatch, TellsOfLostDatagrams) { // SPEC S9
  group.apply({msg::member_change::failed, server, ""});
  EXPECT_EQ(look({link_of(server)}, 9s), "");
  EXPECT_EQ(look({link_of(server)}, 1s), "DATAGRAMS_LOST ");
  // Back as another life.
  server.id.start_ms = 11;
  group.apply({msg::member_change::joined, server, ""});
  EXPECT_EQ(look({link_of(member(2, msg::role::chunkserver))}, 0s), "");
}

TEST_F(PlaneWatch, SaysNothingOfTheDead) {
  group.apply({msg::member_change::failed, server, ""});
  EXPECT_EQ(look({link_of(server, msg::link_state::waiting)}, 100s), "");
}

TEST_F(PlaneWatch, TellsOfLostConnections) { // SPEC S9
  EXPECT_EQ(look({}, 19s), "");
  EXPECT_EQ(look({link_of(server, msg::link_state::waiting)}, 1s),
            "CONNECTION_LOST ");
  EXPECT_EQ(look({link_of(server)}, 0s), "");
  EXPECT_EQ(look({}, 19s), "") << "counted anew";
}

// It is this node that is away then, and its other signs say so.
TEST_F(PlaneWatch, SaysNothingWhileItsNodeIsInNoGroup) {
  group.reset({master.id, {}});
  EXPECT_EQ(look({link_of(server)}, 100s), "");
}

TEST_F(PlaneWatch, NamesAFewOfMany) {
  std::vector<msg::member_record> all{master};
  for (std::uint16_t i = 2; i < 1'000; ++i)
    all.push_back(member(i, msg::role::fileserver));
  group.reset({master.id, all});
  EXPECT_EQ(look({}, 20s), "CONNECTION_LOST ");
  const auto text = planes.findings(now).at(0).text;
  EXPECT_LT(text.size(), 300u);
  EXPECT_NE(text.find(" and 994 more"), std::string::npos) << text;
}

} // namespace

} // namespace dfs::core
