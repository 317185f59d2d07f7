#include "settings/table.hpp"

#include "settings/load.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <span>

namespace dfs::settings {
namespace {

const std::string source = DFS_SOURCE_DIR;

TEST(Table, GivesEachSettingItsOwnNames) {
  std::set<std::string> keys;
  std::set<std::string> variables;
  for (const auto& x : table()) {
    EXPECT_TRUE(keys.insert(x.key).second) << x.key;
    EXPECT_TRUE(variables.insert(environment_name(x.key)).second) << x.key;
    EXPECT_EQ(x.key.find('-'), std::string::npos);
    EXPECT_FALSE(x.help.empty()) << x.key;
    EXPECT_EQ(x.help.back(), '.') << x.key;
    EXPECT_FALSE(x.required && !x.fallback.empty()) << x.key;
    EXPECT_EQ(find_row(x.key), &x);
  }
  EXPECT_EQ(environment_name("group.ping_port"), "DFSNODE_GROUP_PING_PORT");
  EXPECT_EQ(find_row("group.nothing"), nullptr);
}

TEST(Table, DefaultsAreWhatTheyThemselvesAllow) {
  for (const auto& x : table()) {
    if (x.fallback.empty())
      continue;
    const auto found = convert(x.form, words{x.fallback});
    ASSERT_TRUE(found) << x.key;
    EXPECT_EQ(to_text(x.form, *found), x.fallback) << x.key;
  }
}

// The core derives its times; the table must not have others.
TEST(Table, FailureDefaultsAreTheCores) {
  const auto loaded = load({}, audience{});
  ASSERT_TRUE(loaded);
  const auto& defaults = loaded->server;
  const core::failure_config config;
  EXPECT_EQ(defaults.failure.verdict_alone, config.verdict_alone);
  EXPECT_EQ(defaults.failure.monitors, config.monitors);
  EXPECT_EQ(defaults.failure.leave_max, config.leave_max);
  EXPECT_EQ(defaults.failure.loss_percent, config.loss_percent);
}

// SPEC S4: the reference says what the program does, every row of it.
TEST(Table, DocsConfigurationIsItsReference) {
  const auto page = test::temp_dir::read(source + "/docs/configuration.md");
  EXPECT_TRUE(page == reference())
    << "run: dfsnode config reference > docs/configuration.md";
  for (const auto& x : table())
    EXPECT_NE(page.find("`" + x.key + "`"), std::string::npos) << x.key;
}

using field_reader = std::int64_t (*)(const all_sections&);

void expect_own_fields(
  std::span<const std::pair<const char*, field_reader>> fields) {
  all_sections all;
  std::int64_t next = 1;
  for (const auto& [key, read] : fields)
    find_row(key)->store(all, value{next++});
  next = 1;
  for (const auto& [key, read] : fields)
    EXPECT_EQ(read(all), next++) << key;
}

// A row that writes to its neighbour's field would go unnoticed otherwise.
TEST(Table, RowsOfOneTypeReachTheirOwnFields) {
  const std::pair<const char*, field_reader> fields[]{
    {"group.port", [](auto& x) -> std::int64_t { return x.server.group.port; }},
    {"group.ping_port",
     [](auto& x) -> std::int64_t { return x.server.group.ping_port; }},
    {"control.port",
     [](auto& x) -> std::int64_t { return x.server.control.port; }},
    {"control.links_max",
     [](auto& x) -> std::int64_t { return x.server.control.links_max; }},
    {"control.unverified_max",
     [](auto& x) -> std::int64_t { return x.server.control.unverified_max; }},
    {"control.handshake_timeout",
     [](auto& x) { return x.server.control.handshake_timeout.count(); }},
    {"control.idle_timeout",
     [](auto& x) { return x.server.control.idle_timeout.count(); }},
    {"http.port", [](auto& x) -> std::int64_t { return x.server.http.port; }},
    {"http.connections_max",
     [](auto& x) -> std::int64_t { return x.server.http.connections_max; }},
    {"http.idle_timeout",
     [](auto& x) { return x.server.http.idle_timeout.count(); }},
    {"node.drain_timeout",
     [](auto& x) { return x.server.node.drain_timeout.count(); }},
    {"client.timeout", [](auto& x) { return x.client.timeout.count(); }},
  };
  expect_own_fields(fields);
}

TEST(Table, RowsOfStreamsReachTheirOwnFields) {
  const std::pair<const char*, field_reader> fields[]{
    {"stream.port",
     [](auto& x) -> std::int64_t { return x.server.stream.port; }},
    {"stream.data_port",
     [](auto& x) -> std::int64_t { return x.server.stream.data_port; }},
    {"stream.version_port",
     [](auto& x) -> std::int64_t { return x.server.stream.version_port; }},
    {"stream.connections_max",
     [](auto& x) -> std::int64_t { return x.server.stream.connections_max; }},
    {"stream.connections_per_principal_max",
     [](auto& x) -> std::int64_t {
       return x.server.stream.connections_per_principal_max;
     }},
    {"stream.unverified_max",
     [](auto& x) -> std::int64_t { return x.server.stream.unverified_max; }},
    {"stream.requests_max",
     [](auto& x) -> std::int64_t { return x.server.stream.requests_max; }},
    {"stream.requests_per_connection_max",
     [](auto& x) -> std::int64_t {
       return x.server.stream.requests_per_connection_max;
     }},
    {"stream.requests_per_principal_max",
     [](auto& x) -> std::int64_t {
       return x.server.stream.requests_per_principal_max;
     }},
    {"stream.subscriptions_max",
     [](auto& x) -> std::int64_t { return x.server.stream.subscriptions_max; }},
    {"stream.subscriptions_per_principal_max",
     [](auto& x) -> std::int64_t {
       return x.server.stream.subscriptions_per_principal_max;
     }},
    {"stream.unsent_bytes_max",
     [](auto& x) {
       return static_cast<std::int64_t>(x.server.stream.unsent_bytes_max);
     }},
    {"stream.write_bytes_min",
     [](auto& x) {
       return static_cast<std::int64_t>(x.server.stream.write_bytes_min);
     }},
    {"stream.handshake_timeout",
     [](auto& x) { return x.server.stream.handshake_timeout.count(); }},
    {"stream.idle_timeout",
     [](auto& x) { return x.server.stream.idle_timeout.count(); }},
    {"stream.write_timeout",
     [](auto& x) { return x.server.stream.write_timeout.count(); }},
    {"stream.token_life",
     [](auto& x) { return x.server.stream.token_life.count(); }},
  };
  expect_own_fields(fields);
}

TEST(Table, RowsOfVersionsReachTheirOwnFields) {
  const std::pair<const char*, field_reader> fields[]{
    {"versions.copies",
     [](auto& x) -> std::int64_t { return x.server.versions.copies; }},
    {"versions.write",
     [](auto& x) -> std::int64_t { return x.server.versions.write; }},
    {"versions.read",
     [](auto& x) -> std::int64_t { return x.server.versions.read; }},
    {"versions.groups",
     [](auto& x) -> std::int64_t { return x.server.versions.groups; }},
    {"versions.keep",
     [](auto& x) -> std::int64_t { return x.server.versions.keep; }},
    {"versions.keep_life",
     [](auto& x) { return x.server.versions.keep_life.count(); }},
    {"versions.trash_life",
     [](auto& x) { return x.server.versions.trash_life.count(); }},
    {"versions.outcome_life",
     [](auto& x) { return x.server.versions.outcome_life.count(); }},
    {"versions.heartbeat",
     [](auto& x) { return x.server.versions.heartbeat.count(); }},
    {"versions.silent_after",
     [](auto& x) { return x.server.versions.silent_after.count(); }},
    {"versions.repair_delay",
     [](auto& x) { return x.server.versions.repair_delay.count(); }},
    {"versions.repair_parallel",
     [](auto& x) -> std::int64_t { return x.server.versions.repair_parallel; }},
    {"versions.repair_rate",
     [](auto& x) {
       return static_cast<std::int64_t>(x.server.versions.repair_rate);
     }},
  };
  expect_own_fields(fields);
}

// SPEC S4: the samples are files that a node could start with.
TEST(Table, SampleFilesAreValid) {
  std::set<std::string> seen;
  for (const auto& file :
       std::filesystem::directory_iterator{source + "/config"}) {
    const auto name = file.path().stem().string();
    const auto roles = msg::parse_roles(name);
    const auto found
      = load({file.path(), {}, {}}, roles ? audience{*roles} : any_client);
    EXPECT_TRUE(found) << found.error().context;
    seen.insert(name);
  }
  EXPECT_THAT(seen, testing::ElementsAre("chunkserver", "client", "fileserver",
                                         "introducer", "master"));
}

} // namespace
} // namespace dfs::settings
