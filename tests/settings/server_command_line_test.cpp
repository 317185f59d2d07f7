#include "settings/server_command_line.hpp"

#include "settings/find_file.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dfs::settings {
namespace {

using testing::HasSubstr;

struct ServerCommandLine : testing::Test {
  test::temp_dir place;
  std::string file = place.write("x.toml", R"([node]
data_dir = "data"
bind = "10.0.0.5"
[security]
bundle = "keys"
[client]
contacts = ["10.0.0.5:7403"]
bundle = "alice"
)");

  result<server_command_line> parse(std::vector<std::string> arguments,
                                    std::vector<std::string> environment = {}) {
    return parse_server_command_line(arguments, environment);
  }

  std::string fault(std::vector<std::string> arguments) {
    arguments.push_back("--config=" + file);
    auto x = parse(std::move(arguments));
    if (x)
      return "none";
    EXPECT_EQ(exit_status(x.error().code), 2); // SPEC S7
    return x.error().context;
  }
};

// SPEC S1: several roles at once.
TEST_F(ServerCommandLine, TakesRolesFileAndSettings) {
  const auto x = parse({"--role", "introducer,master", "--config", file,
                        "--role=fileserver", "--group.port", "99",
                        "--log.level=debug", "--http.public"});
  ASSERT_TRUE(x) << x.error().context;
  EXPECT_EQ(msg::roles_to_string(x->roles), "introducer,master,fileserver");
  EXPECT_EQ(x->settings.group.port, 99);
  EXPECT_EQ(x->settings.log.level, "debug");
  EXPECT_TRUE(x->settings.http.is_public);
  EXPECT_EQ(x->file, file);
  EXPECT_EQ(x->effective.size(), table().size());
}

TEST_F(ServerCommandLine, FindsItsFileByTheEnvironmentToo) {
  const auto x = parse({"--role=introducer"}, {"DFSNODE_CONFIG=" + file});
  ASSERT_TRUE(x) << x.error().context;
  EXPECT_EQ(x->file, file);
}

TEST_F(ServerCommandLine, NeedsNoFileAtAll) {
  EXPECT_TRUE(parse({"--role=introducer", "--node.data_dir=d",
                     "--node.bind=10.0.0.1", "--security.bundle=b"}));
}

TEST_F(ServerCommandLine, TheClientIsARoleOfItsOwn) {
  const auto x = parse({"--role=client", "--config", file});
  ASSERT_TRUE(x) << x.error().context;
  EXPECT_EQ(x->roles, 0);
  EXPECT_EQ(x->client.bundle, place / "alice");
}

// SPEC S1, S4 and bad input: one line: what, and how to mend it.
TEST_F(ServerCommandLine, RefusesWhatCannotBe) {
  EXPECT_EQ(fault({"--role=introducer,client"}),
            "--role: client stands alone; a process that serves holds what "
            "clients must not. Start a second process");
  EXPECT_EQ(fault({"--role=client", "--role=master"}), fault({"--role=client,"
                                                              "master"}));
  EXPECT_EQ(fault({"--role=master", "--role=master"}),
            "--role: a second master; a cluster has one, and a process is it "
            "once");
  EXPECT_EQ(fault({"--role=introducer,introducer"}),
            "--role: 'introducer' is named twice; name it once");
  EXPECT_EQ(fault({"--role=chunksever"}),
            "--role: unknown role 'chunksever' (did you mean 'chunkserver'?); "
            "give some of introducer, master, chunkserver, fileserver, client");
  EXPECT_EQ(fault({"--role="}),
            "--role: unknown role ''; give some of introducer, master, "
            "chunkserver, fileserver, client");
  EXPECT_EQ(fault({"--role"}), "--role: has no value; write --role=VALUE");
  EXPECT_EQ(fault({"--role=master", "members"}),
            "'members' is no flag; a server takes no verb, see dfsnode --role "
            "ROLE --help");
  EXPECT_EQ(fault({"--role=introducer", "--confg=x"}),
            "--confg: unknown flag (did you mean '--config'?)");
  EXPECT_EQ(fault({"--role=introducer", "--group.port"}),
            "--group.port: has no value; write --group.port=VALUE");
  EXPECT_EQ(fault({"--role=introducer", "--group.prot=1"}),
            "--group.prot: unknown setting; did you mean group.port?");
  EXPECT_THAT(fault({}), HasSubstr("--role: is missing"));
}

TEST_F(ServerCommandLine, HelpNamesEverySettingOfServers) {
  const auto x = parse({"--role", "master", "--help"});
  ASSERT_TRUE(x);
  EXPECT_TRUE(x->help);
  for (const auto& row : table())
    EXPECT_EQ(server_help().find(flag_name(row.key)) != std::string::npos,
              row.concerns != any_client);
}

// SPEC S1: `config check FILE --role R` is a verb's business.
TEST(NamesARole, TellsServersFromVerbs) {
  EXPECT_TRUE(names_a_role({"--config=x", "--role=master"}));
  EXPECT_TRUE(names_a_role({"--role"}));
  EXPECT_TRUE(names_a_role({"--config", "members", "--role=master"}));
  EXPECT_TRUE(names_a_role({"--group.port", "99", "--role=master"}));
  EXPECT_TRUE(names_a_role({"--http.public", "--role=master"}));
  EXPECT_FALSE(names_a_role({"config", "check", "f", "--role", "master"}));
  EXPECT_FALSE(names_a_role({"--json", "cluster", "bundle", "--role=master"}));
  EXPECT_FALSE(names_a_role({"--config", "f", "members", "--role=x"}));
  EXPECT_FALSE(names_a_role({"members", "--roles"}));
  EXPECT_FALSE(names_a_role({}));
}

TEST(FindFile, TheFlagThenTheVariableThenTheUsualPlaces) {
  test::temp_dir home;
  std::filesystem::create_directories(home / ".config/dfsnode");
  std::filesystem::create_directories(home / "xdg/dfsnode");
  const auto own = home.write(".config/dfsnode/config.toml", "");
  const auto xdg = home.write("xdg/dfsnode/config.toml", "");
  const auto home_line = "HOME=" + home.path();
  EXPECT_EQ(find_client_file("f", {"DFSNODE_CONFIG=v", home_line}), "f");
  EXPECT_EQ(find_client_file("", {"DFSNODE_CONFIG=v", home_line}), "v");
  EXPECT_EQ(find_client_file("", {home_line}), own);
  EXPECT_EQ(
    find_client_file("", {home_line, "XDG_CONFIG_HOME=" + (home / "xdg")}),
    xdg);
  EXPECT_EQ(find_server_file("", {home_line}), "");
}

} // namespace
} // namespace dfs::settings
