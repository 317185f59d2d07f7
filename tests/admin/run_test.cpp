#include "admin/help.hpp"
#include "admin/parameters.hpp"
#include "admin/run_verb.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace dfs::admin {
namespace {

using test::dfsnode;
using testing::HasSubstr;
using testing::StartsWith;

// SPEC S7, bad input: one line: what, and how to mend it; exit status 2.
TEST(CommandLine, SaysWhatIsWrongInOneLine) {
  const std::pair<std::vector<std::string>, const char*> samples[]{
    {{}, "dfsnode: a command is missing. Try: dfsnode --help\n"},
    {{"confg"},
     "dfsnode: no command 'confg' (did you mean 'config'?). Try: dfsnode "
     "--help\n"},
    {{"xyzzy"}, "dfsnode: no command 'xyzzy'. Try: dfsnode --help\n"},
    {{"config"},
     "dfsnode: 'config' needs one more word: check, reference, show. Try: "
     "dfsnode config --help\n"},
    {{"config", "chek", "f"},
     "dfsnode: no command 'config chek' (did you mean 'check'?). Try: dfsnode "
     "config --help\n"},
    {{"admin", "metadata"},
     "dfsnode: 'admin metadata' needs one more word: backup, restore. Try: "
     "dfsnode admin metadata --help\n"},
    {{"admin", "metadata", "bakcup", "f"},
     "dfsnode: no command 'admin metadata bakcup' (did you mean 'backup'?). "
     "Try: dfsnode admin metadata --help\n"},
    {{"admin", "metadata", "restore", "f"},
     "dfsnode admin metadata restore: --to is missing. Try: dfsnode admin "
     "metadata restore --help\n"},
    {{"config", "check"},
     "dfsnode config check: FILE is missing. Try: dfsnode config check "
     "--help\n"},
    {{"config", "check", "a", "b"},
     "dfsnode config check: one argument too many: 'b'. Try: dfsnode config "
     "check --help\n"},
    {{"config", "check", "--rloe=x", "a"},
     "dfsnode config check: unknown option '--rloe=x' (did you mean "
     "'--role'?). Try: dfsnode config check --help\n"},
    {{"cluster", "bundle", "--nmae", "x"},
     "dfsnode cluster bundle: unknown option '--nmae' (did you mean "
     "'--name'?). Try: dfsnode cluster bundle --help\n"},
    {{"cluster", "user", "u", "--dir=d", "--out=o", "--rights=wirter"},
     "dfsnode cluster user: --rights: 'wirter' is none of: reader, writer, "
     "admin (did you mean 'writer'?). Try: dfsnode cluster user --help\n"},
    {{"config", "show", "--timeout=soon"},
     "dfsnode config show: --timeout: 'soon' is no duration; give one such as "
     "500ms or 3s. Try: dfsnode config show --help\n"},
    {{"config", "show", "--request-id=0"},
     "dfsnode config show: --request-id: '0' is no request id; give the number "
     "that was printed with the request. Try: dfsnode config show --help\n"},
    {{"cluster", "user", "u", "--dir=d", "--out=o", "--days=0"},
     "dfsnode cluster user: --days: 0 is out of range; give one from 1 to "
     "3653. Try: dfsnode cluster user --help\n"},
  };
  for (const auto& [arguments, text] : samples) {
    const auto x = dfsnode(arguments);
    EXPECT_EQ(x.err, text);
    EXPECT_EQ(x.status, 2) << text;
    EXPECT_EQ(x.out, "");
  }
}

TEST(CommandLine, ErrorsAreObjectsForPrograms) {
  const auto x = dfsnode({"config", "chek", "--json"});
  EXPECT_EQ(x.status, 2);
  const auto object = nlohmann::json::parse(x.err);
  EXPECT_EQ(object["error"]["code"], "invalid_argument");
  EXPECT_EQ(object["error"]["exit_status"], 2);
}

// Global options stand before or after the verb.
TEST(CommandLine, GlobalOptionsStandAnywhere) {
  const auto before = dfsnode({"--json", "config", "reference"});
  const auto after = dfsnode({"config", "reference", "--json"});
  EXPECT_EQ(before.status, 0);
  EXPECT_EQ(before.out, after.out);
  EXPECT_THAT(before.out, StartsWith("[{\"key\":\"node.name\""));
  const auto x = dfsnode({"--config", "/none.toml", "config", "show"});
  EXPECT_THAT(x.err, HasSubstr("/none.toml"));
  EXPECT_EQ(x.status, 2);
}

// SPEC S8: underscores are as good as dashes, in verbs and in options.
TEST(CommandLine, UnderscoresAreAsGoodAsDashes) {
  std::size_t used = 0;
  const std::vector<std::string> words{"cluster", "rotate_key"};
  const auto* found = find_verb(words, used);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, "cluster rotate-key");
  EXPECT_EQ(used, 2u);
  EXPECT_EQ(dfsnode({"config", "reference", "--request_id", "7"}).status, 0);
  EXPECT_EQ(dfsnode({"--no_color", "config", "reference"}).status, 0);
}

TEST(CommandLine, VersionNamesEveryLibrary) {
  const auto x = dfsnode({"--version"});
  EXPECT_EQ(x.status, 0);
  for (const char* name :
       {"dfsnode", "CAF", "OpenSSL", "toml++", "fmt", "CLI11", "libedit"})
    EXPECT_THAT(x.out, HasSubstr(name));
  const auto object
    = nlohmann::json::parse(dfsnode({"--version", "--json"}).out);
  EXPECT_EQ(object["dfsnode"], DFS_VERSION);
  EXPECT_EQ(object["CAF"], "0.17.6");
  for (const auto& [name, version] : object.items())
    EXPECT_NE(version, "") << name;
}

// Nothing is taken for what it does not say.
TEST(CommandLine, ValuesAreHonouredOrRefused) {
  const std::pair<std::vector<std::string>, const char*> samples[]{
    {{"config", "show", "--json=true"}, "--json takes no value"},
    {{"config", "show", "--config", ""}, "--config has an empty value"},
    {{"config", "show", "--config="}, "--config has an empty value"},
    {{"members", "--node", ""}, "--node has an empty value"},
    {{"members", "--timeout"}, "--timeout needs a value: TIME"},
    {{"--timeout"}, "--timeout needs a value: TIME"},
    {{"-V"}, "unknown option '-V'"},
    {{""}, "the command is empty"},
    {{"log", "levle"}, "did you mean 'level'?"},
    {{"config", "foo"}, "there are check, reference, show"},
    {{std::string(5'000, 'x')}, "xxx...'"},
  };
  for (const auto& [arguments, text] : samples) {
    const auto x = dfsnode(arguments);
    EXPECT_THAT(x.err, HasSubstr(text));
    EXPECT_EQ(x.status, 2) << text;
    EXPECT_LT(x.err.size(), 300u);
  }
}

// SPEC S4: every setting is a flag.
TEST(CommandLine, SettingsOfTheClientAreFlags) {
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"config", "show", "--changed", "--client.timeout=3s"},
         {"--client.timeout", "3s", "config", "show", "--changed"}}) {
    const auto x = dfsnode(words);
    EXPECT_EQ(x.status, 0) << x.err;
    EXPECT_THAT(x.out, HasSubstr("client.timeout  3s"));
  }
  const auto x = dfsnode({"members", "--client.timout=3s"});
  EXPECT_EQ(x.status, 2);
  EXPECT_THAT(x.err, HasSubstr("client.timout"));
}

// SPEC S7: what was not written was not done.
TEST(CommandLine, OutputThatDoesNotArriveIsAnError) {
  struct full : std::streambuf {
    int overflow(int) override {
      return traits_type::eof();
    }
  } disk;
  std::ostream out{&disk};
  std::ostringstream err;
  surroundings around;
  around.out = &out;
  around.err = &err;
  EXPECT_EQ(run({"--version"}, around), 1);
  EXPECT_THAT(err.str(), StartsWith("dfsnode: cannot write the output"));
}

// Whichever node answers must not be the one that goes.
TEST(CommandLine, LeaveAndJoinSayWhichNode) {
  for (const char* verb : {"leave", "join"}) {
    const auto x = dfsnode({verb});
    EXPECT_EQ(x.status, 2);
    EXPECT_THAT(x.err, HasSubstr("--contact"));
  }
}

// SPEC S7: --help for each verb, with an example that begins like it.
TEST(Help, EveryVerbHasHelpWithExamples) {
  const auto general = dfsnode({"--help"});
  EXPECT_EQ(general.status, 0);
  for (const auto& x : verbs()) {
    EXPECT_THAT(general.out, HasSubstr("  " + x.name + " "));
    std::vector<std::string> words;
    std::istringstream split{x.name + " --help"};
    for (std::string word; split >> word;)
      words.push_back(word);
    const auto help = dfsnode(words);
    EXPECT_EQ(help.status, 0) << x.name;
    EXPECT_THAT(help.out, StartsWith("usage: dfsnode " + x.name));
    EXPECT_THAT(help.out, HasSubstr("--json"));
    EXPECT_THAT(help.out, HasSubstr("examples:\n  dfsnode " + x.name))
      << x.name;
    EXPECT_EQ(x.help.back(), '.') << x.name;
  }
  // Pipelines can be pasted: the program stands where it is called.
  EXPECT_THAT(dfsnode({"write", "--help"}).out,
              HasSubstr("\n  printf XYZ | dfsnode write "));
  EXPECT_THAT(dfsnode({"put", "--help"}).out,
              HasSubstr("\n  tar c photos | dfsnode put "));
  EXPECT_EQ(dfsnode({"help", "config", "check"}).out,
            dfsnode({"config", "check", "--help"}).out);
  EXPECT_THAT(dfsnode({"dev", "--help"}).out, HasSubstr("  dev stop "));
  EXPECT_THAT(dfsnode({"members", "--help"}).out,
              testing::Not(HasSubstr("--of")));
  EXPECT_THAT(dfsnode({"cluster", "--help"}).out,
              HasSubstr("cluster rotate-key"));
}

TEST(Help, GoldenPageOfAVerb) {
  EXPECT_EQ(dfsnode({"cluster", "user", "--help"}).out,
            R"(usage: dfsnode cluster user --dir DIR --out DIR [OPTIONS] NAME

Make a user's credential.

  NAME           of the user
  --dir DIR      directory made by `cluster init`
  --rights WORD  what the user may do (reader, writer, admin) [reader]
  --out DIR      the new directory
  --days DAYS    validity of the certificate [365]

with any command:
  --config FILE       where the settings stand
  --json              print JSON
  --timeout TIME      time for each request
  --request-id ID     number of this request: a retry under it does nothing twice
  --verbose           say more
  --no-color          no colours, as with NO_COLOR
  --client.KEY VALUE  a setting, over environment and file
  --help

examples:
  dfsnode cluster user alice --dir home --rights writer --out alice
)");
}

// SPEC S7: NO_COLOR, --no-color and pipes.
TEST(Color, OnlyWhereItIsWanted) {
  const std::vector<std::string> show{"config", "show"};
  const auto bold = "\033[1m";
  EXPECT_THAT(dfsnode(show, {}, true).out, HasSubstr(bold));
  EXPECT_THAT(dfsnode(show, {"NO_COLOR="}, true).out, HasSubstr(bold));
  EXPECT_THAT(dfsnode(show, {"NO_COLOR=1"}, true).out,
              testing::Not(HasSubstr(bold)));
  EXPECT_THAT(dfsnode({"config", "show", "--no-color"}, {}, true).out,
              testing::Not(HasSubstr(bold)));
  EXPECT_THAT(dfsnode(show).out, testing::Not(HasSubstr(bold)));
}

TEST(Context, ACredentialThatIsNotThereIsNamed) {
  global_options options;
  surroundings around;
  around.environment
    = {"DFSNODE_CLIENT_CONTACTS=10.0.0.1:7403", "DFSNODE_CLIENT_BUNDLE=/none"};
  std::ostringstream ignored;
  output out{ignored, ignored, {}};
  verb_context context{options, around, out};
  const auto x = context.cluster();
  ASSERT_FALSE(x);
  EXPECT_EQ(x.error().code, ec::configuration);
  EXPECT_EQ(x.error().context,
            "cannot read /none/user.key: No such file or directory; make one "
            "with `dfsnode cluster user`");
}

TEST(Context, TheTimeoutOptionOverridesTheFile) {
  global_options options;
  options.timeout = std::chrono::seconds{3};
  surroundings around;
  around.environment = {"DFSNODE_CLIENT_CONTACTS=10.0.0.1:7403",
                        "DFSNODE_CLIENT_BUNDLE=b", "DFSNODE_CLIENT_TIMEOUT=9s"};
  std::ostringstream ignored;
  output out{ignored, ignored, {}};
  verb_context context{options, around, out};
  const auto x = context.client_settings();
  ASSERT_TRUE(x) << x.error().context;
  EXPECT_EQ(x->timeout, std::chrono::seconds{3});
  EXPECT_EQ(x->contacts.size(), 1u);
}

} // namespace
} // namespace dfs::admin
