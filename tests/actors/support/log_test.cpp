#include "actors/support/log.hpp"
#include "actors/support/log_format.hpp"
#include "actors/support/log_writer.hpp"
#include "support/eventually.hpp"

#include <fcntl.h>
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
using ::testing::HasSubstr;
using ::testing::Not;

constexpr log_time noon{std::chrono::milliseconds{1'795'262'707'123}};

log_line line_at(log_time time, std::string message = "member joined") {
  return {time, spdlog::level::info, "membership", std::move(message), {}};
}

struct Log : ::testing::Test {
  std::string file = (std::filesystem::temp_directory_path()
                      / ("dfs-log-" + std::to_string(::getpid()) + ".log"))
                       .string();

  ~Log() override {
    std::filesystem::remove(file);
    std::filesystem::remove(file + ".1");
  }

  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
  }
};

// SPEC S5
TEST(LogFormat, IsOneLineAnEvent) {
  auto x = line_at(noon);
  x.fields = {{"id", "10.0.0.5:7401@17"}, {"cause", "no ack"}, {"count", 3}};
  EXPECT_EQ(format_log_line(x, false),
            "2026-11-21T12:05:07.123Z info membership member joined "
            "id=10.0.0.5:7401@17 cause=\"no ack\" count=3\n");
  EXPECT_EQ(format_log_line(x, true),
            R"({"time":"2026-11-21T12:05:07.123Z","level":"info",)"
            R"("subsystem":"membership","message":"member joined",)"
            R"("id":"10.0.0.5:7401@17","cause":"no ack","count":3})"
            "\n");
}

// Nobody writes lines of our log by choosing a name.
TEST(LogFormat, LetsNoValueForgeALineAField) {
  auto x = line_at(noon, "hello\n2026-11-21T12:05:07.123Z info fake");
  x.fields = {{"name", "eve\r\nadmin=true \x1b[2J\" \\ \xff \xc2\x9b"},
              {"umlaut", "\xc3\xa4"},
              {"long", std::string(5'000, 'a')}};
  for (const auto json : {false, true}) {
    const auto text = format_log_line(x, json);
    SCOPED_TRACE(text.substr(0, 300));
    EXPECT_EQ(text.find('\n'), text.size() - 1);
    EXPECT_EQ(text.find('\r'), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\xff'), std::string::npos);
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
    EXPECT_THAT(text, HasSubstr(R"(eve\r\nadmin=true \u001b[2J\" \\ \u00ff)"));
    EXPECT_THAT(text, HasSubstr("\xc3\xa4"));
    EXPECT_LT(text.size(), 3'000u);
  }
}

TEST(LogRepeats, AreHeldBackAndCounted) {
  repeat_limiter limiter;
  auto admitted = 0;
  for (auto i = 0; i < 100; ++i)
    admitted += limiter.admit(line_at(noon + i * 10ms)) ? 1 : 0;
  EXPECT_EQ(admitted, 5);
  auto other = line_at(noon);
  other.fields = {{"id", "another"}};
  EXPECT_TRUE(limiter.admit(other)) << "another event";
  EXPECT_TRUE(limiter.expire(noon + 9s).empty());
  const auto reports = limiter.expire(noon + 10s);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].message, "member joined");
  ASSERT_EQ(reports[0].fields.size(), 1u);
  EXPECT_EQ(reports[0].fields[0].key, "repeated");
  EXPECT_EQ(reports[0].fields[0].value, "95");
  EXPECT_TRUE(limiter.admit(line_at(noon + 11s))) << "a new window";
}

TEST(LogRepeats, AreNoWayRoundTheLimitByChangingValues) {
  repeat_limiter limiter;
  auto admitted = 0;
  for (auto i = 0; i < 10'000; ++i)
    admitted += limiter.admit(line_at(noon, std::to_string(i))) ? 1 : 0;
  EXPECT_EQ(admitted, 500);
  const auto reports = limiter.expire(noon + 1s);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].fields[0].value, "9500");
}

TEST_F(Log, WritesAndReopensForWhoeverRotates) { // SPEC S5
  log_writer writer;
  ASSERT_TRUE(writer.start(file, false));
  writer.write(line_at(noon, "before"));
  EXPECT_TRUE(test::eventually(
    [&] { return read(file).find("before") != std::string::npos; }));
  std::filesystem::rename(file, file + ".1");
  writer.reopen();
  EXPECT_TRUE(test::eventually([&] { return std::filesystem::exists(file); }));
  writer.write(line_at(noon, "after"));
  writer.stop();
  EXPECT_THAT(read(file), HasSubstr("after"));
  EXPECT_THAT(read(file + ".1"), Not(HasSubstr("after")));
}

TEST_F(Log, RefusesAFileThatCannotBe) {
  log_writer writer;
  const auto outcome = writer.start("/nowhere/at/all.log", false);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ec::configuration);
  EXPECT_THAT(outcome.error().context, HasSubstr("/nowhere/at/all.log"));
}

// RELIABILITY: a full log disk costs lines, not service.
TEST_F(Log, GoesOnWhenTheDiskIsFull) {
  log_writer writer;
  ASSERT_TRUE(writer.start("/dev/full", false));
  for (auto i = 0; i < 100; ++i)
    writer.write(line_at(noon + i * 1ms, std::to_string(i)));
  EXPECT_TRUE(test::eventually([&] { return writer.lost() == 100; }));
  writer.stop();
}

// A reader who does not read must not stop whoever logs, nor the exit.
TEST_F(Log, NeverWaitsForAReader) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const auto error_output = ::dup(STDERR_FILENO);
  ::dup2(pipe[1], STDERR_FILENO);
  const auto began = std::chrono::file_clock::now();
  {
    log_writer writer;
    const auto started = writer.start("", false);
    for (auto i = 0; i < 100'000; ++i)
      writer.write({noon + std::chrono::milliseconds{i * 10},
                    spdlog::level::info,
                    "subsystem-" + std::to_string(i % 400),
                    std::to_string(i),
                    {}});
    EXPECT_GT(writer.lost(), 0u);
    writer.stop();
  }
  const auto took = std::chrono::file_clock::now() - began;
  ::dup2(error_output, STDERR_FILENO);
  ::close(error_output);
  ::close(pipe[0]);
  ::close(pipe[1]);
  EXPECT_LT(took, 10s);
}

// SPEC S5: levels per subsystem, at run time too, and for a while.
TEST_F(Log, ChangesLevelsOfOneSubsystem) {
  const auto logger = log_for("log-test");
  EXPECT_EQ(log_for("log-test"), logger);
  const auto other = log_for("log-test-other");
  ASSERT_TRUE(
    start_log({.file = file, .levels = {{"log-test", spdlog::level::err}}}));
  log_event(*logger, spdlog::level::info, "unheard");
  ASSERT_TRUE(set_log_level("log-test", spdlog::level::debug, 1s));
  log_event(*logger, spdlog::level::debug, "heard", {{"id", 7}});
  log_event(*other, spdlog::level::debug, "unheard");
  const auto levels = current_log_levels();
  EXPECT_THAT(levels.subsystems,
              ::testing::Contains(msg::log_level{"log-test", "debug", 1s}));
  EXPECT_TRUE(
    test::eventually([&] { return logger->level() == spdlog::level::err; }))
    << "it goes back by itself";
  EXPECT_FALSE(set_log_level("nobody", spdlog::level::debug));
  ASSERT_TRUE(set_log_level("*", spdlog::level::warn));
  EXPECT_EQ(logger->level(), spdlog::level::warn);
  EXPECT_EQ(log_for("log-test-new")->level(), spdlog::level::warn);
  ASSERT_TRUE(set_log_level("*", spdlog::level::info));
  stop_log();
  EXPECT_THAT(read(file), HasSubstr("debug log-test heard id=7\n"));
  EXPECT_THAT(read(file), Not(HasSubstr("unheard")));
}

// SPEC S5: who may do anything must not do it unseen.
TEST_F(Log, NothingSilencesTheAudit) {
  ASSERT_TRUE(
    start_log({.file = file,
               .level = spdlog::level::off,
               .levels = {{std::string{audit_log_name}, spdlog::level::err}}}));
  const auto audit = log_for(audit_log_name);
  EXPECT_EQ(audit->level(), spdlog::level::info);
  for (const auto lasts : {0s, 60s}) {
    ASSERT_TRUE(set_log_level("*", spdlog::level::off, lasts));
    EXPECT_EQ(audit->level(), spdlog::level::info);
    const auto outcome
      = set_log_level(audit_log_name, spdlog::level::warn, lasts);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ec::denied);
    EXPECT_THAT(outcome.error().context, HasSubstr("cannot be silenced"));
  }
  ASSERT_TRUE(set_log_level(audit_log_name, spdlog::level::debug));
  EXPECT_EQ(audit->level(), spdlog::level::debug);
  ASSERT_TRUE(set_log_level(audit_log_name, spdlog::level::info));
  ASSERT_TRUE(set_log_level("*", spdlog::level::info));
  stop_log();
}

TEST_F(Log, NamesWhoLogsWhenAskedForSomebodyElse) {
  const auto known = log_for("log-test");
  const auto outcome = set_log_level("lgo-test", spdlog::level::debug);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ec::not_found);
  EXPECT_THAT(outcome.error().context, HasSubstr("'lgo-test'; known: "));
  EXPECT_THAT(outcome.error().context, HasSubstr("log-test"));
}

TEST_F(Log, KnowsItsLevelsByName) {
  EXPECT_EQ(*parse_log_level("WaRNing"), spdlog::level::warn);
  for (const auto* name :
       {"trace", "debug", "info", "warning", "error", "critical", "off"})
    EXPECT_EQ(log_level_name(*parse_log_level(name)), name);
  const auto unknown = parse_log_level("loud");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().context, HasSubstr("loud"));
}

} // namespace
} // namespace dfs::actors
