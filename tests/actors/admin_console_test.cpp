#include "actors/admin_console.hpp"

#include "actors/support/log.hpp"
#include "actors/support/subsystem.hpp"
#include "actors/support/to_caf.hpp"
#include "support/deterministic_system.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

struct AdminConsoleTest : ::testing::Test, test::deterministic_system {
  actor_registry registry;
  health_board board;
  admin_console_actor console = spawn_subsystem(
    sys, registry, {.name = "admin-console"}, admin_console,
    admin_sources{&registry, &board, {{{"http.port", "7404", "default"}}}});

  ~AdminConsoleTest() override {
    stop(console);
  }
};

// SPEC O1
TEST_F(AdminConsoleTest, ListsActorsAndItself) {
  const auto actors = ask<msg::actor_list>(console, msg::list_actors{});
  ASSERT_TRUE(actors);
  ASSERT_EQ(actors->actors.size(), 1u);
  EXPECT_EQ(actors->actors[0].name, "admin-console");
  const auto detail
    = ask<msg::actor_detail>(console, msg::get_actor{"admin-console"});
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->stats.messages, 1u);
  EXPECT_EQ(detail->recent[0].type, "dfs::msg::list_actors");
  const auto nobody = ask<msg::actor_detail>(console, msg::get_actor{"eve"});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error(), ec::not_found);
}

// SPEC O1: a level can be set before there is anything to read.
TEST_F(AdminConsoleTest, KnowsTheLevelsOfWhoNeverLogged) {
  const auto quiet
    = spawn_subsystem(sys, registry, {.name = "never-logged"}, admin_console,
                      admin_sources{&registry, &board, {}});
  const auto levels = ask<msg::log_levels>(
    console, msg::set_log_level{"never-logged", "Debug", 0s, "eve"});
  ASSERT_TRUE(levels) << sys.render(levels.error());
  EXPECT_THAT(levels->subsystems,
              Contains(msg::log_level{"never-logged", "debug", 0s}));
  stop(quiet);
}

TEST_F(AdminConsoleTest, ShowsSettingsAndHealth) {
  const auto config = ask<msg::config_list>(console, msg::get_config{});
  ASSERT_TRUE(config);
  EXPECT_THAT(config->entries,
              Contains(msg::config_entry{"http.port", "7404", "default"}));
  board.heartbeat(sys.clock().now());
  board.set("group", false, "not joined");
  const auto health = ask<msg::health_report>(console, msg::get_health{});
  ASSERT_TRUE(health);
  EXPECT_TRUE(health->live);
  EXPECT_FALSE(health->ready);
}

// SPEC S5, O1
TEST_F(AdminConsoleTest, ChangesLogLevelsAndWritesDownWhoDidIt) {
  const auto file = std::filesystem::temp_directory_path()
                    / ("dfs-audit-" + std::to_string(::getpid()) + ".log");
  ASSERT_TRUE(start_log({.file = file.string()}));
  const auto logger = log_for("admin-test");
  const auto levels = ask<msg::log_levels>(
    console, msg::set_log_level{"admin-test", "debug", 5min, "eve\nadmin"});
  ASSERT_TRUE(levels);
  EXPECT_THAT(levels->subsystems,
              Contains(msg::log_level{"admin-test", "debug", 300s}));
  EXPECT_EQ(logger->level(), spdlog::level::debug);
  const auto refuse = [&](msg::set_log_level x, ec why) {
    const auto outcome = ask<msg::log_levels>(console, std::move(x));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), why);
  };
  refuse({"admin-test", "loud", 0s, "eve"}, ec::invalid_argument);
  refuse({"admin-test", "info", 48h, "eve"}, ec::invalid_argument);
  refuse({"admin-test", "info", -1s, "eve"}, ec::invalid_argument);
  refuse({"nobody-logs-so", "info", 0s, "eve"}, ec::not_found);
  refuse({"audit", "off", 0s, "eve"}, ec::denied);
  const auto now = ask<msg::log_levels>(console, msg::get_log_levels{});
  ASSERT_TRUE(now);
  EXPECT_THAT(now->subsystems,
              Contains(msg::log_level{"admin-test", "debug", 300s}));
  stop_log();
  ASSERT_TRUE(set_log_level("admin-test", spdlog::level::info));
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  std::filesystem::remove(file);
  EXPECT_THAT(text.str(),
              HasSubstr("info audit set log level principal=\"eve\\nadmin\" "
                        "subsystem=admin-test level=debug seconds=300\n"));
}

} // namespace
} // namespace dfs::actors
