#include "settings/value.hpp"

#include "settings/suggest.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace dfs::settings {
namespace {

TEST(Duration, TakesWhatItPrints) {
  const std::pair<const char*, std::int64_t> samples[]{
    {"0ms", 0},     {"500ms", 500},  {"3s", 3'000},     {"1500ms", 1'500},
    {"1m", 60'000}, {"90s", 90'000}, {"2h", 7'200'000}, {"10d", 864'000'000},
  };
  for (auto [text, ms] : samples) {
    auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, ms);
    EXPECT_EQ(duration_text(ms), text);
  }
  EXPECT_EQ(*parse_duration("1m30s"), 90'000);
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text :
       {"", "5", "s", "5 s", "-5s", "1.5s", "5S", "30s1m", "1s1s", "1s1",
        "99999999999999999d", "9223372036854775807ms1ms", "5s "})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Size, TakesWhatItPrintsAndNothingElse) {
  const std::pair<const char*, std::int64_t> samples[]{
    {"0B", 0},
    {"1000B", 1000},
    {"64KiB", 65'536},
    {"1MiB", 1 << 20},
    {"1536KiB", 3 << 19},
    {"2GiB", std::int64_t{2} << 30},
    {"1TiB", std::int64_t{1} << 40},
  };
  for (auto [text, bytes] : samples) {
    auto parsed = parse_size(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, bytes);
    EXPECT_EQ(size_text(bytes), text);
  }
  for (const char* text :
       {"", "64", "64KB", "64kib", "1MiB1KiB", "-1B", "KiB", "9999999999TiB"})
    EXPECT_FALSE(parse_size(text)) << text;
}

// SPEC S4: wrong type, impossible value: what it is and what would be right.
TEST(Convert, SaysWhatWouldBeRight) {
  const shape port{kind::number, 1, 65535, {}};
  const shape wait{kind::duration, 100, 60'000, {}};
  const shape room{kind::size, 1 << 10, 1 << 20, {}};
  const shape on{kind::boolean};
  const shape format{kind::choice, 0, 0, {"text", "json"}};
  const shape peers{kind::endpoints};
  const shape levels{kind::levels, 0, 0, {"info", "debug"}};
  const std::tuple<shape, raw_value, const char*> samples[]{
    {port, words{"70000"}, "70000 is out of range; give one from 1 to 65535"},
    {port, words{"x"}, "'x' is no whole number; give one from 1 to 65535"},
    {port, words{""}, "'' is no whole number; give one from 1 to 65535"},
    {port, std::int64_t{0}, "0 is out of range; give one from 1 to 65535"},
    {port, std::string{"7401"},
     "is the text \"7401\"; give a whole number without quotes"},
    {port, other_type{"a number with a fraction"},
     "is a number with a fraction; give a whole number without quotes"},
    {wait, std::int64_t{5},
     "is the number 5; give a duration in quotes, such as \"500ms\" or \"3s\""},
    {wait, std::string{"5"}, "'5' is no duration; give one from 100ms to 1m"},
    {wait, words{"2m"}, "2m is out of range; give one from 100ms to 1m"},
    {room, std::string{"2MiB"},
     "2MiB is out of range; give one from 1KiB to 1MiB"},
    {on, words{"yes"}, "'yes' is neither true nor false"},
    {on, std::string{"true"},
     "is the text \"true\"; give true or false without quotes"},
    {format, std::string{"xml"}, "'xml' is none of: text, json"},
    {format, true, "is true; give one of its words in quotes"},
    {peers, words{"a:1"},
     "'a:1' is no address to reach somebody at; give "
     "IP:PORT, such as 10.0.0.5:7401 or [::1]:7401"},
    {peers, list{"0.0.0.0:7401"},
     "'0.0.0.0:7401' is no address to reach somebody at; give IP:PORT, such as "
     "10.0.0.5:7401 or [::1]:7401"},
    {peers, std::string{"1.2.3.4:5"},
     "is the text \"1.2.3.4:5\"; give a list, such as [\"10.0.0.5:7401\"]"},
    {levels, dictionary{{"gate", "loud"}},
     "gate: 'loud' is none of: info, debug"},
    {levels, words{"gate"},
     "'gate' is no SUBSYSTEM=LEVEL; give some, separated "
     "by commas"},
    {shape{kind::address}, std::string{"localhost"},
     "'localhost' is no IP address; give one such as 10.0.0.5 or 2001:db8::5"},
    {shape{kind::name}, words{"Node 1"},
     "'Node 1' is no name; give 1 to 32 of a-z, 0-9 and '-', no '-' first"},
    {shape{kind::path}, std::string{"a\nb"},
     "holds a control character; take it out"},
  };
  for (const auto& [wanted, raw, text] : samples) {
    const auto outcome = convert(wanted, raw);
    ASSERT_FALSE(outcome) << text;
    EXPECT_EQ(outcome.error().context, text);
  }
}

TEST(Convert, SaysWhatATableOrAListLooksLike) {
  const shape quorums{kind::quorums};
  const std::tuple<shape, raw_value, const char*> samples[]{
    {shape{kind::levels}, std::string{"x"},
     "is the text \"x\"; give a table, such as { gate = \"debug\" }"},
    {shape{kind::paths}, true,
     "is true; give a list, such as [\"/srv/a\", \"/srv/b\"]"},
    {quorums, std::string{"5:3:3"},
     "is the text \"5:3:3\"; give a table, such as { \"/docs\" = \"5:3:3\" }"},
    {quorums, words{"/docs"},
     "'/docs' is no PATH=N:W:R; give some, separated by commas"},
    {quorums, dictionary{{"/docs", "5:2"}},
     "/docs: 2 W > N is broken: W = 2, N = 5; W has to be 3 at least"},
    {quorums, dictionary{{"/docs", "five"}},
     "/docs: 'five' is no N, N:W or N:W:R, such as 5:3:3"},
  };
  for (const auto& [wanted, raw, text] : samples) {
    const auto outcome = convert(wanted, raw);
    ASSERT_FALSE(outcome) << text;
    EXPECT_EQ(outcome.error().context, text);
  }
}

TEST(Convert, TakesTheSameFromAFileAndFromWords) {
  const std::tuple<shape, raw_value, const char*> samples[]{
    {{kind::number, 0, 9, {}}, std::int64_t{7}, "7"},
    {{kind::boolean}, true, "true"},
    {{kind::duration, 0, 9'999, {}}, std::string{"2s"}, "2s"},
    {{kind::endpoints}, list{"1.2.3.4:5", "[::1]:6"}, "1.2.3.4:5,[::1]:6"},
    {{kind::endpoints}, list{}, ""},
    {{kind::levels, 0, 0, {"info"}}, dictionary{{"gate", "info"}}, "gate=info"},
    {{kind::quorums}, dictionary{{"/docs", "5:3:3"}}, "/docs=5:3:3"},
    {{kind::address}, std::string{"2001:DB8::1"}, "2001:db8::1"},
  };
  for (const auto& [wanted, raw, text] : samples) {
    const auto from_file = convert(wanted, raw);
    const auto from_words = convert(wanted, words{text});
    ASSERT_TRUE(from_file) << text;
    ASSERT_TRUE(from_words) << text;
    EXPECT_EQ(*from_file, *from_words);
    EXPECT_EQ(to_text(wanted, *from_file), text);
  }
}

TEST(Suggest, FindsSlipsAndNothingFarOff) {
  const std::vector<std::string> words{"group.port", "group.ping_port",
                                       "members"};
  EXPECT_EQ(closest("group.prot", words), "group.port");
  EXPECT_EQ(closest("memebrs", words), "members");
  EXPECT_EQ(closest("membr", words), "");
  EXPECT_EQ(closest("member", words), "members");
  EXPECT_EQ(closest("xyzzy", words), "");
  EXPECT_EQ(closest("", words), "");
  EXPECT_EQ(closest(std::string(100'000, 'm'), words), "");
  EXPECT_EQ(did_you_mean("memebrs", words), " (did you mean 'members'?)");
}

} // namespace
} // namespace dfs::settings
