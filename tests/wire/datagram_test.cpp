#include "wire/datagram.hpp"

#include "support/golden.hpp"
#include "wire/opener.hpp"
#include "wire/sealer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

namespace dfs::wire {
namespace {

std::string to_hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (auto byte : bytes) {
    text += digits[static_cast<std::uint8_t>(byte) >> 4];
    text += digits[static_cast<std::uint8_t>(byte) & 15];
  }
  return text;
}

std::map<std::string, std::string> sample() {
  std::map<std::string, std::string> values;
  std::istringstream file{test::golden("datagram.txt")};
  for (std::string line; std::getline(file, line);)
    if (const auto colon = line.find(": ");
        colon != std::string::npos && line.front() != '#')
      values[line.substr(0, colon)] = line.substr(colon + 2);
  return values;
}

datagram_header header_of(const std::map<std::string, std::string>& values) {
  return {static_cast<std::uint8_t>(std::stoi(values.at("generation"))),
          sender_of(*endpoint::parse(values.at("group address"))),
          boot_id{std::stoull(values.at("boot"), nullptr, 16)},
          std::stoull(values.at("counter"))};
}

// Nodes of two releases talk to each other: these bytes never change. They were
// made by other means than ours (Python's hmac and hashlib, libcrypto by hand).
TEST(Datagram, HasTheBytesOfTheGoldenFile) { // SPEC M8, O5
  const auto values = sample();
  const auto header = header_of(values);
  EXPECT_EQ(header.sender.value(),
            std::stoull(values.at("sender"), nullptr, 16));
  const auto ring = *key_ring::parse(values.at("cluster key"));
  datagram_key key;
  ASSERT_TRUE(key_deriver{ring}.derive(header.generation, header.sender,
                                       header.boot, key));
  EXPECT_EQ(to_hex({reinterpret_cast<const char*>(key.data()), key.size()}),
            values.at("key"));
  sealer seals{ring, header.sender, header.boot, header.counter};
  std::string datagram;
  EXPECT_EQ(seals.seal(values.at("body"), datagram), header.counter);
  EXPECT_EQ(to_hex(datagram), values.at("datagram"));
}

TEST(Datagram, ReadsTheHeaderItWrote) {
  const auto values = sample();
  const auto header = header_of(values);
  const auto bytes = encode_header(header);
  std::string datagram{bytes.begin(), bytes.end()};
  datagram.append(seal_tag_bytes + 1, 'x');
  EXPECT_EQ(decode_header(datagram), header);
  datagram.pop_back(); // A body has a byte at least.
  EXPECT_FALSE(decode_header(datagram));
  datagram.append(datagram_bytes_max, 'x');
  EXPECT_TRUE(decode_header(datagram.substr(0, datagram_bytes_max)));
  EXPECT_FALSE(decode_header(datagram.substr(0, datagram_bytes_max + 1)));
}

TEST(Datagram, ReadsTheChallengeAndTheAnswerItWrote) {
  const challenge asked{0x01020304, 0x0506, {1, 2, 3, 4, 5, 6, 7, 8}};
  const auto body = encode_challenge(asked);
  EXPECT_EQ(to_hex(body), "000403020106050102030405060708");
  EXPECT_EQ(decode_challenge(body), asked);
  EXPECT_FALSE(decode_challenge(body + "x"));
  EXPECT_FALSE(decode_challenge(body.substr(1)));
  const answer_prefix prefix{asked.proof, 0x0908};
  std::string answer;
  encode_answer(prefix, "\1a", answer);
  EXPECT_EQ(to_hex(answer), "ff010203040506070808090161");
  EXPECT_EQ(decode_answer(answer), prefix);
  EXPECT_FALSE(decode_answer(answer.substr(0, answer_prefix_bytes)));
  for (auto of_the_seal : {challenge_protocol, answer_protocol}) {
    encode_answer(prefix, {reinterpret_cast<const char*>(&of_the_seal), 1},
                  answer);
    EXPECT_FALSE(decode_answer(answer));
  }
}

} // namespace
} // namespace dfs::wire
