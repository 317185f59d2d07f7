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

// The largest of each kind fits into a packet; without a long message into a
// datagram.
TEST(MulticastBytes, TheLargestFit) {
  const msg::message_number number{server_id{65'535}, life_id{1ull << 48},
                                   1ull << 48};
  const msg::message_body body{
    number, msg::body_kind::packed,
    std::string(msg::multicast_body_bytes_short, 'x')};
  const msg::configuration_id id{(1ull << 35) - 1, server_id{65'535}};
  const auto place = (1ull << 49) - 1;
  std::vector<msg::multicast_part> largest{
    msg::multicast_data{body}, msg::multicast_resend{place, body},
    msg::multicast_nudge{place, body},
    msg::items_fetched{
      id, id, place - 1, ~0ull, place - 1, {}, {{place, body}}},
    msg::items_fetched{
      id, id, place, ~0ull, place, msg::group_history(8, {id, place}), {}}};
  for (const std::size_t servers : {9u, 16u}) {
    const auto whole = largest_configuration(servers, true);
    const std::vector<msg::group_configuration> attempts(
      attempts_most(servers), largest_configuration(servers, false));
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
    largest.push_back(msg::commit_members{whole, whole, attempts,
                                          msg::group_history(8, {id, place}),
                                          server_id{65'535}});
    largest.push_back(msg::members_gathered{id, standing, place});
    largest.push_back(msg::group_beacon{
      standing, std::vector<server_id>(servers), {}, id, place, true});
  }
  for (const auto& part : largest)
    EXPECT_LE(packet_header_bytes + bytes_of(part), msg::multicast_bytes_max)
      << "part " << part.index();
  const msg::message_body longest{
    number, msg::body_kind::packed,
    std::string(msg::multicast_body_bytes_max, 'x')};
  for (const msg::multicast_part& part :
       {msg::multicast_part{msg::multicast_data{longest}},
        msg::multicast_part{msg::multicast_resend{place, longest}},
        msg::multicast_part{msg::multicast_nudge{place, longest}},
        msg::multicast_part{msg::items_fetched{
          id, id, place - 1, ~0ull, place - 1, {}, {{place, longest}}}}}) {
    EXPECT_LE(packet_header_bytes + bytes_of(part),
              msg::multicast_packet_bytes_max)
      << "part " << part.index();
    msg::multicast_packet packet;
    const auto empty = wire::encode(packet).size();
    packet.parts.push_back(part);
    EXPECT_LE(wire::encode(packet).size() - empty, bytes_of(part))
      << "part " << part.index();
  }
}

} // namespace
} // namespace dfs::core
