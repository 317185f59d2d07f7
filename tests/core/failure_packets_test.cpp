#include "failure_network.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

// The bytes of every kind of packet are frozen: nodes of two releases meet in
// one group. And whatever bytes come, they change nothing unless they make
// sense (I10).

namespace dfs::core::test {
namespace {

msg::member_id sender() {
  return make_record(1).id;
}

msg::member_id other() {
  auto id = make_record(2).id;
  id.ip = *ip_address::parse("2001:db8::2");
  return id;
}

msg::news_item failure() {
  msg::news_item x{
    msg::member_change::failed, msg::news_reason::silent_for_two, {}, sender()};
  x.member.id = make_record(3).id;
  return x;
}

msg::gossip_digests some_digests() {
  msg::gossip_digests x;
  x.buckets[0] = 0x0102030405060708;
  x.buckets[63] = 0xff;
  return x;
}

struct sample {
  const char* name;
  msg::gossip_body body;
  std::string golden; ///< Hexadecimal.
};

// 10.0.0.1:7401@1700000000000 is 04 0a000001 e91c 80d095ffbc31.
const std::string from_hex = "040a000001e91c80d095ffbc31";
const std::string other_hex
  = "0620010db8000000000000000000000002e91c80d095ffbc31";
const std::string third_hex = "040a000003e91c80d095ffbc31";
const std::string record_hex = from_hex
                               + "066e6f64652d31" // "node-1"
                                 "0401e81cea1ceb1cec1c"
                                 "047a6f6e65"   // "zone"
                                 "05302e312e30" // "0.1.0"
                                 "00";          // no master

std::vector<sample> samples() {
  const auto record = make_record(1);
  const auto hash = msg::stable_hash(record.id);
  return {
    {"ping", msg::gossip_ping{0x1234, 0xa1b2c3d4, 0x1122334455667788, {}, {}},
     "0101" + from_hex + "3412" + "d4c3b2a1" + "8877665544332211"},
    {"ping to a suspect", msg::gossip_ping{1, 2, 3, 300, {failure()}},
     "01c1" + from_hex + "0100" + "02000000" + "0300000000000000" + "ac02"
       + "01" + "0304" + third_hex + from_hex},
    {"ack", msg::gossip_ack{0x1234, 7, 0x1122334455667788, {}},
     "0102" + from_hex + "3412" + "07" + "8877665544332211"},
    {"ping-request", msg::gossip_ping_request{9, other(), {}},
     "0103" + from_hex + "0900" + other_hex},
    {"relayed-ack", msg::gossip_relayed_ack{9, other(), 2},
     "0104" + from_hex + "0900" + other_hex + "02"},
    {"suspicion", msg::gossip_suspicion{other(), 1, 900},
     "0105" + from_hex + other_hex + "01" + "8407"},
    {"alive", msg::gossip_alive{other(), 2},
     "0106" + from_hex + other_hex + "02"},
    {"watch-request", msg::gossip_watch_request{}, "0107" + from_hex},
    {"introduction",
     msg::gossip_introduction{msg::introduction_kind::welcome, record, 5, 3, 7,
                              8, 9},
     "0108" + from_hex + "03" + record_hex + "0500000000000000" + "0307"
       + "0800000000000000" + "09"},
    {"refusal", msg::gossip_refusal{other(), 15, "no"},
     "0109" + from_hex + other_hex + "0f" + "026e6f00"},
    {"news",
     msg::gossip_news{3,
                      {failure(),
                       {msg::member_change::joined, msg::news_reason::admitted,
                        record, other()}}},
     "010a" + from_hex + "0300" + "02" + "0304" + third_hex + from_hex + "0101"
       + record_hex + other_hex},
    {"news-ack", msg::gossip_news_ack{3}, "010b" + from_hex + "0300"},
    {"digests", some_digests(),
     "010c" + from_hex + "0807060504030201" + std::string(62 * 16, '0')
       + "ff00000000000000"},
    {"page", msg::gossip_page{1, hash, hash, true, {record}},
     "010d" + from_hex + "0100000000000000" + "HASHHASH" + "01" + "01"
       + record_hex},
  };
}

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

TEST(FailurePackets, KeepTheirBytes) {
  // Of make_record(1).id: where it is on the ring is frozen with the bytes.
  constexpr std::uint64_t hash = 0xd67c3c33bb3e2733;
  ASSERT_EQ(msg::stable_hash(make_record(1).id), hash);
  for (const auto& [name, body, golden] : samples()) {
    const msg::gossip_packet packet{sender(), body};
    auto expected = golden;
    if (const auto at = expected.find("HASHHASH"); at != std::string::npos) {
      std::string fixed;
      for (int i = 0; i < 8; ++i)
        fixed += static_cast<char>(hash >> (8 * i));
      expected.replace(at, 8, to_hex(fixed) + to_hex(fixed));
    }
    EXPECT_EQ(to_hex(wire::encode(packet)), expected) << name;
    const auto back = wire::decode<msg::gossip_packet>(wire::encode(packet));
    ASSERT_TRUE(back) << name;
    EXPECT_EQ(*back, packet) << name;
    EXPECT_TRUE(msg::validate(*back)) << name;
    EXPECT_EQ(
      std::string{name}.find(msg::gossip_kind_name(msg::kind_of(packet))), 0u);
  }
}

TEST(FailurePackets, CoverEveryKind) {
  std::set<std::uint8_t> kinds;
  for (const auto& x : samples())
    kinds.insert(msg::kind_of({sender(), x.body}));
  EXPECT_EQ(kinds.size(), msg::gossip_kind_count - 1);
  EXPECT_FALSE(kinds.contains(0));
}

// SPEC M3: 18 packets a second have to fit into 1.9 KB, seal included.
TEST(FailurePackets, AreSmallWhenIdle) {
  const msg::gossip_packet ping{sender(),
                                msg::gossip_ping{65535, ~0u, ~0ull, {}, {}}};
  const msg::gossip_packet ack{sender(), msg::gossip_ack{65535, 9, ~0ull, {}}};
  EXPECT_LE(wire::encode(ping).size(), 30u);
  EXPECT_LE(wire::encode(ack).size(), 26u);
}

TEST(FailurePackets, AreNoLargerThanReckoned) {
  auto record = make_record(1);
  record.id = other();
  record.id.start_ms = msg::start_ms_max;
  record.store = store_id{~0ull};
  record.name = std::string(msg::record_name_bytes_max, 'x');
  record.zone = std::string(msg::record_zone_bytes_max, 'x');
  record.version = std::string(msg::record_version_bytes_max, 'x');
  ASSERT_TRUE(msg::validate(record));
  const msg::news_item joined{msg::member_change::joined,
                              msg::news_reason::admitted, record, record.id};
  const auto size_with = [&](std::vector<msg::news_item> items) {
    return wire::encode(msg::gossip_packet{
                          record.id, msg::gossip_news{1, std::move(items)}})
      .size();
  };
  EXPECT_LE(size_with({joined, joined}) - size_with({joined}),
            msg::encoded_bytes_max(joined));
  EXPECT_LE(size_with({failure(), failure()}) - size_with({failure()}),
            msg::encoded_bytes_max(failure()));
  const auto piggyback = 400u;
  EXPECT_GE(piggyback, msg::encoded_bytes_max(joined));
}

// I10: every prefix, and every single wrong byte, is refused or harmless.
TEST(FailurePackets, DamagedOnesNeverAbort) {
  network net{1, {}};
  net.start_group(3);
  rng random{5};
  for (const auto& x : samples()) {
    const auto bytes = wire::encode(msg::gossip_packet{sender(), x.body});
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(wire::decode<msg::gossip_packet>(bytes.substr(0, size)))
        << x.name << " cut at " << size;
    for (int i = 0; i < 2'000; ++i) {
      auto damaged = bytes;
      for (auto left = 1 + random.below(3); left > 0; --left)
        damaged[random.below(damaged.size())]
          = static_cast<char>(random.below(256));
      if (auto packet = wire::decode<msg::gossip_packet>(damaged)) {
        (void) net.machine(2).on_packet(*packet, make_record(1).ping_address(),
                                        net.now());
        net.machine(2).check();
      }
    }
  }
}

// I10: what decodes and cannot be, field by field.
TEST(FailurePackets, AbsurdOnesChangeNothing) {
  network net{1, {}};
  net.start_group(3);
  net.changes();
  const auto digest = net.machine(2).members().digest();
  auto refused = [&](msg::gossip_body body, msg::member_id from = sender()) {
    const msg::gossip_packet packet{from, std::move(body)};
    EXPECT_FALSE(msg::validate(packet));
    EXPECT_TRUE(net.inject(2, packet, make_record(1).id.address()).empty());
  };
  const auto joining = [](auto change) {
    auto record = make_record(9);
    change(record);
    return msg::gossip_news{0,
                            {{msg::member_change::joined,
                              msg::news_reason::admitted, record, sender()}}};
  };
  refused(std::monostate{});
  refused(joining([](auto& x) { x.name.clear(); }));
  refused(joining([](auto& x) { x.name = std::string(33, 'x'); }));
  refused(joining([](auto& x) { x.zone = std::string(33, 'x'); }));
  refused(joining([](auto& x) { x.version = std::string(17, 'x'); }));
  refused(joining([](auto& x) { x.roles = 0; }));
  refused(joining([](auto& x) { x.roles = 16; }));
  refused(joining([](auto& x) { x.ping_port = 0; }));
  refused(joining([](auto& x) { x.ping_port = x.id.group_port; }));
  refused(joining([](auto& x) { x.id.group_port = 0; }));
  refused(joining([](auto& x) { x.id.start_ms = 0; }));
  refused(joining([](auto& x) { x.id.start_ms = msg::start_ms_max + 1; }));
  refused(joining([](auto& x) { x.id.ip = ip_address{}; }));
  refused(msg::gossip_watch_request{}, msg::member_id{});
  refused(msg::gossip_news{1, {}});
  refused(msg::gossip_news_ack{0});
  auto strange = failure();
  strange.reason = msg::news_reason::goodbye;
  refused(msg::gossip_news{0, {strange}});
  strange.change = static_cast<msg::member_change>(9);
  refused(msg::gossip_ack{1, 0, 0, {strange}});
  refused(msg::gossip_suspicion{sender(), 0, 0});
  refused(msg::gossip_suspicion{other(), 0, msg::suspicion_age_ms_max + 1});
  refused(msg::gossip_ping_request{1, sender(), {}});
  refused(msg::gossip_relayed_ack{1, sender(), 0});
  refused(
    msg::gossip_introduction{msg::introduction_kind::hello, make_record(9), 0});
  refused(msg::gossip_introduction{static_cast<msg::introduction_kind>(4),
                                   make_record(1), 0});
  refused(msg::gossip_introduction{msg::introduction_kind::hello,
                                   make_record(1), 0, 1, 1, 0,
                                   msg::start_ms_max + 1});
  refused(msg::gossip_introduction{msg::introduction_kind::hello,
                                   make_record(1), 0, 1, msg::start_ms_max + 1,
                                   0, 0});
  refused(msg::gossip_refusal{other(), 0, "no"});
  refused(msg::gossip_refusal{other(), 1, std::string(201, 'x')});
  refused(msg::gossip_page{0, 2, 1, false, {}});
  refused(msg::gossip_page{0, 0, 0, false, {make_record(9)}});
  EXPECT_EQ(net.machine(2).members().digest(), digest);
  EXPECT_TRUE(net.changes().empty());
}

// An IPv6 path of the least MTU: headers of IPv6 and UDP, and the seal.
TEST(FailurePackets, PassTheSmallestTunnel) {
  constexpr std::size_t headers = 40 + 8;
  constexpr std::size_t seal = 53; // docs/protocols/seal.md
  EXPECT_LE(msg::gossip_bytes_max + seal + headers, 1'280u);
}

} // namespace
} // namespace dfs::core::test
