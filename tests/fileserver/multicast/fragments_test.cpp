#include "fileserver/multicast/fragments.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace dfs::fileserver {
namespace {

std::string packet_of(std::size_t bytes, char first = 'a') {
  std::string x(bytes, '\2'); // As a packet begins.
  for (std::size_t i = 1; i < bytes; ++i)
    x[i] = static_cast<char>(first + i % 23);
  return x;
}

class Fragments : public testing::Test {
protected:
  std::vector<std::string> cut(const std::string& packet) {
    std::vector<std::string> all;
    cutter.cut(packet, [&](std::string_view x) {
      EXPECT_LE(x.size(), msg::multicast_bytes_max);
      all.emplace_back(x);
    });
    return all;
  }

  packet_cutter cutter{server_id{513}, life_id{7}};
  packet_assembly assembly{{server_id{2}, server_id{513}}};
};

// Else each that is claimed would take memory.
TEST_F(Fragments, OfNoServerOfTheGroupAreNotKept) {
  packet_cutter stranger{server_id{3}, life_id{7}};
  std::vector<std::string> all;
  stranger.cut(packet_of(5'000),
               [&](std::string_view x) { all.emplace_back(x); });
  for (const auto& x : all)
    EXPECT_FALSE(assembly.add(x));
  EXPECT_EQ(assembly.malformed(), all.size());
}

TEST_F(Fragments, OfAnyLengthComeTogetherInAnyOrder) { // SPEC Q3
  for (const std::size_t bytes :
       {std::size_t{1}, msg::multicast_bytes_max, msg::multicast_bytes_max + 1,
        2 * msg::fragment_bytes_max, 2 * msg::fragment_bytes_max + 1,
        msg::multicast_packet_bytes_max}) {
    const auto packet = packet_of(bytes);
    auto all = cut(packet);
    for (std::size_t i = 1; i + 1 < all.size(); ++i)
      EXPECT_EQ(all[i].size(), all[0].size());
    std::ranges::reverse(all);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto whole = assembly.add(all[i]);
      ASSERT_EQ(whole.has_value(), i + 1 == all.size()) << bytes;
      if (whole)
        EXPECT_EQ(*whole, packet);
    }
  }
  EXPECT_EQ(assembly.malformed(), 0u);
}

TEST_F(Fragments, OfManyPacketsDoNotMix) {
  const auto one = packet_of(5'000, 'a');
  const auto two = packet_of(5'000, 'A');
  const auto first = cut(one);
  const auto second = cut(two);
  packet_cutter other{server_id{2}, life_id{7}};
  std::vector<std::string> third;
  other.cut(two, [&](std::string_view x) { third.emplace_back(x); });
  std::vector<std::string> whole;
  for (std::size_t i = 0; i < first.size(); ++i)
    for (const auto& x : {first[i], second[i], third[i], first[i]})
      if (const auto made = assembly.add(x))
        whole.emplace_back(*made);
  EXPECT_EQ(whole, (std::vector<std::string>{one, two, two}));
}

TEST_F(Fragments, OfLostPacketsAreForgotten) {
  const auto lost = cut(packet_of(5'000));
  for (std::size_t i = 0; i + 1 < lost.size(); ++i)
    EXPECT_FALSE(assembly.add(lost[i]));
  for (int i = 0; i < 64; ++i)
    EXPECT_FALSE(assembly.add(cut(packet_of(2'000))[0]));
  EXPECT_FALSE(assembly.add(lost.back()));
  const auto packet = packet_of(2'000);
  const auto next = cut(packet);
  EXPECT_FALSE(assembly.add(next[0]));
  EXPECT_EQ(*assembly.add(next[1]), packet);
}

TEST_F(Fragments, OfFormerLivesHaveOtherNumbers) {
  packet_cutter later{server_id{513}, life_id{8}};
  const auto before = cut(packet_of(2'000, 'a'));
  std::vector<std::string> after;
  later.cut(packet_of(2'000, 'A'),
            [&](std::string_view x) { after.emplace_back(x); });
  EXPECT_FALSE(assembly.add(before[0]));
  EXPECT_FALSE(assembly.add(after[1]));
}

TEST_F(Fragments, ThatAreNoneAreCounted) {
  auto x = cut(packet_of(2'000))[0];
  EXPECT_FALSE(assembly.add(x.substr(0, msg::fragment_header_bytes)));
  for (const char count : {char{0}, char{1}, char{7}}) {
    auto wrong = x;
    wrong[12] = count;
    EXPECT_FALSE(assembly.add(wrong));
  }
  auto wrong = x;
  wrong[11] = 2; // The third of two.
  EXPECT_FALSE(assembly.add(wrong));
  EXPECT_FALSE(assembly.add(x));
  wrong = x;
  wrong[12] = 3;
  wrong[11] = 1;
  EXPECT_FALSE(assembly.add(wrong)); // Of two, or of three?
  EXPECT_EQ(assembly.malformed(), 6u);
  EXPECT_EQ(*assembly.add("short"), "short"); // No fragment.
}

} // namespace
} // namespace dfs::fileserver
