#include "settings/load.hpp"

#include "base/rng.hpp"
#include "settings/toml_file.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace dfs::settings {
namespace {

using namespace std::chrono_literals;

constexpr auto introducer = static_cast<audience>(msg::role::introducer);
constexpr auto chunkserver = static_cast<audience>(msg::role::chunkserver);

constexpr auto minimal = R"([node]
data_dir = "data"
bind = "10.0.0.5"
[security]
bundle = "/keys"
)";

struct Load : testing::Test {
  test::temp_dir place;

  result<loaded> from(const std::string& text, std::vector<std::string> flags,
                      audience whom = introducer,
                      std::vector<std::string> environment = {}) {
    return load(
      {place.write("x.toml", text), std::move(environment), std::move(flags)},
      whom);
  }

  // The faults, with the file's name cut to "x.toml".
  std::string faults(const std::string& text,
                     std::vector<std::string> flags = {},
                     audience whom = introducer,
                     std::vector<std::string> environment = {}) {
    auto found = from(text, std::move(flags), whom, std::move(environment));
    if (found)
      return "none";
    EXPECT_EQ(found.error().code, ec::configuration);
    auto said = found.error().context;
    const auto directory = place.path() + "/";
    for (auto at = said.find(directory); at != std::string::npos;
         at = said.find(directory))
      said.erase(at, directory.size());
    return said;
  }
};

const effective_value& shown(const loaded& x, const std::string& key) {
  for (const auto& each : x.effective)
    if (each.key == key)
      return each;
  ADD_FAILURE() << key;
  return x.effective.front();
}

TEST_F(Load, FillsWhatIsLeftOut) {
  const auto x = from(minimal, {});
  ASSERT_TRUE(x) << x.error().context;
  const auto& node = x->server;
  EXPECT_EQ(node.node.data_dir, place / "data"); // Relative to the file.
  EXPECT_EQ(node.group.log, place / "data/membership.log");
  EXPECT_EQ(to_string(node.node.advertise), "10.0.0.5");
  EXPECT_EQ(node.group.ping_port, 7400);
  EXPECT_EQ(node.group.port, 7401);
  EXPECT_EQ(node.control.port, 7402);
  EXPECT_EQ(node.stream.port, 7403);
  EXPECT_EQ(node.http.port, 7404);
  EXPECT_TRUE(node.http.bind.is_loopback());
  EXPECT_EQ(node.failure.probe_period, core::failure_config{}.probe_period);
  EXPECT_EQ(node.log.level, "info");
}

// SPEC S4: file < environment < flags, and each value says where it is from.
TEST_F(Load, LaterSourcesOverrideEarlierOnes) {
  const auto text = std::string{minimal}
                    + "[group]\nport = 1001\nping_port = 1002\n"
                      "[control]\nport = 1003\n";
  const auto x
    = from(text, {"--group.port=3001"}, introducer,
           {"DFSNODE_GROUP_PORT=2001", "DFSNODE_GROUP_PING_PORT=2002",
            "HOME=/root", "DFSNODE_CONFIG=/elsewhere"});
  ASSERT_TRUE(x) << x.error().context;
  EXPECT_EQ(x->server.group.port, 3001);
  EXPECT_EQ(x->server.group.ping_port, 2002);
  EXPECT_EQ(x->server.control.port, 1003);
  EXPECT_EQ(shown(*x, "group.port").where, "--group.port");
  EXPECT_EQ(shown(*x, "group.ping_port").where, "DFSNODE_GROUP_PING_PORT");
  EXPECT_EQ(shown(*x, "control.port").where, place / "x.toml:10:1");
  EXPECT_EQ(shown(*x, "stream.port").where, "default");
  EXPECT_EQ(x->effective.size(), table().size());
}

// Every row reaches its own field: what is set is what is shown and stored.
TEST_F(Load, EveryRowIsReadFromEverySource) {
  for (const auto& row : table()) {
    if (row.fallback.empty())
      continue;
    const auto text
      = std::string{minimal} + "[group]\n"; // Sections may be empty.
    const std::string advertise = "--node.advertise=10.0.0.5";
    const auto by_flag = from(
      text, {advertise, flag_name(row.key) + "=" + row.fallback}, introducer);
    ASSERT_TRUE(by_flag) << row.key << by_flag.error().context;
    EXPECT_EQ(shown(*by_flag, row.key).from, source::flag) << row.key;
    const auto by_variable
      = from(text, {advertise}, introducer,
             {environment_name(row.key) + "=" + row.fallback});
    ASSERT_TRUE(by_variable) << row.key << by_variable.error().context;
    EXPECT_EQ(shown(*by_variable, row.key).from, source::environment);
  }
}

TEST_F(Load, TypesOfAllSorts) {
  const auto x = from(std::string{minimal} + R"([group]
introducers = ["10.0.0.1:7401", "[2001:db8::1]:7401"]
receive_buffer = "2MiB"
[failure]
probe_period = "750ms"
[http]
public = true
bind = "10.0.0.5"
[log]
levels = { gate = "debug", front-door = "trace" }
[client]
contacts = ["10.0.0.1:7403"]
bundle = "alice"
)",
                      {});
  ASSERT_TRUE(x) << x.error().context;
  EXPECT_EQ(to_string(x->server.group.introducers.at(1)), "[2001:db8::1]:7401");
  EXPECT_EQ(x->server.group.receive_buffer, 2u << 20);
  EXPECT_EQ(x->server.failure.probe_period, 750ms);
  EXPECT_TRUE(x->server.http.is_public);
  EXPECT_EQ(x->server.log.levels.at("front-door"), "trace");
  EXPECT_EQ(x->client.bundle, place / "alice");
  EXPECT_EQ(x->client.timeout, 10s);
}

// SPEC S4, bad input: all faults in one pass, each with its place and remedy.
TEST_F(Load, SaysAllFaultsAtOnce) {
  EXPECT_EQ(faults(R"([group]
prot = 7401
port = "7401"
ping_port = 70000

[log]
level = "loud"
[nonsense]
x = 1
[failure]
probe_period = 500
)",
                   {"--log.lvel=info", "--http.port=x"}, introducer,
                   {"DFSNODE_GROUP_PROT=1", "DFSNODE_STREAM_PORT=0"}),
            "x.toml:2:1: group.prot: unknown key; did you mean group.port?\n"
            "x.toml:3:1: group.port: is the text \"7401\"; give a whole number "
            "without quotes\n"
            "x.toml:4:1: group.ping_port: 70000 is out of range; give one from "
            "1 to 65535\n"
            "x.toml:7:1: log.level: 'loud' is none of: trace, debug, info, "
            "warning, error, critical, off\n"
            "x.toml:9:1: nonsense.x: unknown key; see `dfsnode config "
            "reference`\n"
            "x.toml:11:1: failure.probe_period: is the number 500; give a "
            "duration in quotes, such as \"500ms\" or \"3s\"\n"
            "DFSNODE_GROUP_PROT: no setting has this variable; did you mean "
            "DFSNODE_GROUP_PORT?\n"
            "DFSNODE_STREAM_PORT: stream.port: 0 is out of range; give one "
            "from 1 to 65535\n"
            "--log.lvel: unknown setting; did you mean log.level?\n"
            "--http.port: http.port: 'x' is no whole number; give one from 0 "
            "to 65535");
}

TEST_F(Load, SaysAllFaultsOfAList) {
  EXPECT_EQ(faults(std::string{minimal}
                   + "[group]\nintroducers = [\"a:1\", \"10.0.0.5:1\", "
                     "\"10.0.0.6\"]\n"),
            "x.toml:7:1: group.introducers: 'a:1', '10.0.0.6' are no addresses "
            "to reach somebody at; give IP:PORT, such as 10.0.0.5:7401 or "
            "[::1]:7401");
}

// The address to give is missing; what asks for it stands on a line.
TEST_F(Load, SaysWhereAnAddressComesFromThatNobodyReaches) {
  const std::string text = "[node]\ndata_dir = \"data\"\nbind = \"0.0.0.0\"\n"
                           "[security]\nbundle = \"/keys\"\n";
  EXPECT_THAT(faults(text),
              testing::StartsWith("x.toml:3:1: node.advertise: node.bind is "
                                  "0.0.0.0, all addresses of this machine;"));
  EXPECT_THAT(faults(text, {"--node.bind=::"}),
              testing::StartsWith("--node.bind: node.advertise: node.bind is"));
  EXPECT_THAT(faults(text, {"--node.advertise=0.0.0.0"}),
              testing::StartsWith("--node.advertise: node.advertise: "));
}

TEST_F(Load, TakesLevelsInAnyCase) {
  const auto x = from(std::string{minimal}
                        + "[log]\nlevel = \"WARNING\"\n"
                          "levels = { gate = \"Critical\" }\n",
                      {});
  ASSERT_TRUE(x) << x.error().context;
  EXPECT_EQ(x->server.log.level, "warning");
  EXPECT_EQ(x->server.log.levels.at("gate"), "critical");
}

// What people and disks do to a file: refused or read, never more than that.
TEST_F(Load, SurvivesWhateverAFileHolds) {
  for (const char* text : {"[[[",
                           "[[=",
                           "[[",
                           "[",
                           "]",
                           "=",
                           "[=",
                           "[a",
                           "[[a",
                           "[[a]",
                           "[a]]",
                           "a",
                           "a=",
                           "a=[",
                           "a={",
                           "a=\"",
                           "a='''",
                           "a=\"\"\"",
                           "\"",
                           "'",
                           ".",
                           "a.",
                           ".a=1",
                           "a..b=1",
                           "a=1 b=2",
                           "a=1\na=2",
                           "a=[1,",
                           "a={b=",
                           "a=+",
                           "a=0x",
                           "a=1e",
                           "a=1979-",
                           "a=1979-05-27T",
                           "a=\"\\u",
                           "[[a]]\n[a]",
                           "a=1\n[a]",
                           "\xff\xfe",
                           "\xef\xbb\xbf[[",
                           "\xc3",
                           "a=\"\\uD800\""})
    EXPECT_NE(faults(text), "none") << text;
  const std::string many(5'000, '[');
  std::string dotted = "a";
  for (auto i = 0; i < 100'000; ++i)
    dotted += ".a";
  for (const auto& text : {std::string(1, '\0'), many, "a=" + many,
                           dotted + "=1", "[" + dotted + "]"})
    EXPECT_NE(faults(text), "none") << text.substr(0, 40);
}

TEST_F(Load, SurvivesRandomFiles) {
  // Bytes of the grammar, so that the parser gets beyond the first.
  const std::string bytes = "[]{}=\"'.,#ab1-+:TZe_x\\u \t\n\r\xff\xc3";
  const std::uint64_t seed = 20'260'711;
  rng random{seed};
  for (auto i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto left = 1 + random.below(24); left > 0; --left)
      text += bytes[random.below(bytes.size())];
    if (const auto read = parse_toml(text, "x.toml"); !read)
      EXPECT_EQ(read.error().code, ec::configuration) << "seed " << seed;
  }
}

// Typed by hand: sections without keys, keys without sections, odd nesting.
TEST_F(Load, RefusesKeysInOddPlaces) {
  EXPECT_EQ(faults(std::string{minimal} + "[group]\n[log]\n"), "none");
  EXPECT_EQ(faults("[gruop]\n"), "x.toml:1:2: gruop: unknown key; see `dfsnode "
                                 "config reference`");
  EXPECT_EQ(faults("ping_port = 1\n"),
            "x.toml:1:1: ping_port: unknown key; did you mean "
            "group.ping_port?");
  EXPECT_EQ(faults("group.port.x = 1\n"),
            "x.toml:1:7: group.port: is a table of other things than texts; "
            "give a whole number without quotes");
  EXPECT_EQ(faults("[[group]]\nport = 1\n"),
            "x.toml:1:3: group: must be a table: write [group], and its keys "
            "on the lines below");
  for (const auto* what : {"5", "\"x\"", "[]", "[{}]", "1.5", "true"})
    EXPECT_THAT(faults("node = " + std::string{what} + "\n"),
                testing::StartsWith("x.toml:1:1: node: must be a table"))
      << what;
  EXPECT_EQ(faults("\"a\\nb\" = 1\n"),
            "x.toml:1:1: a?b: unknown key; see `dfsnode config reference`");
  EXPECT_EQ(faults("[http]\nport = 1.5\nbind = 1979-05-27\n"),
            "x.toml:2:1: http.port: is a number with a fraction; give a whole "
            "number without quotes\n"
            "x.toml:3:1: http.bind: is a date or a time; give an IP address in "
            "quotes");
}

TEST_F(Load, SaysWhatIsMissing) {
  EXPECT_EQ(faults("", {}, chunkserver),
            "x.toml: node.data_dir: is missing; add it to x.toml, or set "
            "DFSNODE_NODE_DATA_DIR or --node.data_dir\n"
            "x.toml: security.bundle: is missing; add it to x.toml, or set "
            "DFSNODE_SECURITY_BUNDLE or --security.bundle\n"
            "node.advertise: node.bind is 0.0.0.0, all addresses of "
            "this machine; set node.advertise to the one that others shall "
            "use\n"
            "group.introducers: is missing; name at least one "
            "introducer as IP:PORT (its group.port), or give this node the "
            "role introducer");
  EXPECT_THAT(faults("", {}, any_client),
              testing::AllOf(testing::HasSubstr("client.contacts: is missing"),
                             testing::HasSubstr("client.bundle: is missing"),
                             testing::Not(testing::HasSubstr("node."))));
  EXPECT_THAT(load({}, any_client).error().context,
              testing::HasSubstr("name a file with --config, or set "
                                 "DFSNODE_CLIENT_CONTACTS"));
}

TEST_F(Load, SaysWhereTheFileIsNoToml) {
  EXPECT_THAT(faults("[group\nport = 1\n"), testing::StartsWith("x.toml:1:"));
  EXPECT_THAT(faults("[group]\nport = 1\nport = 2\n"),
              testing::StartsWith("x.toml:3:"));
  EXPECT_THAT(faults(std::string(2 << 20, '#')),
              testing::HasSubstr("is larger than"));
  const auto missing = load({place / "none.toml", {}, {}}, introducer);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().context, "cannot read " + (place / "none.toml")
                                       + ": No such file or directory");
}

// SPEC S4: impossible combinations, said where the value was written.
TEST_F(Load, RefusesContradictions) {
  const std::pair<std::vector<std::string>, const char*> samples[]{
    {{"--group.port=7400"},
     "--group.port: group.port: group.ping_port and group.port are both 7400; "
     "give each its own port"},
    {{"--stream.port=7402"},
     "--stream.port: stream.port: control.port and stream.port are both 7402; "
     "give each its own port"},
    {{"--http.bind=0.0.0.0", "--http.public=true", "--http.port=7403"},
     "--http.port: http.port: stream.port and http.port are both 7403; give "
     "each its own port"},
    {{"--http.bind=0.0.0.0"},
     "--http.bind: http.bind: 0.0.0.0 lets other machines read metrics without "
     "a credential; set http.public = true if that is meant, or http.bind to "
     "127.0.0.1"},
    {{"--node.advertise=2001:db8::1"},
     "--node.advertise: node.advertise: 2001:db8::1 cannot be reached through "
     "node.bind 10.0.0.5: one is IPv4, the other IPv6; make both the same"},
    {{"--node.bind=127.0.0.1", "--node.advertise=10.0.0.5"},
     "--node.advertise: node.advertise: 10.0.0.5 cannot be reached: node.bind "
     "127.0.0.1 is for this machine only; set node.bind to it or to 0.0.0.0"},
    {{"--failure.suspect_after=200ms"},
     "--failure.suspect_after: failure.suspect_after: failure.escalate_after "
     "(300ms) is longer than failure.suspect_after (200ms); shorten it or "
     "lengthen the other"},
    {{"--stream.connections_max=10"},
     "--stream.connections_max: stream.connections_max: "
     "stream.connections_per_principal_max (128) is more than "
     "stream.connections_max (10); lower it or raise the other"},
  };
  for (const auto& [flags, text] : samples)
    EXPECT_EQ(faults(minimal, flags), text);
}

// SPEC V2: both rules are named, at start.
TEST_F(Load, RefusesQuorumsThatBreakARule) {
  const std::pair<std::vector<std::string>, const char*> samples[]{
    {{"--versions.copies=4", "--versions.write=2"},
     "--versions.write: versions.write: 2 W > N is broken: W = 2, N = 4; W has "
     "to be 3 at least (W + R > N and 2 W > N must hold, N being "
     "versions.copies)"},
    {{"--versions.copies=5", "--versions.read=2"},
     "--versions.read: versions.read: W + R > N is broken: W = 3, R = 2, N = "
     "5; with this W, R has to be 3 at least (W + R > N and 2 W > N must hold, "
     "N being versions.copies)"},
    {{"--versions.write=4"},
     "--versions.write: versions.write: W = 4 of 3 copies, allowed are 2 to 3 "
     "(W + R > N and 2 W > N must hold, N being versions.copies)"},
    {{"--versions.read=4"},
     "--versions.read: versions.read: R = 4 of 3 copies, allowed are 2 to 3 "
     "(W + R > N and 2 W > N must hold, N being versions.copies)"},
    {{"--versions.heartbeat=1s"},
     "--versions.heartbeat: versions.heartbeat: versions.silent_after "
     "(1500ms) must be at least twice versions.heartbeat (1s)"},
  };
  for (const auto& [flags, text] : samples)
    EXPECT_EQ(faults(minimal, flags), text);
}

TEST_F(Load, FillsQuorumsThatAreLeftOut) {
  const auto rule = [&](const std::vector<std::string>& flags) {
    const auto x = from(minimal, flags);
    EXPECT_TRUE(x);
    return quorum_of(x->server.versions);
  };
  EXPECT_EQ(rule({}), (msg::quorum_rule{3, 2, 2}));
  EXPECT_EQ(rule({"--versions.copies=4"}), (msg::quorum_rule{4, 3, 2}));
  EXPECT_EQ(rule({"--versions.copies=5", "--versions.write=5"}),
            (msg::quorum_rule{5, 5, 1}));
  EXPECT_EQ(rule({"--versions.copies=1"}), (msg::quorum_rule{1, 1, 1}));
}

TEST_F(Load, AllowsWhatOnlyLooksContradictory) {
  for (const auto& flags : std::vector<std::vector<std::string>>{
         {"--http.port=0", "--http.bind=0.0.0.0"},
         {"--http.port=7403"},  // Loopback and 10.0.0.5 do not meet.
         {"--group.port=7402"}, // UDP and TCP do not either.
         {"--node.bind=::", "--node.advertise=10.0.0.5", "--http.bind=::1"}})
    EXPECT_EQ(faults(minimal, flags), "none") << flags.front();
}

// SPEC S4: what is secret is never shown, in no form.
TEST(Describe, HidesSecrets) {
  row x;
  x.key = "a.b";
  const auto open = describe(x, value{std::string{"pass\"word"}});
  EXPECT_EQ(open.text, "pass\"word");
  EXPECT_EQ(open.toml, "\"pass\\\"word\"");
  x.secret = true;
  const auto hidden = describe(x, value{std::string{"password"}});
  EXPECT_EQ(hidden.text, "(secret)");
  EXPECT_EQ(hidden.toml, "\"(secret)\"");
}

TEST_F(Load, DashesStandForUnderscoresInFlags) {
  const auto x = from(minimal, {"--group.ping-port=99"});
  ASSERT_TRUE(x) << x.error().context;
  EXPECT_EQ(x->server.group.ping_port, 99);
  EXPECT_THAT(faults(std::string{minimal} + "[group]\nping-port = 99\n"),
              testing::HasSubstr("did you mean group.ping_port?"));
}

} // namespace
} // namespace dfs::settings
