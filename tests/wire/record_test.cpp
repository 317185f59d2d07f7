#include "wire/record.hpp"

#include "base/rng.hpp"
#include "support/golden.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::wire {
namespace {

using records = std::vector<std::pair<record_id, std::string>>;

record_id id(std::uint64_t writer, std::uint64_t sequence) {
  return {writer_id{writer}, sequence};
}

std::string record(record_id x, std::string_view payload) {
  std::string bytes;
  append_record(bytes, x, payload);
  return bytes;
}

records scan(record_scanner& scanner, std::string_view bytes,
             std::size_t piece = std::string::npos) {
  records found;
  const auto keep = [&](record_id x, std::string_view payload) {
    found.emplace_back(x, payload);
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    scanner.take(bytes.substr(0, piece), keep);
  scanner.finish(keep);
  return found;
}

std::string value_of(const std::string& text, const std::string& name) {
  const auto at = text.find("\n" + name + ": ") + name.size() + 3;
  return text.substr(at, text.find('\n', at) - at);
}

// SPEC G8, O5: what version 1 wrote, every later version reads.
TEST(Record, HasTheBytesOfTheGoldenSample) {
  const auto golden = test::golden("record_1");
  const auto hex = value_of(golden, "record");
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  const auto payload = value_of(golden, "payload");
  const auto named = id(std::stoull(value_of(golden, "writer"), nullptr, 16),
                        std::stoull(value_of(golden, "sequence")));
  EXPECT_EQ(record(named, payload), bytes);
  record_scanner scanner;
  EXPECT_EQ(scan(scanner, bytes), (records{{named, payload}}));
  EXPECT_EQ(scanner.skipped(), 0u);
}

// Goal: every whole record is found, nothing else is, however the stream is cut
// and whatever stands between (SPEC G8, I2, I3). Method: random records with
// random junk between, among it magics and torn records; random pieces.
TEST(Record, IsFoundAmongTornAndForeignBytes) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    records sent;
    std::string bytes;
    std::uint64_t junk = 0;
    for (std::uint64_t i = 1; i <= 20; ++i) {
      std::string payload(random.below(random.one_in(5) ? 9'000 : 60), '\0');
      for (auto& c : payload)
        c = static_cast<char>(random.below(256));
      if (random.one_in(3)) // A record inside a record is not seen.
        payload += record(id(9, i), "inner");
      auto whole = record(id(1 + random.below(3), i), payload);
      switch (random.below(4)) {
        case 0: // Torn: its end never came.
          whole.resize(random.below(record_header_size));
          break;
        case 1: // A bit flipped in header or checksums.
          whole[random.below(record_header_size)] ^= 1;
          if (payload.find("inner") != std::string::npos)
            sent.emplace_back(id(9, i), "inner");
          break;
        default:
          sent.emplace_back(record_id{writer_id{std::uint8_t(whole[16])}, i},
                            payload);
      }
      bytes += whole;
      if (random.one_in(2))
        bytes += "%%%%\xd7"
                 "DR";
    }
    for (const auto& [name, payload] : sent)
      junk += record_header_size + payload.size();
    junk = bytes.size() - junk;
    record_scanner scanner;
    EXPECT_EQ(scan(scanner, bytes, 1 + random.below(500)), sent);
    EXPECT_EQ(scanner.skipped(), junk);
  }
}

TEST(Record, ThatIsCutShortHidesNoOther) { // SPEC G8
  const auto inner = record(id(2, 1), "inner");
  const auto outer = record(id(1, 1), inner + std::string(1'000, 'x'));
  record_scanner scanner;
  EXPECT_EQ(scan(scanner, outer.substr(0, outer.size() - 1)),
            (records{{id(2, 1), "inner"}}));
}

TEST(Record, HoldsNoMemoryForALengthThatNobodyVouchesFor) { // I1
  auto bytes = record(id(1, 1), "x");
  bytes[10] = 0x7f; // 8 MiB, says the header.
  record_scanner scanner;
  bytes += record(id(1, 2), "y");
  const auto found = scan(scanner, bytes);
  EXPECT_EQ(found, (records{{id(1, 2), "y"}}));
}

// Goal: a filter answers as a set would. Method: random sequences, compared.
TEST(RecordFilter, KnowsWhatItHasSeen) { // SPEC G8
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    record_filter filter;
    std::set<record_id> seen;
    for (int i = 0; i < 1'000; ++i) {
      const auto x = id(random.below(4), 1 + random.below(300));
      ASSERT_EQ(filter.is_new(x), seen.insert(x).second);
    }
  }
}

TEST(RecordFilter, ForgetsTheOldestWriterWhenThereAreTooMany) {
  record_filter filter;
  for (std::uint64_t writer = 1; writer <= 65'537; ++writer)
    ASSERT_TRUE(filter.is_new(id(writer, 1)));
  EXPECT_FALSE(filter.is_new(id(65'537, 1)));
  EXPECT_FALSE(filter.is_new(id(2, 1)));
  EXPECT_TRUE(filter.is_new(id(1, 1)));
}

} // namespace
} // namespace dfs::wire
