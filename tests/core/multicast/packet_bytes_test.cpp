#include "core/multicast/configuration.hpp"
#include "core/multicast/multicast_parts.hpp"
#include "messages/multicast_inspect.hpp"
#include "support/random_packets.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

std::size_t told(const msg::multicast_packet& x) {
  auto sum = packet_header_bytes;
  for (const auto& part : x.parts)
    sum += bytes_of(part);
  return sum;
}

// What `bytes_of` says is never less than what is sent.
TEST(MulticastBytes, AreNotMoreThanTold) {
  msg::random_packets source{rng{5}};
  for (int i = 0; i < 20'000; ++i) {
    auto x = source.header();
    EXPECT_LE(wire::encode(x).size(), packet_header_bytes);
    x.parts.push_back(source.part());
    EXPECT_LE(wire::encode(x).size(), told(x))
      << "part " << x.parts.front().index();
  }
}

msg::group_configuration
largest_configuration(std::size_t servers, bool with_lives) {
  msg::group_configuration x;
  x.id = {(1ull << 35) - 1, server_id{65'535}};
  if (with_lives) {
    x.previous = x.id;
    x.first = (1ull << 49) - 1;
  }
  for (std::size_t i = 0; i < servers; ++i)
    x.members.push_back({server_id{1 + i}, store_id{~0ull},
                         life_id{with_lives ? (1ull << 49) - 1 : 0}});
  return x;
}

// Packets whose parts need no further datagram are filled.
TEST(MulticastBytes, FillDatagrams) {
  const auto one = msg::multicast_bytes_max;
  const auto piece = msg::fragment_bytes_max;
  EXPECT_EQ(packet_room(1), one);
  EXPECT_EQ(packet_room(one), one);
  EXPECT_EQ(packet_room(one + 1), 2 * piece);
  EXPECT_EQ(packet_room(2 * piece), 2 * piece);
  EXPECT_EQ(packet_room(2 * piece + 1), 3 * piece);
}

// Never less than a part takes, and hardly more.
void is_tight(const msg::multicast_part& part) {
  msg::multicast_packet packet;
  const auto empty = wire::encode(packet).size();
  packet.parts.push_back(part);
  const auto bytes = wire::encode(packet).size() - empty;
  EXPECT_LE(bytes, bytes_of(part)) << "part " << part.index();
  EXPECT_GE(bytes + 8, bytes_of(part)) << "part " << part.index();
}

const msg::message_number number{server_id{65'535}, life_id{1ull << 48},
                                 1ull << 48};
const msg::configuration_id id{(1ull << 35) - 1, server_id{65'535}};
constexpr auto place = (1ull << 49) - 1;

msg::message_body message(std::size_t bytes) {
  return {number, msg::body_kind::packed, std::string(bytes, 'x')};
}

// The largest of each kind fits into a packet; without a long message into a
// datagram.
void fit(const std::vector<msg::multicast_part>& largest, std::size_t most) {
  for (const auto& part : largest) {
    EXPECT_LE(packet_header_bytes + bytes_of(part), most)
      << "part " << part.index();
    is_tight(part);
  }
}

std::vector<msg::multicast_part> with(const msg::message_body& body) {
  return {msg::multicast_data{body}, msg::multicast_resend{place, body},
          msg::multicast_nudge{place, body},
          msg::items_fetched{
            id, id, place - 1, ~0ull, place - 1, {}, {{place, body}}}};
}

TEST(MulticastBytes, MessagesFit) {
  fit(with(message(msg::multicast_body_bytes_short)), msg::multicast_bytes_max);
  fit(with(message(msg::multicast_body_bytes_max)),
      msg::multicast_packet_bytes_max);
}

// Where so many attempts failed that they take several datagrams. SPEC Q4
TEST(MulticastBytes, TheLargestFit) {
  const msg::group_history history(8, {id, place});
  for (const std::size_t servers : {9u, 16u}) {
    const auto whole = largest_configuration(servers, true);
    const std::vector<msg::group_configuration> attempts(
      attempts_most, largest_configuration(servers, false));
    const msg::member_standing standing{
      whole.members[0],
      id,
      whole,
      id,
      attempts,
      true,
      true,
      true,
      true,
      std::vector<std::uint64_t>(servers, place)};
    fit(
      {msg::commit_members{whole, whole, attempts, history, server_id{65'535}},
       msg::members_gathered{id, standing, place},
       msg::group_beacon{
         standing, std::vector<server_id>(servers), {}, id, place, true}},
      msg::multicast_packet_bytes_max);
  }
}

TEST(MulticastBytes, AllOthersFit) {
  const std::vector<std::uint32_t> pages(32, ~std::uint32_t{0});
  fit({msg::items_fetched{
         id, id, place, ~0ull, place, msg::group_history(8, {id, place}), {}},
       msg::multicast_order{place, number}, msg::gather_members{id},
       msg::member_ready{id, ~0ull}, msg::install_members{id},
       msg::fetch_items{id, id, place, ~0ull, true},
       msg::snapshot_offered{id, ~0ull, place, place, ~0ull},
       msg::fetch_pages{~0ull, pages},
       msg::page_fetched{~0ull, ~std::uint32_t{0}, std::string(1'250, 'x')},
       msg::server_version{}},
      msg::multicast_bytes_max);
}

} // namespace
} // namespace dfs::core
