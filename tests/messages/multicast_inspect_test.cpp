#include "messages/multicast_inspect.hpp"

#include "support/random_packets.hpp"
#include "wire/codec.hpp"
#include "wire/datagram.hpp"

#include <gtest/gtest.h>

namespace dfs::msg {
namespace {

TEST(MulticastInspect, PacketsComeOutAsTheyWentIn) {
  random_packets source{rng{1}};
  for (int i = 0; i < 2'000; ++i) {
    const auto sent = source.packet();
    const auto bytes = wire::encode(sent);
    EXPECT_EQ(bytes[0], static_cast<char>(multicast_protocol));
    const auto got = wire::decode<multicast_packet>(bytes);
    ASSERT_TRUE(got) << "packet " << i;
    EXPECT_EQ(*got, sent) << "packet " << i;
    EXPECT_TRUE(is_valid(*got)) << "packet " << i;
  }
}

TEST(MulticastInspect, WhatIsCutShortIsRefused) {
  random_packets source{rng{2}};
  for (int i = 0; i < 100; ++i) {
    const auto bytes = wire::encode(source.packet());
    for (std::size_t size = 0; size < bytes.size();
         size += 1 + source.below(20))
      EXPECT_FALSE(wire::decode<multicast_packet>(bytes.substr(0, size)));
    EXPECT_FALSE(wire::decode<multicast_packet>(bytes + '\0'));
  }
}

TEST(MulticastInspect, ForeignBytesDoNoHarm) {
  random_packets source{rng{3}};
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = source.flag() ? wire::encode(source.packet())
                               : "\2" + source.bytes(1'398);
    for (auto left = source.below(6); left > 0 && !bytes.empty(); --left)
      bytes[source.below(bytes.size())] = static_cast<char>(source.below(256));
    if (const auto got = wire::decode<multicast_packet>(bytes); got)
      (void) is_valid(*got);
  }
  EXPECT_FALSE(wire::decode<multicast_packet>(""));
  EXPECT_FALSE(wire::decode<multicast_packet>(std::string(1'399, '\1')));
}

TEST(MulticastInspect, WhatNobodyMeansIsNotValid) {
  random_packets source{rng{4}};
  const auto with = [&](multicast_part part) {
    auto x = source.header();
    x.parts.push_back(std::move(part));
    return x;
  };
  EXPECT_TRUE(is_valid(source.header()));
  EXPECT_FALSE(is_valid(multicast_packet{}));
  multicast_data data{source.body()};
  EXPECT_TRUE(is_valid(with(data)));
  data.body.bytes.resize(multicast_body_bytes_max + 1);
  EXPECT_FALSE(is_valid(with(data)));
  data = {source.body()};
  data.body.kind = body_kind{5};
  EXPECT_FALSE(is_valid(with(data)));
  EXPECT_FALSE(is_valid(with(multicast_order{})));
  commit_members commit{source.configuration(), {}, {}, {}, {}};
  EXPECT_TRUE(is_valid(with(commit)));
  auto twice = commit;
  twice.next.members.push_back(twice.next.members.back());
  EXPECT_FALSE(is_valid(with(twice)));
  commit.next.members.clear();
  EXPECT_FALSE(is_valid(with(commit)));
  multicast_nack nack;
  nack.orders.resize(nack_places_max + 1, 1);
  EXPECT_FALSE(is_valid(with(nack)));
}

static_assert(multicast_bytes_max == wire::body_bytes_max);

} // namespace
} // namespace dfs::msg
